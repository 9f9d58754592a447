"""One perceptual hash: pictures that look alike differ in few of its 64 bits, turned or mirrored ones too."""

import cv2
import numpy as np

FLAT = 0
"""The hash of a picture with nothing in it: it says nothing about what the picture is like."""

_SIDE_PX = 32
_LOW_FREQUENCIES = 8
# Of the full range. Below one grey level (of 8 bits, or of the 12 that sensors put into 16) rounding decides the bits.
_FLAT_SHARE = {1: 0.004, 2: 0.00025}  # by bytes a value

_ODD_COLUMNS = np.uint64(0x5555_5555_5555_5555)  # bits of the frequencies that a mirror from left to right turns round
_ODD_ROWS = np.uint64(0x00FF_00FF_00FF_00FF)


def perceptual_hash(pixels: np.ndarray) -> int:
    """64 bits of the 8 x 8 lowest frequencies of a 32 x 32 grey picture: the signs of their waves.

    pixels  (h, w), RGB (h, w, 3) or RGB and another band (h, w, 4), which is not looked at; uint8 or uint16

    Re-encoding, resizing and a little noise change a few bits, brightness and contrast hardly any; cropping
    changes many. A turn or a mirror changes them by rule: see `turned_and_mirrored`. Returns FLAT for a picture
    of (nearly) one grey. The method is pHash's (Zauner, Implementation and Benchmarking of Perceptual Image Hash
    Functions, 2010) but for one thing: bits are cut at 0, not at the median, which no rule would carry along.
    """
    whole = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.ndim == 3 else pixels
    grey = cv2.resize(whole, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    grey /= np.iinfo(pixels.dtype).max
    if grey.std() < _FLAT_SHARE[pixels.itemsize]:
        return FLAT
    bits = cv2.dct(grey)[:_LOW_FREQUENCIES, :_LOW_FREQUENCIES].ravel() > 0
    return int(np.packbits(bits).view(">u8")[0])


def turned_and_mirrored(hashes: np.ndarray) -> np.ndarray:
    """The hashes of the same pictures after each of the 8 turns and mirrors of a square: (8, n) from (n,) uint64.

    A mirror changes the sign of every odd frequency in its direction and of no other; a mirror at the diagonal
    swaps rows and columns of frequencies. All 8 are made of these; the first is the picture as it is.
    """
    # The average grey (the first bit) is no wave, and keeps its sign.
    both = np.stack([hashes, _transposed(hashes)])
    return np.concatenate([both, both ^ _ODD_COLUMNS, both ^ _ODD_ROWS, both ^ _ODD_COLUMNS ^ _ODD_ROWS])


def _transposed(bits: np.ndarray) -> np.ndarray:
    """Each of (n,) uint64 as an 8 x 8 matrix of bits, transposed (H. Warren, Hacker's Delight, 2012, 7-3)."""
    for shift, mask in ((7, 0x00AA_00AA_00AA_00AA), (14, 0x0000_CCCC_0000_CCCC), (28, 0x0000_0000_F0F0_F0F0)):
        by = np.uint64(shift)
        swapped = (bits ^ (bits >> by)) & np.uint64(mask)
        bits = bits ^ swapped ^ (swapped << by)
    return bits
