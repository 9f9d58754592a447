"""Pictures at another size."""

import cv2
import numpy as np
import pytest

from common.images.resize import resized


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_shrinking_averages_over_the_area(channels, dtype):
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (3, 32, 32, channels)).astype(dtype)
    small = resized(pixels, 16)
    mean = pixels.reshape(3, 16, 2, 16, 2, channels).astype(np.float64).mean(axis=(2, 4))
    assert small.shape == (3, 16, 16, channels) and small.dtype == dtype
    assert np.abs(small - mean).max() <= 0.5


def test_growing_interpolates_and_the_same_size_is_left_alone():
    pixels = np.random.default_rng(0).integers(0, 255, (2, 16, 16, 3)).astype(np.uint8)
    np.testing.assert_array_equal(resized(pixels, 24)[1], cv2.resize(pixels[1], (24, 24)))
    assert resized(pixels, 16) is pixels
