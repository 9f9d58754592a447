"""Values of a data set, taken from their bytes: numbers and terms of the standard, first of several or all."""

import math
import struct
from collections.abc import Iterator
from typing import Any

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from common.dicom.unreadable import UnreadableRadiograph


class Values:
    """Typed access to one data set or item of a sequence."""

    def __init__(self, dataset: Dataset, is_little_endian: bool) -> None:
        self.dataset = dataset
        self.order = "<" if is_little_endian else ">"

    @property
    def is_implicit(self) -> bool:
        """Whether the elements say no VR, as read: some files say another transfer syntax than they use."""
        for tag in (0x00280010, 0x00280100, 0x00280002):
            if tag in self.dataset and isinstance(element := self.dataset.get_item(Tag(tag)), RawDataElement):
                return element.is_implicit_VR
        raise UnreadableRadiograph("has no Rows")

    def has(self, tag: int) -> bool:
        return tag in self.dataset

    def bytes_of(self, tag: int) -> tuple[bytes, str | None] | None:
        """An element's bytes and its VR (None where the file says none); None where there is no element."""
        if tag not in self.dataset:
            return None
        element: Any = self.dataset.get_item(Tag(tag))
        value = element.value
        return (value if isinstance(value, bytes) else b""), element.VR

    def text(self, tag: int) -> str | None:
        """A code string, first of several; None where there is none or it is empty."""
        found = self.bytes_of(tag)
        given = found[0].partition(b"\\")[0].strip(b" \0").decode("ascii", "replace") if found else ""
        return given or None

    def decimals(self, tag: int) -> list[float]:
        """Decimal or integer strings, those before the first that is no finite number."""
        found = self.bytes_of(tag)
        numbers: list[float] = []
        for text in found[0].split(b"\\") if found else ():
            try:
                number = float(text.strip(b" \0"))
            except ValueError:
                break
            if not math.isfinite(number):
                break
            numbers.append(number)
        return numbers

    def number(self, tag: int, is_signed: bool = False) -> int | None:
        """A binary 16-bit number (US, SS); 32-bit and text forms, which some writers use, are understood too."""
        found = self.bytes_of(tag)
        if not found or not found[0]:
            return None
        value, vr = found
        if vr in ("IS", "DS"):
            numbers = self.decimals(tag)
            return int(numbers[0]) if numbers else None
        if len(value) < 2:
            return None
        kind = ("l" if is_signed else "L") if vr in ("UL", "SL") and len(value) >= 4 else ("h" if is_signed else "H")
        return struct.unpack_from(self.order + kind, value)[0]

    def required_number(self, tag: int, name: str) -> int:
        found = self.number(tag)
        if found is None:
            raise UnreadableRadiograph(f"has no {name}")
        return found

    def first_item(self, tag: int) -> "Values | None":
        """The first item of a sequence."""
        return self._item(tag, 0)

    def functional_groups(self, frame: int) -> Iterator["Values"]:
        """The items that describe one frame: of its own, then of all frames (PS3.3 C.7.6.16)."""
        for sequence, item in ((0x52009230, frame), (0x52009229, 0)):
            if group := self._item(sequence, item):
                for tag in (0x00289132, 0x00289145):  # frame VOI LUT, pixel value transformation
                    if found := group.first_item(tag):
                        yield found

    def _item(self, tag: int, number: int) -> "Values | None":
        if tag not in self.dataset:
            return None
        items = self.dataset[tag].value
        return Values(items[number], self.order == "<") if items and number < len(items) else None
