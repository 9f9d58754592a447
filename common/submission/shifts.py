"""By how many rows one signal is shifted against another: cross-correlation by FFT, n log n for all shifts.

A shift of k means that row i of the one resembles row i - k of the other. Signals have mean 0.
"""

import numpy as np

from common.submission.association import pearson

_FARTHEST = 0.75  # of the rows: what overlaps less is no evidence
_WINDOW = 1 << 17


def likely_shifts(ours: np.ndarray, theirs: np.ndarray) -> set[int]:
    """Candidates for the shift, other than 0: where the cross-correlation peaks, measured in several ways.

    Cyclic; of the differences from row to row, since slow curves have broad peaks (theirs is the second
    difference of the cross-correlation); and over the overlapping rows alone, for edges that were filled with
    something: down and up, as the sum of products in its chance errors and as Pearson's correlation (J. P.
    Lewis, Fast normalized cross-correlation, 1995). The likeliest may still be none: each is to be examined.
    """
    rows = len(ours)
    down, up = _linear_products(ours, theirs)
    cyclic = down.copy()
    cyclic[1:] += up[:0:-1]
    changes = 2 * cyclic - np.roll(cyclic, 1) - np.roll(cyclic, -1)
    found = {shift for peak in (int(cyclic.argmax()), int(changes.argmax())) for shift in (peak, peak - rows)}
    farthest = int(rows * _FARTHEST) + 1
    error = np.sqrt(rows - np.arange(farthest))
    for sign, products, first, second in ((1, down, ours, theirs), (-1, up, theirs, ours)):
        products = products[:farthest]
        found.add(sign * int((products / error).argmax()))
        found.add(sign * int(_overlap_correlations(products, first, second).argmax()))
    return {shift for shift in found if 0 < abs(shift) < farthest}


def overlapping(rows: int, shift: int) -> tuple[slice, slice]:
    """The rows of a shifted column and the rows that they come from."""
    return slice(max(shift, 0), rows + min(shift, 0)), slice(max(-shift, 0), rows - max(shift, 0))


def repeats_itself(signal: np.ndarray) -> bool:
    """Whether rows resemble those at some fixed distance, or the signal its reverse.

    Where they do not, a slip would have left no agreement: a file that agrees need not be searched. Looked at
    in a window from the middle.
    """
    middle = len(signal) // 2
    window = signal[max(0, middle - _WINDOW // 2) : middle + _WINDOW // 2]
    window = window - window.mean()
    products = _linear_products(window, window)[0][: int(len(window) * _FARTHEST) + 1]
    overlap = len(window) - np.arange(len(products))
    nearest = (products[1:] / overlap[1:]).max(initial=0.0)
    return bool(nearest > 0.5 * window.var()) or pearson(window, window[::-1]) > 0.5


def _linear_products(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sums of products of the overlapping rows, for shifts 0, 1, ..., n-1 and 0, -1, ..., 1-n, each (n,)."""
    rows = len(ours)
    length = _fast_length(2 * rows)
    products = np.fft.irfft(np.fft.rfft(ours, length) * np.conj(np.fft.rfft(theirs, length)), length)
    return products[:rows], np.concatenate([products[:1], products[: length - rows : -1]])


def _overlap_correlations(products: np.ndarray, late: np.ndarray, early: np.ndarray) -> np.ndarray:
    """Pearson of late[k:] and early[:n-k] for each k, from their sums of products."""
    rows, shifts = len(late), np.arange(len(products))
    overlap = rows - shifts
    sums = [_sums_after(late)[shifts], _sums_before(early)[overlap]]
    squares = [_sums_after(late**2)[shifts], _sums_before(early**2)[overlap]]
    spread = [np.maximum(square - total**2 / overlap, 1e-9 * rows) for square, total in zip(squares, sums, strict=True)]
    return (products - sums[0] * sums[1] / overlap) / np.sqrt(spread[0] * spread[1])


def _sums_before(values: np.ndarray) -> np.ndarray:
    """At i the sum of values[:i]."""
    return np.concatenate([[0.0], np.cumsum(values)])


def _sums_after(values: np.ndarray) -> np.ndarray:
    """At i the sum of values[i:]."""
    return _sums_before(values[::-1])[::-1]


def _fast_length(least: int) -> int:
    """The next length of which an FFT is fast: a power of two, or 3, 5, 9 or 15 times one."""
    return min(odd << max(0, (-(-least // odd) - 1).bit_length()) for odd in (1, 3, 5, 9, 15))
