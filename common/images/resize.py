"""Square pictures at another size: from one map at the largest size come those that a training begins with."""

import cv2
import numpy as np


def resized(pixels: np.ndarray, size_px: int) -> np.ndarray:
    """(n, side, side, channels), uint8 or uint16, to (n, size_px, size_px, channels) of the same dtype.

    Averages over the area when it shrinks, so that fine patterns turn grey instead of into coarse ones. Pixels that
    have the size already come back as they are.
    """
    if pixels.shape[1] == size_px:
        return pixels
    interpolation = cv2.INTER_AREA if pixels.shape[1] > size_px else cv2.INTER_LINEAR
    out = np.empty((len(pixels), size_px, size_px, pixels.shape[3]), dtype=pixels.dtype)
    for row, picture in enumerate(pixels):
        small = cv2.resize(picture, (size_px, size_px), interpolation=interpolation)
        out[row] = small.reshape(out[row].shape)  # cv2 drops the axis of a single channel
    return out
