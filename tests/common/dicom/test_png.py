"""The PNG holds the 16 bits that it was given."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from common.dicom.png import encode_png16


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (255, 3), (256, 7), (257, 300), (700, 5)])
def test_every_value_comes_back(shape):
    pixels = np.random.default_rng(0).integers(0, 65536, shape).astype(np.uint16)
    data = encode_png16(pixels)
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert read.dtype == np.uint16 and np.array_equal(read, pixels)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)


def test_a_part_of_a_larger_array_is_encoded_as_it_is():
    pixels = np.arange(60000, dtype=np.uint16).reshape(200, 300)[10:90:2, ::3]
    assert np.array_equal(cv2.imdecode(np.frombuffer(encode_png16(pixels), np.uint8), cv2.IMREAD_UNCHANGED), pixels)


def test_eight_bits_are_refused():
    with pytest.raises(TypeError, match="uint8"):
        encode_png16(np.zeros((2, 2), np.uint8))
