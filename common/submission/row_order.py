"""Rows that slipped, or were written in another order than they were predicted in.

What is searched: every shift (by FFT, in all orders at once in which rows may have been written), the
reverse, and predictions made in one order of the ids and written in another. Each candidate is measured on
a signal of one number a row first, and the best ones on the cells themselves.
"""

from dataclasses import dataclass

import numpy as np

from common.submission.alignment import Aligned
from common.submission.association import pearson, spearman
from common.submission.cells import Labels, chance_agreement, equal_rows, relation, signals, similarity
from common.submission.evidence import (
    LEFT_OVER,
    LEFT_OVER_ABOVE_MINIMUM,
    Finding,
    convincing,
    critical,
    rows_text,
)
from common.submission.ids import number_order, text_order
from common.submission.shifts import likely_shifts, overlapping, repeats_itself

_WRITTEN, _KNOWN, _NUMBER, _TEXT = "as written", "as in the known-good file", "by number", "by text"
_FEWEST_ROWS, _ENOUGH_ROWS = 8, 30
_SCREENED_ROWS = 50_000
# Neighbours that resemble each other (days, blocks of one class) make any two slow curves seem to agree at
# some shift. Up to here the changes from row to row must agree too.
_SURE_WITHOUT_CHANGES = 0.9


@dataclass(frozen=True)
class _Repair:
    """`new` row `ours[i]` holds what belongs to row `theirs[i]`."""

    code: str
    ours: np.ndarray
    theirs: np.ndarray
    words: str
    shift: int = 0


def find_row_order(pair: Aligned, before: float, above_minimum: bool) -> Finding | None:
    """rows_reversed, rows_sorted, rows_shifted, or rows_permuted where the order of the files explains it."""
    if len(pair.known) < _FEWEST_ROWS:
        return None
    ours, theirs = signals(pair.new, pair.known)
    if above_minimum:
        orders = _file_orders(pair)
        orders = {name: order for name, order in orders.items() if repeats_itself(theirs[order])}
        repairs = [*_reversals(orders), *_shifts(orders, ours, theirs)]
    else:
        orders = _orders(pair)
        repairs = [*_reversals(orders), *_sortings(orders), *_shifts(orders, ours, theirs)]
    screened = sorted(repairs, key=lambda repair: -_promise(repair, ours, theirs))[:3]
    best: tuple[float, Finding] | None = None
    for repair in screened:
        finding = _examine(pair, repair, (ours, theirs), before, above_minimum)
        if finding is None:
            continue
        # Of two repairs that do equally well, the one that accounts for more rows.
        score = finding.repaired - 0.1 * (1 - len(repair.ours) / len(ours))
        if best is None or score > best[0]:
            best = score, finding
    return best[1] if best else None


def _file_orders(pair: Aligned) -> dict[str, np.ndarray]:
    return _distinct({_KNOWN: np.arange(len(pair.known)), _WRITTEN: pair.new_order})


def _orders(pair: Aligned) -> dict[str, np.ndarray]:
    """The distinct orders in which the rows may have been written or predicted."""
    by_number = number_order(pair.ids)
    orders = {} if by_number is None else {_NUMBER: by_number}
    return _distinct({**orders, _TEXT: text_order(pair.ids), **_file_orders(pair)})


def _distinct(candidates: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    distinct: dict[str, np.ndarray] = {}
    for name, order in candidates.items():
        if not any(np.array_equal(order, other) for other in distinct.values()):
            distinct[name] = order
    return distinct


def _reversals(orders: dict[str, np.ndarray]) -> list[_Repair]:
    return [
        _Repair("rows_reversed", order, order[::-1], f"the last row's prediction stands first (rows {name})")
        for name, order in orders.items()
    ]


def _sortings(orders: dict[str, np.ndarray]) -> list[_Repair]:
    repairs = []
    for made, made_order in orders.items():
        for written, order in orders.items():
            if made == written:
                continue
            # An order that only this file has says nothing about sorting: its ids were shuffled.
            code = "rows_permuted" if _WRITTEN in (made, written) else "rows_sorted"
            repairs.append(
                _Repair(
                    code,
                    order,
                    made_order,
                    f"predictions made {_order_words(made)} were written {_order_words(written)}",
                )
            )
    return repairs


def _order_words(name: str) -> str:
    return {
        _NUMBER: "in number order of the ids (1, 2, 10)",
        _TEXT: "in text order of the ids (1, 10, 2)",
        _KNOWN: "in the order of the known-good file",
        _WRITTEN: "in the order of this file",
    }[name]


def _shifts(orders: dict[str, np.ndarray], ours: np.ndarray, theirs: np.ndarray) -> list[_Repair]:
    repairs = []
    rows = len(ours)
    for name, order in orders.items():
        for shift in likely_shifts(ours[order], theirs[order]):
            overlap = rows - abs(shift)
            if overlap >= _FEWEST_ROWS and (overlap >= rows / 2 or overlap >= _ENOUGH_ROWS):
                late, early = overlapping(rows, shift)
                repairs.append(_Repair("rows_shifted", order[late], order[early], name, shift))
    return repairs


def _promise(repair: _Repair, ours: np.ndarray, theirs: np.ndarray) -> float:
    """How well a repair does on evenly spaced rows, less a little for rows that it leaves out."""
    every = slice(None, None, 1 + len(repair.ours) // _SCREENED_ROWS)
    found = pearson(ours[repair.ours[every]], theirs[repair.theirs[every]])
    return found - 0.1 * (1 - len(repair.ours) / len(ours))


def _examine(
    pair: Aligned,
    repair: _Repair,
    both: tuple[np.ndarray, np.ndarray],
    before: float,
    above_minimum: bool,
) -> Finding | None:
    rows = len(repair.ours)
    ours, theirs = both[0][repair.ours], both[1][repair.theirs]
    # All shifts of four orders were looked through, against a score of other orders.
    shifted = repair.code == "rows_shifted"
    tried = 8 * len(pair.known) if shifted else 20
    if pearson(ours, theirs) <= critical(rows, tried):
        return None
    new, known = pair.new.take(repair.ours), pair.known.take(repair.theirs)
    if isinstance(new, Labels) and isinstance(known, Labels) and not _agree_beyond_chance(new, known, tried):
        return None
    after = relation(new, known)
    if not convincing(before, after, rows, tried, LEFT_OVER):
        return None
    equal = equal_rows(new, known).mean()
    if above_minimum and not _beyond_doubt(pair, before, after, equal, rows):
        return None
    if after < _SURE_WITHOUT_CHANGES and pearson(np.diff(ours), np.diff(theirs)) < 4 / np.sqrt(rows):
        return None
    # One outlier that meets another can make a high Pearson correlation; ranks are not taken in.
    least = max(0.2, 3.5 / np.sqrt(rows)) if shifted else 0.2
    if pair.new.kind == "numbers" and spearman(ours, theirs, _SCREENED_ROWS) < least:
        return None
    return Finding(repair.code, _explain(pair, repair, before, after, equal), after)


def _agree_beyond_chance(new: Labels, known: Labels, tried: int) -> bool:
    """Whether so many labels agree as the best of all tried repairs has by chance once in 10,000 times.

    Chernoff's bound: n labels of which each agrees with chance p have a share a equal with a probability below
    exp(-n KL(a, p)), where KL is the divergence of the two.
    """
    chance = chance_agreement(new, known)
    share = min(similarity(new, known), 1 - 1e-12)
    if not 0 < chance < share:
        return False
    divergence = share * np.log(share / chance) + (1 - share) * np.log((1 - share) / (1 - chance))
    return new.codes.size * divergence > np.log(10_000 * tried)


def _beyond_doubt(pair: Aligned, before: float, after: float, equal: float, rows: int) -> bool:
    """For a file that agrees as it is: after the repair nearly all rows are equal, or far more of them."""
    equal_before = float(equal_rows(pair.new, pair.known).mean())
    if (1 - equal_before) * rows < _FEWEST_ROWS:
        return False
    exact = equal >= 0.98 and 1 - equal <= 0.1 * (1 - equal_before)
    return exact or (rows >= _ENOUGH_ROWS and 1 - after <= LEFT_OVER_ABOVE_MINIMUM * (1 - before))


def _explain(pair: Aligned, repair: _Repair, before: float, after: float, equal: float) -> str:
    evidence = f"agreement {after:.3f} after undoing it, {before:.3f} as it is"
    if equal > 0.5:
        evidence += f"; {equal:.1%} of the rows are then equal"
    if repair.code == "rows_shifted":
        rows, shift = len(pair.known), repair.shift
        direction = "down" if shift > 0 else "up"
        first = pair.ids[int(repair.ours[0])].as_py()
        source = pair.ids[int(repair.theirs[0])].as_py()
        return (
            f"Predictions are shifted {direction} by {rows_text(abs(shift), 'row')} of {rows:,} (rows "
            f"{repair.words}): id {first!r} has the prediction of id {source!r} ({evidence}). Look for a dropped "
            "or repeated row, and join by id."
        )
    if repair.code == "rows_reversed":
        return f"Rows are reversed: {repair.words} ({evidence}). Join predictions to ids by id."
    remedy = "Keep the ids beside the predictions and join by id instead of by position."
    return f"Rows are in the wrong order: {repair.words} ({evidence}). {remedy}"
