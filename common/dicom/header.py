"""The header of a DICOM file: what decides how its pixels are to be read and shown, and nothing about the patient.

pydicom reads the data set, told to skip every attribute but the few that are needed; values are taken from their
bytes here, since pydicom's conversions warn by quoting the value and stop at trifles. References "PS3.x" are to
the DICOM standard, https://dicom.nema.org/medical/dicom/current.
"""

import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pydicom import config
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from common.dicom.transfer_syntax import BY_UID, DEFLATED, IMPLICIT, TransferSyntax
from common.dicom.unreadable import UnreadableRadiograph
from common.dicom.values import Values
from common.dicom.voi import Lut, Window, read_lut, read_window

MOST_PIXELS = 1 << 27
"""Of one frame. Large detectors have a tenth; a damaged header may claim 4,295 million."""

_MOST_INFLATED_BYTES = 4 * MOST_PIXELS
_FLOAT_PIXELS = frozenset((0x7FE00008, 0x7FE00009))
_PIXEL_DATA = _FLOAT_PIXELS | {0x7FE00010}  # a set: pydicom compares tags in Python, which takes half of the reading
_TAGS: list = [
    *(0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011),  # samples, photometric, frames, rows, columns
    *(0x00280100, 0x00280101, 0x00280102, 0x00280103),  # bits allocated, bits stored, high bit, signed
    *(0x00280120, 0x00280121),  # padding value and range limit
    *(0x00281050, 0x00281051, 0x00281056, 0x00283010),  # window centre, width, function, VOI LUT
    *(0x00281052, 0x00281053, 0x00283000),  # rescale intercept, slope, modality LUT
    0x20500020,  # presentation LUT shape
]
_FUNCTIONAL_GROUPS = [0x52009229, 0x52009230]  # of all frames, of each frame: read where a frame is chosen


@dataclass(frozen=True)
class Grey:
    """How stored values become what is shown; hashable, so that a table is made once for many files.

    rescale       slope and intercept, or None
    modality_lut  instead of a rescale (PS3.3 C.11.1)
    window        the first of several (PS3.3 C.11.2); `voi_lut` goes before it
    padding       least and greatest stored value that is no part of the picture (PS3.3 C.7.5.1.1.2)
    ignored       what stands in the file and was not followed, with the reason
    """

    bits_stored: int
    high_bit: int
    is_signed: bool
    is_inverted: bool
    rescale: tuple[float, float] | None
    modality_lut: Lut | None
    window: Window | None
    voi_lut: Lut | None
    padding: tuple[int, int] | None
    ignored: tuple[str, ...]


@dataclass(frozen=True)
class Header:
    """`data[start:]` is the value of the pixel data: of `length` bytes, or of fragments where `length` is None.

    data             the file, or its inflated data set
    is_word_swapped  big endian bytes that were written as 16-bit words
    """

    syntax: TransferSyntax
    photometric_interpretation: str
    rows: int
    columns: int
    frames: int
    bits_allocated: int
    grey: Grey
    data: bytes
    start: int
    length: int | None
    is_word_swapped: bool


def read_header(data: bytes, frame: int | None = None) -> Header:
    """Read what is needed of a whole DICOM file, or of its beginning up to the pixel data.

    frame  the frame whose own values count, in files that give them frame by frame

    Raises UnreadableRadiograph: no DICOM, cut short, damaged, colour, several frames and none chosen, values that
    the standard does not allow.
    """
    try:
        with _quiet():
            return _read_header(data, frame)
    except (UnreadableRadiograph, MemoryError):
        raise
    except Exception as error:  # a damaged header makes the parser stumble anywhere, and its message may quote it
        raise UnreadableRadiograph(f"the header is damaged ({type(error).__name__})") from None


@contextmanager
def _quiet() -> Iterator[None]:
    """pydicom's warnings quote values, which may name a patient."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        was, config.logger.disabled = config.logger.disabled, True
        try:
            yield
        finally:
            config.logger.disabled = was


def _read_header(data: bytes, frame: int | None) -> Header:
    syntax, begin = _file_meta(data)
    if syntax is DEFLATED:
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        data, begin = inflate.decompress(data[begin:], _MOST_INFLATED_BYTES), 0
        if inflate.unconsumed_tail:
            raise UnreadableRadiograph(f"inflates to more than {_MOST_INFLATED_BYTES:,} bytes")
    file = io.BytesIO(data)
    file.seek(begin)
    dataset = read_dataset(
        file,
        is_implicit_VR=syntax is IMPLICIT,
        is_little_endian=not syntax.is_big_endian,
        stop_when=lambda tag, vr, length: tag in _PIXEL_DATA,
        specific_tags=_TAGS if frame is None else [*_TAGS, *_FUNCTIONAL_GROUPS],
    )
    values = Values(dataset, not syntax.is_big_endian)
    start, length, vr = _pixel_element(data, file.tell(), syntax, values)
    photometric = _photometric(values)
    frames = _frames(values, frame)
    bits_allocated, bits_stored, high_bit, is_signed = _bits(values)
    rows, columns = values.required_number(0x00280010, "Rows"), values.required_number(0x00280011, "Columns")
    if not 0 < rows * columns <= MOST_PIXELS:
        raise UnreadableRadiograph(f"claims {rows} rows and {columns} columns; at most {MOST_PIXELS:,} pixels are read")
    return Header(
        syntax=syntax,
        photometric_interpretation=photometric,
        rows=rows,
        columns=columns,
        frames=frames,
        bits_allocated=bits_allocated,
        grey=_grey(values, dataset, frame, photometric, bits_stored, high_bit, is_signed),
        data=data,
        start=start,
        length=length,
        is_word_swapped=syntax.is_big_endian and vr == b"OW" and bits_allocated <= 8,
    )


def _file_meta(data: bytes) -> tuple[TransferSyntax, int]:
    """The transfer syntax, and where the data set begins (PS3.10 7.1); group 2 is always explicit, little endian."""
    place = 132 if data[128:132] == b"DICM" else 0
    if place == 0 and data[:2] not in (b"\x02\x00", b"\x08\x00"):  # group 2 or 8, where the prefix was left out
        raise UnreadableRadiograph("not a DICOM file" if data else "the file is empty")
    uid = None
    while data[place : place + 2] == b"\x02\x00" and place + 12 <= len(data):
        element, vr, length = struct.unpack_from("<2xH2sH", data, place)
        place += 8
        if vr in (b"OB", b"UN", b"UT", b"OW", b"SQ", b"UC", b"UR"):
            (length,) = struct.unpack_from("<L", data, place)
            place += 4
        if element == 0x0010:
            uid = data[place : place + length].rstrip(b"\0 ").decode("ascii", "replace")
        place += length
    if place >= len(data):
        raise UnreadableRadiograph("cut short: ends before the data set")
    if uid is None:
        # Written before part 10 of the standard: implicit little endian was the default of the network.
        if data[128:132] == b"DICM" or place:
            raise UnreadableRadiograph("has no transfer syntax")
        return IMPLICIT, place
    if uid not in BY_UID:
        shown = uid if re.fullmatch(r"1\.2\.840\.10008(\.\d{1,4}){1,6}", uid) else "not of the standard"
        raise UnreadableRadiograph(f"its transfer syntax cannot be decoded ({shown})")
    return BY_UID[uid], place


def _pixel_element(data: bytes, place: int, syntax: TransferSyntax, values: Values) -> tuple[int, int | None, bytes]:
    """Where the value of the pixel data begins, its length (None where undefined), and its VR."""
    order = ">" if syntax.is_big_endian else "<"
    if place + 8 > len(data):
        raise UnreadableRadiograph("has no pixel data, or is cut short before it")
    group, element, vr, length = struct.unpack_from(f"{order}HH2sH", data, place)
    if (group << 16 | element) in _FLOAT_PIXELS:
        raise UnreadableRadiograph("its pixels are floating-point numbers, not stored grey values")
    if values.is_implicit:
        (length,) = struct.unpack_from(f"{order}L", data, place + 4)
        vr, start = b"OW", place + 8
    elif vr in (b"OB", b"OW", b"UN"):
        if place + 12 > len(data):
            raise UnreadableRadiograph("cut short: ends at the pixel data")
        (length,) = struct.unpack_from(f"{order}L", data, place + 8)
        start = place + 12
    else:
        raise UnreadableRadiograph("its pixel data is of no kind that the standard allows")
    return start, None if length == 0xFFFFFFFF else length, vr


def _photometric(values: Values) -> str:
    samples = values.required_number(0x00280002, "Samples per Pixel")
    photometric = values.text(0x00280004)
    if photometric is None:
        raise UnreadableRadiograph("has no Photometric Interpretation")
    colour = photometric in ("RGB", "PALETTE COLOR") or photometric.startswith("YBR_")
    if samples != 1 or colour:
        raise UnreadableRadiograph("a colour picture, not a radiograph")
    if photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise UnreadableRadiograph("its Photometric Interpretation is neither MONOCHROME1 nor MONOCHROME2")
    return photometric


def _frames(values: Values, frame: int | None) -> int:
    found, numbers = values.bytes_of(0x00280008), values.decimals(0x00280008)
    if found and found[0].strip(b" \0") and not numbers:
        raise UnreadableRadiograph("its Number of Frames is no number")
    frames = int(numbers[0]) if numbers else 1
    if frames < 1:
        raise UnreadableRadiograph(f"claims {frames} frames")
    if frames > 1 and frame is None:
        raise UnreadableRadiograph(f"has {frames} frames, so it is no radiograph; `frame` in the recipe chooses one")
    if frame is not None and frame >= frames:
        raise UnreadableRadiograph(f"has no frame {frame}: {frames} frame(s), counted from 0")
    return frames


def _bits(values: Values) -> tuple[int, int, int, bool]:
    allocated = values.required_number(0x00280100, "Bits Allocated")
    stored = values.required_number(0x00280101, "Bits Stored")
    high = values.number(0x00280102)
    signed = values.required_number(0x00280103, "Pixel Representation")
    high = stored - 1 if high is None else high
    if allocated not in (1, 8, 16, 32) or not 1 <= stored <= allocated or not stored - 1 <= high < allocated:
        raise UnreadableRadiograph(
            f"claims {allocated} bits allocated, {stored} stored, high bit {high}, which do not go together"
        )
    return allocated, stored, high, signed == 1


def _grey(
    values: Values,
    dataset: Dataset,
    frame: int | None,
    photometric: str,
    bits_stored: int,
    high_bit: int,
    is_signed: bool,
) -> Grey:
    ignored: list[str] = []
    groups = [values, *values.functional_groups(frame)] if frame is not None else [values]
    modality = next((group for group in groups if group.has(0x00283000) or group.has(0x00281053)), values)
    voi = next((group for group in groups if group.has(0x00283010) or group.has(0x00281050)), values)
    modality_lut = read_lut(modality, 0x00283000, is_signed, "modality LUT")
    rescale = None if modality_lut else _rescale(modality, ignored)
    lowest = 0.0
    if rescale and is_signed:
        lowest = rescale[1] - abs(rescale[0]) * 2 ** (bits_stored - 1)
    elif rescale:
        lowest = rescale[1] + min(0.0, rescale[0]) * 2**bits_stored
    elif is_signed and not modality_lut:
        lowest = -1.0
    voi_lut = read_lut(voi, 0x00283010, lowest < 0, "VOI LUT")
    return Grey(
        bits_stored=bits_stored,
        high_bit=high_bit,
        is_signed=is_signed,
        # Either says so, and where both do they mean the same inversion (PS3.3 C.8.11.3.1.2).
        is_inverted=photometric == "MONOCHROME1" or values.text(0x20500020) == "INVERSE",
        rescale=rescale,
        modality_lut=modality_lut,
        window=None if voi_lut else read_window(voi, ignored),
        voi_lut=voi_lut,
        padding=_padding(values, is_signed),
        ignored=tuple(ignored),
    )


def _rescale(values: Values, ignored: list[str]) -> tuple[float, float] | None:
    slope, intercept = values.decimals(0x00281053), values.decimals(0x00281052)
    if not slope and not intercept:
        return None
    found = (slope[0] if slope else 1.0, intercept[0] if intercept else 0.0)
    if found[0] == 0 or max(map(abs, found)) > 1e12:
        ignored.append(f"a rescale slope of {found[0]:g} and intercept of {found[1]:g}")
        return None
    return None if found == (1.0, 0.0) else found


def _padding(values: Values, is_signed: bool) -> tuple[int, int] | None:
    """As signed as the pixels are, whatever its VR says: writers confuse US and SS."""
    value, limit = values.number(0x00280120, is_signed), values.number(0x00280121, is_signed)
    if value is None:
        return None
    limit = value if limit is None else limit
    return min(value, limit), max(value, limit)
