"""Words to pixel data in any transfer syntax that `decode` reads losslessly: to rewrite files, and to draw some."""

import struct

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from common.dicom.transfer_syntax import TransferSyntax

_LOSSLESS_JPEG_PREDICTOR = 1  # the one that "SV1" in the syntax's name stands for
_SIZ_DEPTH = 42  # place of the first component's depth in a codestream that begins with the markers SOC and SIZ


def set_pixels(dataset: Dataset, words: np.ndarray, syntax: TransferSyntax) -> None:
    """Give `dataset` these pixels, in one frame; its attributes must describe them already.

    words  (rows, columns) uint8, uint16 or uint32 as allocated
    """
    bits, is_signed = int(dataset.BitsStored), dataset.PixelRepresentation == 1
    if syntax.is_encapsulated:
        dataset.PixelData = encapsulate([encode_frame(words, syntax, bits, is_signed)], has_bot=False)
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    else:
        data = words.astype(words.dtype.newbyteorder(">" if syntax.is_big_endian else "<")).tobytes()
        data += b"\0" * (len(data) % 2)
        if syntax.is_big_endian and words.itemsize == 1:
            data = np.frombuffer(data, "<u2").byteswap().tobytes()  # bytes stand in words
        dataset.PixelData = data
        dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OW", False


def encode_frame(words: np.ndarray, syntax: TransferSyntax, bits_stored: int, is_signed: bool) -> bytes:
    """One frame, losslessly. What is signed is two's complement in `words`, as in a DICOM file.

    Raises ValueError for a transfer syntax that is not written here, and for 32-bit words that a codec does not take.
    """
    words = np.ascontiguousarray(words)
    if words.itemsize > 2 and syntax.codec != "rle":
        raise ValueError(f"{syntax.name}: at most 16 bits are allocated to a pixel here")
    if syntax.codec == "rle":
        return _rle(words)
    if syntax.codec == "jpegls":
        return bytes(imagecodecs.jpegls_encode(words, out=2 * words.nbytes + 1024))  # its own guess fails on noise
    if syntax.codec == "jpeg" and "Lossless" in syntax.name:
        bits = 8 * words.itemsize
        predictor = _LOSSLESS_JPEG_PREDICTOR
        return bytes(imagecodecs.jpeg8_encode(words, lossless=True, predictor=predictor, bitspersample=bits))
    if syntax.codec == "jpeg2000":
        values = _values(words, bits_stored, is_signed)
        return bytes(imagecodecs.jpeg2k_encode(values, codecformat="j2k", reversible=True, bitspersample=bits_stored))
    if syntax.codec == "htj2k":
        return _htj2k(_values(words, bits_stored, is_signed), bits_stored)
    raise ValueError(f"{syntax.name} is not written here")


def _values(words: np.ndarray, bits_stored: int, is_signed: bool) -> np.ndarray:
    """Signed words as numbers; bits above the stored ones go."""
    masked = words & ((1 << bits_stored) - 1)
    if not is_signed:
        return masked.astype(words.dtype)
    sign = 1 << (bits_stored - 1)
    return ((masked.astype(np.int32) ^ sign) - sign).astype(f"i{words.itemsize}")


def _htj2k(values: np.ndarray, bits_stored: int) -> bytes:
    """imagecodecs lets the depth of an HTJ2K stream be 8 or 16 alone, but the standard wants that of the bits stored.

    The depth decides one thing in a reversible stream: half of its range is taken from unsigned values before coding.
    So values are raised by the difference of the halves, and the true depth is written into the header.
    """
    bits = 8 * values.itemsize
    if values.dtype.kind == "u" and bits_stored < bits:
        values = values + values.dtype.type((1 << (bits - 1)) - (1 << (bits_stored - 1)))
    levels = min(5, max(1, int(min(values.shape)).bit_length() - 1))
    stream = bytearray(imagecodecs.htj2k_encode(values, reversible=True, resolutions=levels))
    stream[_SIZ_DEPTH] = (stream[_SIZ_DEPTH] & 0x80) | (bits_stored - 1)
    return bytes(stream)


def _rle(words: np.ndarray) -> bytes:
    """PS3.5 annex G: planes of bytes, the most significant first, each row packed by itself."""
    planes = words.astype(words.dtype.newbyteorder(">")).view(np.uint8).reshape(*words.shape, words.itemsize)
    segments = []
    for plane in np.moveaxis(planes, -1, 0):
        packed = b"".join(imagecodecs.packbits_encode(row.tobytes()) for row in plane)
        segments.append(packed + b"\0" * (len(packed) % 2))
    offsets = 64 + np.cumsum([0, *map(len, segments[:-1])])
    return struct.pack("<16L", len(segments), *offsets, *[0] * (15 - len(segments))) + b"".join(segments)
