"""Drawn pictures as the files of a sample: whole ones, and the odd ones that real data sets hold."""

import io

import cv2
import numpy as np
from PIL import Image


def jpeg(pixels: np.ndarray, mode: str = "RGB") -> bytes:
    """(height, width, 3) uint8 as a JPEG of Pillow's `mode`: RGB, L (grey) or CMYK."""
    return _encoded(Image.fromarray(pixels).convert(mode), "JPEG", quality=88)


def cut_short(pixels: np.ndarray) -> bytes:
    """A JPEG of which the last part is missing."""
    whole = jpeg(pixels)
    return whole[: len(whole) * 3 // 5]


def lying_on_its_side(pixels: np.ndarray) -> bytes:
    """As a camera writes what it took upright: turned, and with a note to turn it back."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return _encoded(Image.fromarray(np.ascontiguousarray(np.rot90(pixels))), "JPEG", quality=88, exif=exif)


def again(pixels: np.ndarray) -> bytes:
    """The same picture as another site would show it: a little smaller, and compressed harder."""
    height, width = pixels.shape[:2]
    smaller = cv2.resize(pixels, (round(width * 0.92), round(height * 0.92)), interpolation=cv2.INTER_AREA)
    return _encoded(Image.fromarray(smaller), "JPEG", quality=70)


def png_with_alpha(pixels: np.ndarray) -> bytes:
    """A PNG with a fourth channel, which hides nothing."""
    return _encoded(Image.fromarray(pixels).convert("RGBA"), "PNG")


def _encoded(image: Image.Image, form: str, **settings: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **settings)
    return out.getvalue()
