"""One perceptual hash: pictures that look alike differ in few of its 64 bits."""

import cv2
import numpy as np

FLAT = 0
"""The hash of a picture with nothing in it: it says nothing about what the picture is like."""

_SIDE_PX = 32
_LOW_FREQUENCIES = 8
_FLAT_SHARE = 0.004  # of the full range: below one grey level of 8 bits, rounding decides the bits


def perceptual_hash(pixels: np.ndarray) -> int:
    """64 bits of the 8 x 8 lowest frequencies of a 32 x 32 grey picture: which are above their median.

    pixels  (h, w) or RGB (h, w, 3), uint8 or uint16

    Re-encoding, resizing and a little noise change a few bits, brightness and contrast hardly any; turning
    and cropping change many. Returns FLAT for a picture of (nearly) one grey. The method is pHash's
    (Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010).
    """
    whole = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.ndim == 3 else pixels
    grey = cv2.resize(whole, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    grey /= np.iinfo(pixels.dtype).max
    if grey.std() < _FLAT_SHARE:
        return FLAT
    low = cv2.dct(grey)[:_LOW_FREQUENCIES, :_LOW_FREQUENCIES].ravel()
    bits = low > np.median(low)
    return int(np.packbits(bits).view(">u8")[0])
