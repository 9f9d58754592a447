"""Rows that were shuffled: the values are those of the known-good file, but on other rows."""

import numpy as np

from common.submission.alignment import Aligned
from common.submission.cells import Cells, Labels, Numbers, Tags, equal_rows
from common.submission.evidence import Finding

# How alike the values of two honest models are when their rows are forgotten: the distance between their
# distribution functions, or the share of the spread that differs between sorted values (models that clip have
# far distribution functions and near values; several columns are rarely near by chance), and the share of labels
# or tags that would have to change.
_DISTRIBUTION_DISTANCE, _SORTED_DIFFERENCE, _SORTED_DIFFERENCE_OF_SEVERAL = 0.05, 0.02, 0.08
_LABEL_DISTANCE, _TAG_DISTANCE = 0.08, 0.12


def find_shuffle(pair: Aligned, before: float, above_minimum: bool) -> Finding | None:
    """rows_permuted, or None.

    Exactly the same values on other rows are a shuffle, however much is left of the relation: two models
    never agree so. Nearly the same values are one where no relation is left row by row; whether they come
    from a shuffled model or from one of the same distribution that knows nothing, no file can tell.
    """
    rows = len(pair.known)
    if rows < 3:
        return None
    if (before < 0.5 or _rich(pair.known)) and _same_values(pair.new, pair.known):
        unequal = 1 - float(equal_rows(pair.new, pair.known).mean())
        if unequal > 0.01:
            return _finding(f"{unequal:.1%} of the rows have another's value, and the values are the same", before)
    if above_minimum or abs(before) > max(0.15, min(0.3, 3 / np.sqrt(rows))):
        return None
    if not _alike(pair.new, pair.known):
        return None
    return _finding("the values are distributed as in the known-good file", before)


def _finding(evidence: str, before: float) -> Finding:
    return Finding(
        "rows_permuted",
        f"Rows are shuffled: {evidence}, but row by row the agreement is {before:.3f}, and no shift or "
        "order of the ids explains it. Look for a shuffling data loader or a join by position.",
    )


def _same_values(new: Cells, known: Cells) -> bool:
    """Whether both have the same rows, in any order."""
    if isinstance(new, Numbers) and isinstance(known, Numbers):
        scale = np.abs(known.values).max(initial=0.0)
        if not np.allclose(new.values.mean(axis=0), known.values.mean(axis=0), rtol=1e-6, atol=1e-9 * scale):
            return False  # saves sorting
        ours, theirs = np.sort(new.values, axis=0), np.sort(known.values, axis=0)
        return bool(np.allclose(ours, theirs, rtol=1e-6, atol=1e-9 * scale))
    assert not isinstance(new, Numbers) and not isinstance(known, Numbers)
    return np.array_equal(np.sort(new.codes, axis=0), np.sort(known.codes, axis=0))


def _rich(cells: Cells) -> bool:
    """Whether the values are so many that two models cannot have the same ones by chance."""
    if not isinstance(cells, Numbers):
        return False
    values = cells.values[:100_000, 0]
    return len(np.unique(values)) > max(20, len(values) / 10)


def _alike(new: Cells, known: Cells) -> bool:
    if isinstance(new, Numbers) and isinstance(known, Numbers):
        return _numbers_alike(np.sort(new.values, axis=0), np.sort(known.values, axis=0))
    if isinstance(new, Labels) and isinstance(known, Labels):
        size = len(new.names)
        ours, theirs = (np.bincount(cells.codes.ravel(), minlength=size) for cells in (new, known))
        # By chance alone the shares of `size` classes differ by about this much between two samples.
        chance = 0.8 * np.sqrt(size / len(known))
        return bool(np.abs(ours - theirs).sum() / 2 / known.codes.size <= max(_LABEL_DISTANCE, min(chance, 0.25)))
    assert isinstance(new, Tags) and isinstance(known, Tags)
    ours, theirs = _tag_counts(new), _tag_counts(known)
    return bool(np.abs(ours - theirs).sum() <= _TAG_DISTANCE * max(theirs.sum(), 1))


def _numbers_alike(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Of sorted columns, shape (rows, columns)."""
    spread = theirs.var(axis=0)
    allowed = _SORTED_DIFFERENCE if ours.shape[1] == 1 else _SORTED_DIFFERENCE_OF_SEVERAL
    if ((ours - theirs) ** 2).mean(axis=0).sum() <= allowed * spread.sum():
        return True
    distances = []
    for first, second in zip(ours.T, theirs.T, strict=True):
        at = np.concatenate([first, second])
        below = np.searchsorted(first, at, "right") - np.searchsorted(second, at, "right")
        distances.append(np.abs(below).max() / len(first))
    # Two samples of one distribution are about 0.8 sqrt(2 / rows) apart, two models of the same rows less.
    return bool(np.mean(distances) <= max(_DISTRIBUTION_DISTANCE, min(0.6 * np.sqrt(2 / len(ours)), 0.2)))


def _tag_counts(tags: Tags) -> np.ndarray:
    per_list = np.bincount(tags.codes.ravel(), minlength=tags.lists)
    return np.bincount(tags.pairs[:, 1], per_list[tags.pairs[:, 0]], minlength=len(tags.names))
