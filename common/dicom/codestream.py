"""What a compressed picture claims to be, read from its own header before any decoder sees it.

Decoders allocate what the header of the codestream asks for, whatever the file around it says: one byte may ask for
gigabytes. So the two must agree first, and what no radiograph has is refused.
"""

import struct
from dataclasses import dataclass

from common.dicom.unreadable import UnreadableRadiograph

_MOST_TILES = 1 << 14  # OpenJPEG takes 6 kB a tile before it reads the first one
_JPEG_END = b"\xff\xd9"
_J2K_BEGIN = b"\xff\x4f\xff\x51"
_JP2_BEGIN = b"\x00\x00\x00\x0cjP  "


@dataclass(frozen=True)
class Claims:
    """is_signed  None where the format does not say"""

    rows: int
    columns: int
    components: int
    bits: int
    is_signed: bool | None = None


def read_jpeg(stream: bytes, allowed: bytes) -> Claims:
    """The frame header of a JPEG or JPEG-LS stream (ITU-T T.81 B.2.2, T.87 C.2.2).

    allowed  second bytes of the frame markers that the transfer syntax may hold
    """
    place = 2
    if stream[:2] != b"\xff\xd8":
        raise UnreadableRadiograph("its pixel data is no JPEG stream")
    if stream.rfind(_JPEG_END, max(0, len(stream) - 1024)) < 0:
        raise UnreadableRadiograph("its JPEG stream is cut short: it has no end marker")
    while place + 4 <= len(stream):
        if stream[place] != 0xFF:
            break
        marker = stream[place + 1]
        if marker == 0xFF:  # fill bytes
            place += 1
            continue
        (length,) = struct.unpack_from(">H", stream, place + 2)
        if marker in allowed and length >= 8 and place + 10 <= len(stream):
            bits, rows, columns, components = struct.unpack_from(">BHHB", stream, place + 4)
            return Claims(rows, columns, components, bits)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            raise UnreadableRadiograph("its JPEG stream is of a kind that its transfer syntax does not allow")
        place += 2 + length
    raise UnreadableRadiograph("its JPEG stream has no frame header")


def read_jpeg2000(stream: bytes) -> tuple[Claims, bytes]:
    """The size marker of a JPEG 2000 codestream (ITU-T T.800 A.5.1), and the codestream without the boxes of a JP2."""
    if stream[:8] == _JP2_BEGIN:
        stream = stream[max(0, stream.find(_J2K_BEGIN, 0, 1 << 16)) :]
    if stream[:4] != _J2K_BEGIN or len(stream) < 45:
        raise UnreadableRadiograph("its pixel data is no JPEG 2000 codestream")
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top, components, depth, dx, dy = (
        struct.unpack_from(">8LHBBB", stream, 8)
    )
    if not (left < right and top < bottom and tile_width and tile_height and dx == dy == 1):
        raise UnreadableRadiograph("its JPEG 2000 codestream claims an impossible size")
    tiles = (-(-(right - tile_left) // tile_width)) * (-(-(bottom - tile_top) // tile_height))
    if tiles > _MOST_TILES:
        raise UnreadableRadiograph(f"its JPEG 2000 codestream claims {tiles:,} tiles; at most {_MOST_TILES:,} are read")
    return Claims(bottom - top, right - left, components, (depth & 0x7F) + 1, bool(depth & 0x80)), stream


def check_rle(stream: bytes, rows: int, columns: int, segments: int) -> None:
    """The offsets of an RLE frame (PS3.5 G.5), and whether it is long enough: two bytes give 128 at most."""
    if len(stream) < 64:
        raise UnreadableRadiograph("its RLE frame is cut short")
    count, *offsets = struct.unpack_from("<16L", stream)
    if count != segments:
        raise UnreadableRadiograph(f"its RLE frame claims {count} segments, where its bits need {segments}")
    ends = [*offsets[1:count], len(stream)]
    if offsets[0] != 64 or any(begin >= end for begin, end in zip(offsets, ends, strict=False)) or ends[-1] < ends[0]:
        raise UnreadableRadiograph("the segments of its RLE frame are in disorder")
    if 64 * (len(stream) - 64) < rows * columns * segments:
        raise UnreadableRadiograph("its RLE frame is cut short")


def agree(claims: Claims, rows: int, columns: int, bits_allocated: int) -> None:
    """Refuse a codestream that is not what the header of the file says."""
    if (claims.rows, claims.columns) != (rows, columns):
        raise UnreadableRadiograph(
            f"its header says {rows} rows and {columns} columns, its codestream {claims.rows} and {claims.columns}"
        )
    if claims.components != 1:
        raise UnreadableRadiograph(f"its codestream has {claims.components} components; a radiograph has one")
    if not 1 <= claims.bits <= min(bits_allocated, 16) and not (claims.bits <= 8 and bits_allocated == 1):
        raise UnreadableRadiograph(f"its codestream has {claims.bits} bits, where {bits_allocated} are allocated")
