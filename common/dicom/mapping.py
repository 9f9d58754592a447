"""Stored words to 16-bit grey in one step: rescale or modality LUT, window, inversion and scaling in one table.

The order is the standard's (PS3.4 N.2): modality transformation, VOI transformation, presentation. What is black
stays 0 and what is white 65535; the last step rounds, and nothing is rounded before it.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from common.dicom.header import Grey
from common.dicom.options import DicomOptions
from common.dicom.voi import Lut, Window

WHITE = 65535
_BLOCK_PIXELS = 1 << 20
_CV2_LOOKS_UP_16_BITS = int(cv2.__version__.partition(".")[0]) >= 5


@dataclass(frozen=True)
class Mapping:
    """`grey`, with what the options and the picture decide.

    limits  values after the modality transformation that become black and white, where there is neither a window
            nor a VOI LUT
    """

    grey: Grey
    limits: tuple[float, float] | None

    def apply(self, words: np.ndarray) -> np.ndarray:
        """(h, w) words (uint8, uint16, uint32) to (h, w) uint16."""
        if words.dtype.itemsize <= 2 and words.size > 1 << (8 * words.dtype.itemsize):
            return look_up(words, _table(self, words.dtype.itemsize))
        rows = max(1, _BLOCK_PIXELS // words.shape[1])
        shown = np.empty(words.shape, np.uint16)
        for begin in range(0, len(words), rows):
            shown[begin : begin + rows] = self.shown(words[begin : begin + rows])
        return shown

    def shown(self, words: np.ndarray) -> np.ndarray:
        """As `apply`, by arithmetic on float64."""
        stored = stored_values(words, self.grey)
        share = self._share(modality_values(stored, self.grey))
        if self.grey.is_inverted:
            share = 1 - share
        shown = np.floor(share * WHITE + 0.5)
        shown[is_padding(words, stored, self.grey)] = 0  # around the picture it is dark, whatever its polarity
        return shown.astype(np.uint16)

    def _share(self, values: np.ndarray) -> np.ndarray:
        """0 (black) to 1 (white) before inversion."""
        grey = self.grey
        if self.limits is not None:
            low, high = self.limits
            return np.clip((values - low) / (high - low), 0, 1) if high > low else np.zeros_like(values)
        if grey.voi_lut:
            return np.minimum(_look_up_lut(values, grey.voi_lut) / (2**grey.voi_lut.bits - 1), 1)
        assert grey.window is not None
        return _windowed(values, grey.window)

    def words(self) -> str:
        """What is done, for people."""
        grey = self.grey
        steps = []
        if grey.modality_lut:
            steps.append(f"modality LUT of {len(grey.modality_lut.values)} entries")
        if grey.rescale:
            steps.append(f"rescale by {grey.rescale[0]:g} and {grey.rescale[1]:+g}")
        if self.limits is not None:
            steps.append(f"{self.limits[0]:g} to {self.limits[1]:g} spread over 0 to {WHITE}")
        elif grey.voi_lut:
            steps.append(f"VOI LUT of {len(grey.voi_lut.values)} entries")
        elif grey.window:
            steps.append(f"window {grey.window.function} centre {grey.window.centre:g} width {grey.window.width:g}")
        if grey.is_inverted:
            steps.append("inverted")
        if grey.padding:
            low, high = grey.padding
            steps.append(f"padding {low}{f' to {high}' if high > low else ''} black")
        return ", ".join(steps)


def mapping_of(grey: Grey, options: DicomOptions, words: np.ndarray) -> Mapping:
    """What the options make of a file; `words` are looked at for percentiles alone."""
    if options.window == "file" and (grey.voi_lut or grey.window):
        return Mapping(grey, None)
    if options.window == "percentiles":
        return Mapping(replace(grey, window=None, voi_lut=None), _percentiles(words, grey, options.percentiles))
    return Mapping(replace(grey, window=None, voi_lut=None), full_range(grey))


def full_range(grey: Grey) -> tuple[float, float]:
    """The least and the greatest value that the stored bits can mean, after the modality transformation."""
    if grey.modality_lut:
        reached = modality_values(np.arange(*_stored_range(grey), dtype=np.int64), grey)
        return float(reached.min()), float(reached.max())
    low, end = _stored_range(grey)
    ends = modality_values(np.array([low, end - 1]), grey)
    return float(ends.min()), float(ends.max())


def look_up(words: np.ndarray, table: np.ndarray) -> np.ndarray:
    """`table[words]`, in a third of numpy's time where OpenCV can (from version 5)."""
    if _CV2_LOOKS_UP_16_BITS and words.flags.aligned and words.flags.c_contiguous:
        return cv2.LUT(words, table)
    return np.take(table, words)


def stored_values(words: np.ndarray, grey: Grey) -> np.ndarray:
    """int64 values of the stored bits, which end at the high bit; bits around them carry none."""
    values = (words.astype(np.int64) >> (grey.high_bit + 1 - grey.bits_stored)) & ((1 << grey.bits_stored) - 1)
    if grey.is_signed:
        sign = 1 << (grey.bits_stored - 1)
        values = (values ^ sign) - sign
    return values


def modality_values(stored: np.ndarray, grey: Grey) -> np.ndarray:
    """float64 values after the rescale or the modality LUT."""
    if grey.modality_lut:
        return _look_up_lut(stored, grey.modality_lut)
    slope, intercept = grey.rescale or (1.0, 0.0)
    return stored * slope + intercept


def is_padding(words: np.ndarray, stored: np.ndarray, grey: Grey) -> np.ndarray:
    """Which pixels lie outside the picture. A padding value beyond the stored bits is looked for in whole words."""
    if grey.padding is None:
        return np.zeros(words.shape, bool)
    low, high = grey.padding
    found = (stored >= low) & (stored <= high)
    if low < _stored_range(grey)[0] or high >= _stored_range(grey)[1]:
        whole = words.view(f"i{words.itemsize}") if grey.is_signed else words
        found |= (whole >= low) & (whole <= high)
    return found


@lru_cache(maxsize=32)
def _table(mapping: Mapping, itemsize: int) -> np.ndarray:
    return mapping.shown(np.arange(1 << (8 * itemsize)).astype(f"u{itemsize}"))


def _stored_range(grey: Grey) -> tuple[int, int]:
    """First value, and the one after the last."""
    size = 1 << grey.bits_stored
    return (-(size >> 1), size >> 1) if grey.is_signed else (0, size)


def _percentiles(words: np.ndarray, grey: Grey, percentiles: tuple[float, float]) -> tuple[float, float]:
    """The least values that at least so many percent of the picture's pixels do not exceed."""
    if words.dtype.itemsize <= 2:
        every = np.arange(1 << (8 * words.itemsize)).astype(words.dtype)
        counts = np.bincount(words.reshape(-1), minlength=len(every))
    else:
        every, counts = np.unique(words, return_counts=True)
    stored = stored_values(every, grey)
    counts[is_padding(every, stored, grey)] = 0
    if not counts.any():
        return full_range(grey)
    values = modality_values(stored, grey)
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(counts[order])
    places = np.searchsorted(reached, np.maximum(1, np.ceil(np.array(percentiles) / 100 * reached[-1] - 1e-9)))
    low, high = values[order][places]
    return float(low), float(high)


def _look_up_lut(values: np.ndarray, lut: Lut) -> np.ndarray:
    entries = lut.values
    places = np.clip(np.rint(values) - lut.first, 0, len(entries) - 1).astype(np.int64)
    return entries[places].astype(np.float64)


def _windowed(values: np.ndarray, window: Window) -> np.ndarray:
    """PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    centre, width = window.centre, window.width
    if window.function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -700, 700)))
    if window.function == "LINEAR":
        centre, width = centre - 0.5, width - 1
    if width == 0:
        return (values > centre).astype(np.float64)
    return np.clip((values - centre) / width + 0.5, 0, 1)
