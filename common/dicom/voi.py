"""Look-up tables and windows as they stand in a header."""

import struct
from dataclasses import dataclass

import numpy as np

from common.dicom.unreadable import UnreadableRadiograph
from common.dicom.values import Values

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


@dataclass(frozen=True)
class Lut:
    """`entries[k]` for the value `first + k`; lower and higher values get the first and the last entry.

    entries  little endian uint16, as bytes, so that a table can be hashed
    bits     of an entry: 2**bits - 1 is white
    """

    first: int
    bits: int
    entries: bytes

    @property
    def values(self) -> np.ndarray:
        return np.frombuffer(self.entries, "<u2")


@dataclass(frozen=True)
class Window:
    function: str
    centre: float
    width: float


def read_lut(values: Values, sequence: int, is_signed: bool, name: str) -> Lut | None:
    """The first look-up table of a sequence (PS3.3 C.11.1.1.1, C.11.2.1.1); None where there is none.

    is_signed  of its first value, where the file does not say
    """
    item = values.first_item(sequence)
    if item is None:
        return None
    descriptor, data = item.bytes_of(0x00283002), item.bytes_of(0x00283006)
    if descriptor is None or len(descriptor[0]) < 6 or data is None:
        raise UnreadableRadiograph(f"its {name} is incomplete")
    is_signed = descriptor[1] == "SS" or (descriptor[1] != "US" and is_signed)
    count, _, bits = struct.unpack_from(f"{item.order}HHH", descriptor[0])
    (first,) = struct.unpack_from(f"{item.order}{'h' if is_signed else 'H'}", descriptor[0], 2)
    count = count or 1 << 16
    if not 1 <= bits <= 16:
        raise UnreadableRadiograph(f"its {name} claims entries of {bits} bits")
    if len(data[0]) >= 2 * count:
        entries = np.frombuffer(data[0], f"{item.order}u2", count)
    elif bits <= 8 and len(data[0]) >= count:
        entries = _packed_bytes(data[0], count, item.order == ">" and data[1] != "OB")
    else:
        raise UnreadableRadiograph(f"its {name} is cut short: {len(data[0])} bytes for {count} entries")
    return Lut(first, bits, entries.astype("<u2").tobytes())


def _packed_bytes(data: bytes, count: int, is_swapped: bool) -> np.ndarray:
    """Entries of one byte each; in big endian files they were swapped with the words that hold them."""
    if not is_swapped:
        return np.frombuffer(data, np.uint8, count)
    return np.frombuffer(data[: len(data) // 2 * 2], "<u2").byteswap().view(np.uint8)[:count]


def read_window(values: Values, ignored: list[str]) -> Window | None:
    """The first window (PS3.3 C.11.2.1.2); one that is impossible is none, and named in `ignored`."""
    centres, widths = values.decimals(0x00281050), values.decimals(0x00281051)
    if not centres or not widths:
        if values.has(0x00281050) and (values.bytes_of(0x00281050) or (b"",))[0].strip():
            ignored.append("a window that is incomplete")
        return None
    function = values.text(0x00281056) or "LINEAR"
    if function not in FUNCTIONS:
        ignored.append("a VOI LUT function that the standard does not know: taken as LINEAR")
        function = "LINEAR"
    if widths[0] < (1 if function == "LINEAR" else 1e-12) or max(abs(centres[0]), widths[0]) > 1e12:
        ignored.append(f"a window of width {widths[0]:g}")
        return None
    return Window(function, centres[0], widths[0])
