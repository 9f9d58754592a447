"""Pixel data to words, by the fastest decoder that was found for each transfer syntax.

Measured by benchmarks/dicom.py: imagecodecs decodes every compressed syntax faster than GDCM does, also JPEG 2000
(OpenJPEG 2.5 against 2.3), and reads the 12-bit JPEG Extended files that GDCM refuses. Uncompressed pixels are not
copied at all. HTJ2K is left to OpenJPEG too: OpenJPH takes half its time, but imagecodecs 2026.3.6 drops its errors,
so that a damaged stream gives memory that was never written.
"""

import struct
import zlib

import imagecodecs
import numpy as np

from common.dicom.codestream import Claims, agree, check_rle, read_jpeg, read_jpeg2000
from common.dicom.header import Header
from common.dicom.unreadable import UnreadableRadiograph

_JPEG_FRAMES = bytes((0xC0, 0xC1, 0xC3))  # baseline, extended, lossless
_JPEGLS_FRAMES = bytes((0xF7,))
_DECODED_BY = {
    "native": "",
    "deflate": "zlib",
    "rle": "imagecodecs dicomrle",
    "jpeg": "imagecodecs jpeg8",
    "jpegls": "imagecodecs jpegls",
    "jpeg2000": "imagecodecs jpeg2k",
    "htj2k": "imagecodecs jpeg2k",
}


def decoder_name(header: Header) -> str:
    """What `decode` uses, with its version."""
    name = _DECODED_BY[header.syntax.codec]
    version = f" {imagecodecs.__version__}" if name.startswith("imagecodecs") else ""
    return f"{name}{version}" if name else "none needed"


def decode(header: Header, frame: int = 0) -> np.ndarray:
    """The words of one frame as they are stored, bits that carry no value included.

    Returns (rows, columns) uint8, uint16 or uint32; uint8 of 0 and 1 where one bit is allocated. It may be a
    read-only view on the file.

    Raises UnreadableRadiograph: cut short, damaged, or not what the header says.
    """
    if not header.syntax.is_encapsulated:
        return _native(header, header.data, header.start, header.length, frame)
    stream = _frame_stream(header, frame)
    try:
        words = _DECODERS[header.syntax.codec](header, stream)
    except (UnreadableRadiograph, MemoryError):
        raise
    except Exception as error:  # each codec has errors of its own
        raise UnreadableRadiograph(f"its {header.syntax.name} stream is damaged ({type(error).__name__})") from None
    if words.shape != (header.rows, header.columns):
        raise UnreadableRadiograph("its codestream does not hold the picture that its header describes")
    return words


def _native(header: Header, data: bytes, start: int, length: int | None, frame: int) -> np.ndarray:
    """A view on the bytes; one bit a pixel is unpacked, and big endian words are turned round."""
    if length is None:
        raise UnreadableRadiograph("its pixel data has no length, though it is not compressed")
    pixels, bits = header.rows * header.columns, header.bits_allocated
    needed = (pixels * bits * header.frames + 7) // 8
    present = min(length, len(data) - start)
    if present < needed:
        raise UnreadableRadiograph(f"its pixel data is cut short: {max(0, present):,} of {needed:,} bytes")
    if bits == 1:
        first = frame * pixels
        begin, end = first // 8, (first + pixels + 7) // 8
        octets = _octets(header, data, start, begin, end)
        flat = np.unpackbits(octets, bitorder="little")[first % 8 :][:pixels]
    elif bits == 8:
        flat = _octets(header, data, start, frame * pixels, (frame + 1) * pixels)
    else:
        order = ">" if header.syntax.is_big_endian else "<"
        flat = np.frombuffer(data, f"{order}u{bits // 8}", pixels, start + frame * pixels * bits // 8)
        flat = flat.astype(flat.dtype.newbyteorder("="), copy=False)
    return flat.reshape(header.rows, header.columns)


def _octets(header: Header, data: bytes, start: int, begin: int, end: int) -> np.ndarray:
    if not header.is_word_swapped:
        return np.frombuffer(data, np.uint8, end - begin, start + begin)
    even = begin // 2 * 2
    words = np.frombuffer(
        data[start + even : start + (end + 1) // 2 * 2].ljust((end + 1) // 2 * 2 - even, b"\0"), "<u2"
    )
    return words.byteswap().view(np.uint8)[begin - even : end - even]


def _frame_stream(header: Header, frame: int) -> bytes:
    """The bytes of one frame, put together from its fragments (PS3.5 A.4)."""
    if header.length is not None:
        raise UnreadableRadiograph("its pixel data is compressed, but not in fragments")
    (table, size), *fragments = _fragments(header.data, header.start)
    if not fragments:
        raise UnreadableRadiograph("has no compressed pixel data")
    if header.frames == 1:
        chosen = fragments
    elif len(fragments) == header.frames:
        chosen = fragments[frame : frame + 1]
    elif size == 4 * header.frames:
        offsets = struct.unpack_from(f"<{header.frames}L", header.data, table)
        ends = [*offsets[1:], 1 << 40]
        first = fragments[0][0] - 8  # offsets count from the first fragment's own header
        chosen = [one for one in fragments if offsets[frame] <= one[0] - 8 - first < ends[frame]]
    else:
        raise UnreadableRadiograph(f"its {len(fragments)} fragments cannot be told apart as {header.frames} frames")
    return b"".join(header.data[begin : begin + length] for begin, length in chosen)


def _fragments(data: bytes, place: int) -> list[tuple[int, int]]:
    """Begin and length of the offset table and of each fragment."""
    found: list[tuple[int, int]] = []
    while place + 8 <= len(data):
        tag, length = struct.unpack_from("<4sL", data, place)
        if tag == b"\xfe\xff\xdd\xe0" and found:
            return found
        if tag != b"\xfe\xff\x00\xe0":
            raise UnreadableRadiograph("the fragments of its pixel data are damaged")
        place += 8
        if place + length > len(data):
            break
        found.append((place, length))
        place += length
    raise UnreadableRadiograph("its pixel data is cut short: it has no end")


def _rle(header: Header, stream: bytes) -> np.ndarray:
    if header.bits_allocated == 1:
        raise UnreadableRadiograph("one bit a pixel cannot be RLE compressed")
    size = header.bits_allocated // 8
    check_rle(stream, header.rows, header.columns, size)
    decoded = imagecodecs.dicomrle_decode(stream, dtype=np.dtype(f"<u{size}"))
    return np.frombuffer(decoded, f"<u{size}", header.rows * header.columns).reshape(header.rows, header.columns)


def _jpeg(header: Header, stream: bytes) -> np.ndarray:
    claims = read_jpeg(stream, _JPEG_FRAMES)
    agree(claims, header.rows, header.columns, header.bits_allocated)
    return _words(header, imagecodecs.jpeg8_decode(stream), claims)


def _jpegls(header: Header, stream: bytes) -> np.ndarray:
    claims = read_jpeg(stream, _JPEGLS_FRAMES)
    agree(claims, header.rows, header.columns, header.bits_allocated)
    return _words(header, imagecodecs.jpegls_decode(stream), claims)


def _jpeg2000(header: Header, stream: bytes) -> np.ndarray:
    claims, stream = read_jpeg2000(stream)
    agree(claims, header.rows, header.columns, header.bits_allocated)
    return _words(header, imagecodecs.jpeg2k_decode(stream), claims)


def _deflate(header: Header, stream: bytes) -> np.ndarray:
    """One frame by itself; frames of single bits begin on a byte here (PS3.5 A.4.13)."""
    size = (header.rows * header.columns * header.bits_allocated + 7) // 8
    data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream, size + 1)
    single = Header(**{**vars(header), "frames": 1})
    return _native(single, data, 0, len(data), 0)


def _words(header: Header, pixels: np.ndarray, claims: Claims) -> np.ndarray:
    """As unsigned words. Where the codestream has fewer bits than are stored, its sign is not the header's."""
    if pixels.dtype.kind == "i":
        pixels = pixels.view(f"u{pixels.itemsize}")
    if claims.bits >= header.grey.bits_stored:
        return pixels
    held = pixels & pixels.dtype.type((1 << claims.bits) - 1)
    if not header.grey.is_signed:
        return held
    sign = 1 << (claims.bits - 1)
    return ((held.astype(np.int32) ^ sign) - sign).astype(np.int16).view(np.uint16)


_DECODERS = {
    "deflate": _deflate,
    "rle": _rle,
    "jpeg": _jpeg,
    "jpegls": _jpegls,
    "jpeg2000": _jpeg2000,
    "htj2k": _jpeg2000,
}
