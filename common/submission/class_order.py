"""Classes in the wrong place: columns, labels or tags that were swapped, shifted or renamed.

Which class of the new file is which class of the known-good one is an assignment problem: the pairs with the
highest total correlation (columns, tags) or the most common rows (labels), found by the Hungarian method.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from common.submission.alignment import Aligned
from common.submission.association import column_correlations, standardised
from common.submission.cells import Cells, Labels, Numbers, Tags, relation
from common.submission.evidence import Finding, convincing, rows_text

_MOST_CLASSES = 3_000
_MOST_CELLS = 4_000_000  # that are looked at; more rows than fit are thinned out evenly
_FEWEST_ROWS = 8
_HALF = 0.5
# A class has certainly moved when its rows go with another class and hardly with its own. In some hundred
# classes two swapped ones change the overall correlation by one per cent: the overall gain cannot show them.
_WITH_OTHER, _WITH_OWN, _APART = 0.7, 0.4, 0.4


def find_class_order(pair: Aligned, before: float, above_minimum: bool) -> Finding | None:
    """classes_permuted, with the permutation, or None."""
    new, known = pair.new, pair.known
    if isinstance(new, Labels) and isinstance(known, Labels):
        found = _labels(new, known)
    elif isinstance(new, Tags) and isinstance(known, Tags):
        found = _tags(new, known)
    else:
        assert isinstance(new, Numbers) and isinstance(known, Numbers)
        found = _columns(new, known) if len(new.columns) > 1 else _whole_numbers(new, known)
    if found is None:
        return None
    repaired, target, names, moved, certain = found
    if isinstance(new, Numbers) and isinstance(known, Numbers) and isinstance(repaired, Labels):
        new, known = _as_labels(new, known)
        before = relation(new, known)
    after = relation(repaired, known)
    cells = len(known) * max(1, len(names) - 1) if isinstance(known, Numbers) else len(known)
    believed = convincing(before, after, cells, len(names) ** 2, _HALF)
    if not certain and (above_minimum or not believed):
        return None
    if certain and not after > before:
        return None
    return Finding("classes_permuted", _explain(pair, moved, target, names, before, after), after)


_Found = tuple[Cells, np.ndarray, Sequence[str], np.ndarray, bool]


def _columns(new: Numbers, known: Numbers) -> _Found | None:
    rows = slice(None, None, 1 + known.values.size // _MOST_CELLS)
    found = _assigned(column_correlations(new.values[rows], known.values[rows]), _effective_rows(known.values[rows]))
    if found is None:
        return None
    target, moved, certain = found
    values = np.empty_like(new.values)
    values[:, target] = new.values
    return replace(new, values=values), target, new.columns, moved, certain


def _tags(new: Tags, known: Tags) -> _Found | None:
    size = len(new.names)
    if not 1 < size <= _MOST_CLASSES or max(new.lists, len(new)) < _FEWEST_ROWS:
        return None
    rows = slice(None, None, 1 + len(new) * size // _MOST_CELLS)
    theirs = known.indicators(rows)
    found = _assigned(column_correlations(new.indicators(rows), theirs), _effective_rows(theirs))
    if found is None:
        return None
    target, moved, certain = found
    pairs = np.column_stack([new.pairs[:, 0], target[new.pairs[:, 1]]])
    return replace(new, pairs=pairs), target, new.names, moved, certain


def _assigned(correlations: np.ndarray, effective_rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool] | None:
    """For each of our classes theirs, which ones moved, and whether that is certain; None if all stay."""
    own = correlations.diagonal()
    if (own >= correlations.max(axis=1) - 1e-9).all():
        return None
    target = _best_assignment(correlations + 0.02 * np.eye(len(own)))
    across = correlations[np.arange(len(own)), target]
    clear = (
        (across >= _WITH_OTHER)
        & (own <= np.minimum(_WITH_OWN, across - _APART))
        & (effective_rows[target] >= _FEWEST_ROWS)
    )
    moved = np.flatnonzero((target != np.arange(len(own))) & (across > 0.3))
    if not len(moved):
        return None
    return target, moved, int(clear.sum()) >= 2


def _effective_rows(values: np.ndarray) -> np.ndarray:
    """How many rows carry a column's variance (n / kurtosis): one lone spike is no evidence of a class."""
    squares = standardised(values) ** 2
    fourth = (squares * squares).sum(axis=0)
    return np.divide(1.0, fourth, out=np.zeros_like(fourth), where=fourth > 0)


def _labels(new: Labels, known: Labels) -> _Found | None:
    size = len(new.names)
    if not 1 < size <= _MOST_CLASSES or new.codes.size < _FEWEST_ROWS:
        return None
    pairs = new.codes.astype(np.int64).ravel() * size + known.codes.ravel()
    counts = np.bincount(pairs, minlength=size * size).reshape(size, size).astype(np.float64)
    own, rows = counts.diagonal(), counts.sum(axis=1)
    if (own >= counts.max(axis=1)).all():
        return None
    target = _best_assignment(counts + 0.5 * np.eye(size))
    across = counts[np.arange(size), target]
    clear = (across >= _WITH_OTHER * rows) & (own <= 0.2 * rows) & (rows >= _FEWEST_ROWS)
    moved = np.flatnonzero((target != np.arange(size)) & (across > 0))
    if not len(moved):
        return None
    return replace(new, codes=target[new.codes]), target, new.names, moved, int(clear.sum()) >= 2


def _whole_numbers(new: Numbers, known: Numbers) -> _Found | None:
    """One column of few whole numbers may be classes by number (0 to 9), if both files have the same ones."""
    if not all((cells.values == np.round(cells.values)).all() for cells in (new, known)):
        return None
    values = np.unique(known.values)
    if not 3 <= len(values) <= min(_MOST_CLASSES, len(known) / 5) or not np.isin(new.values, values).all():
        return None
    return _labels(*_as_labels(new, known))


def _as_labels(new: Numbers, known: Numbers) -> tuple[Labels, Labels]:
    values = np.unique(known.values)
    names = tuple(f"{value:g}" for value in values)
    return (
        Labels(new.columns, np.searchsorted(values, new.values), names),
        Labels(known.columns, np.searchsorted(values, known.values), names),
    )


def _best_assignment(gain: np.ndarray) -> np.ndarray:
    from scipy.optimize import linear_sum_assignment  # a third of a second, and rarely needed

    return linear_sum_assignment(gain, maximize=True)[1]


def _explain(
    pair: Aligned, moved: np.ndarray, target: np.ndarray, names: Sequence[str], before: float, after: float
) -> str:
    what = {"labels": "labels", "tags": "tags"}.get(
        pair.new.kind, "columns" if len(names) == len(pair.new.columns) else "labels"
    )
    steps = (target - np.arange(len(names))) % len(names)
    examples = ", ".join(f"'{names[i]}' is '{names[target[i]]}'" for i in moved[:4])
    if len(moved) > 4:
        examples += ", ..."
    regular = len(names) > 2 and len(moved) == len(names) and (steps == steps[0]).all()
    shifted = f", each by {rows_text(int(min(steps[0], len(names) - steps[0])), 'place')}" if regular else ""
    return (
        f"{len(moved)} of {len(names)} {what} stand in another's place{shifted}: {examples} (agreement "
        f"{after:.3f} with them put back, {before:.3f} as it is). Take the order of the classes by name."
    )
