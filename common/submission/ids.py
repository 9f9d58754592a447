"""Ids of two submissions: which row is which, and the orders in which ids are usually written.

Text comparison of a million ids takes most of a second. Nearly all competitions number their rows
(`17`, `test_17.jpg`), so where that holds in both files, the numbers are compared instead.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from common.submission.arrow import from_numpy, to_numpy, to_numpy_or

_POWERS_OF_TEN = 10 ** np.arange(1, 19, dtype=np.int64)


def positions(ids: pa.Array, among: pa.Array) -> np.ndarray:
    """For each of `ids` its (first) row in `among`, -1 where it is not there, shape (len(ids),)."""
    numbers = shared_numbers(ids, among)
    if numbers is None:
        return _looked_up(ids, among)
    wanted, known = numbers
    low, high = int(known.min()), int(known.max())
    if high - low > 20 * len(known) + 1_000:  # too sparse for a table
        return _looked_up(from_numpy(wanted), from_numpy(known))
    table = np.full(high - low + 1, -1, dtype=np.int64)
    table[known[::-1] - low] = np.arange(len(known))[::-1]
    inside = (wanted >= low) & (wanted <= high)
    return np.where(inside, table[np.where(inside, wanted - low, 0)], -1)


def _looked_up(values: pa.Array, among: pa.Array) -> np.ndarray:
    return to_numpy_or(pc.index_in(values, value_set=among), -1).astype(np.int64)


def shared_numbers(*parts: pa.Array) -> list[np.ndarray] | None:
    """The numbers in ids such as `test_17.jpg`, int64, or None.

    Only where all ids of all parts have one beginning and one end, and where equal numbers mean equal text
    (no leading zeros, or all numbers equally long).
    """
    ends = [pc.min_max(part).as_py() for part in parts]
    low, high = min(end["min"] for end in ends), max(end["max"] for end in ends)
    start = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), min(len(low), len(high)))
    while start and low[start - 1].isdigit():  # what all begin with sorts between the least and the greatest
        start -= 1
    tail = low[len(low.rstrip(_not_digits(low))) :]
    numbers, lengths = [], []
    for part in parts:
        if tail and not pc.all(pc.ends_with(part, tail)).as_py():
            return None
        stop = -len(tail) if tail else None
        digits = pc.utf8_slice_codeunits(part, start, stop) if start or tail else part
        try:
            pc.cast(digits[:100], pa.int64())  # a failed cast of all takes long
            values = to_numpy(pc.cast(digits, pa.int64()))
        except pa.ArrowInvalid:
            return None
        if values.min() < 0:
            return None
        lengths.append(to_numpy(pc.utf8_length(digits)))
        numbers.append(values)
    plain = all(
        np.array_equal(np.searchsorted(_POWERS_OF_TEN, values, side="right") + 1, length)
        for values, length in zip(numbers, lengths, strict=True)
    )
    equally_long = len({int(extreme) for length in lengths for extreme in (length.min(), length.max())}) == 1
    all_digits = plain or all(
        pc.all(pc.utf8_is_decimal(pc.utf8_slice_codeunits(p, start, -len(tail) if tail else None))).as_py()
        for p in parts
    )
    return numbers if plain or (equally_long and all_digits) else None


def _not_digits(text: str) -> str:
    return "".join({character for character in text if not character.isdigit()})


def text_order(ids: pa.Array) -> np.ndarray:
    """Rows as a sorted list of file names has them: 1, 10, 100, 2."""
    return to_numpy(pc.sort_indices(ids)).astype(np.int64)


def number_order(ids: pa.Array) -> np.ndarray | None:
    """Rows as people count: 1, 2, 10, 100. None where that is the text order.

    By the text before the last number, the number, and the text after it.
    """
    numbers = shared_numbers(ids)
    if numbers is not None:
        return np.argsort(numbers[0], kind="stable")
    lengths = pc.min_max(pc.utf8_length(ids)).as_py()
    if lengths["min"] == lengths["max"]:  # hashes, or numbers with leading zeros
        return None
    parts = pc.extract_regex(ids, r"^(?P<head>.*?)0*(?P<number>\d*)(?P<tail>\D*)$")
    digits = pc.struct_field(parts, "number")
    columns = {
        "head": pc.struct_field(parts, "head"),
        "length": pc.utf8_length(digits),
        "number": digits,
        "tail": pc.struct_field(parts, "tail"),
    }
    keys = [(name, "ascending") for name in columns]
    return to_numpy(pc.sort_indices(pa.table(columns), sort_keys=keys)).astype(np.int64)
