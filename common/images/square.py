"""A decoded picture as training wants it: so many channels, so many bits, square."""

import cv2
import numpy as np

from common.errors import PodiumError
from common.images.store import ImageStore


def decoded_square(
    store: ImageStore, file: str, size: tuple[int, int, int], dtype: np.dtype, resize: str
) -> np.ndarray:
    """The picture `file` of a store as (side, side, channels) of `dtype`; see `to_square`."""
    return to_square(to_channels(to_depth(store.read(file), dtype), size[2], file), size[0], resize)


def to_channels(picture: np.ndarray, channels: int, name: str) -> np.ndarray:
    """Grey (h, w), RGB (h, w, 3) or four bands (h, w, 4) to (h, w, channels), same dtype.

    To 1: grey as it is, the luminance of colours. To 3: grey thrice, the first three of four bands. To 4: only what
    is stored with four bands; raises PodiumError for others.
    """
    bands = 1 if picture.ndim == 2 else picture.shape[2]
    if channels == 4 and bands != 4:
        raise PodiumError(f"channels: 4, but the picture {name} is stored with {bands}; set channels to 3 or 1")
    if bands == channels:
        return picture.reshape(*picture.shape[:2], channels)
    if bands == 1:
        return np.repeat(picture[:, :, None], channels, axis=2)
    if channels == 3:
        return np.ascontiguousarray(picture[:, :, :3])
    return cv2.cvtColor(np.ascontiguousarray(picture[:, :, :3]), cv2.COLOR_RGB2GRAY)[:, :, None]


def to_depth(picture: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """uint8 or uint16 to `dtype`; 255 becomes 65535."""
    if picture.dtype == np.uint8 and dtype == np.uint16:
        return picture.astype(np.uint16) * 257
    if picture.dtype != dtype:
        raise PodiumError(f"a picture of {picture.dtype} does not fit a cache of {dtype}; run preprocess again")
    return picture


def to_square(picture: np.ndarray, size_px: int, resize: str) -> np.ndarray:
    """(height, width, channels) to (size_px, size_px, channels), same dtype; averages over the area when it shrinks."""
    height, width = picture.shape[:2]
    if resize == "crop":
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        picture = picture[top : top + side, left : left + side]
    elif resize == "pad":
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        grey = np.iinfo(picture.dtype).max // 2
        padding = (top, side - height - top, left, side - width - left)
        picture = cv2.copyMakeBorder(picture, *padding, cv2.BORDER_CONSTANT, value=(grey,) * 4)
    shrinks = picture.shape[0] >= size_px and picture.shape[1] >= size_px
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(picture, (size_px, size_px), interpolation=interpolation)
    return resized.reshape(size_px, size_px, -1)  # OpenCV drops an axis of length 1
