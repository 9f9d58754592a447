"""The predictions of a submission as arrays: numbers, labels or tag lists, shape (rows, columns).

All three can be put into another order of rows, compared row by row, and turned into one signal (a number
a row), so that the search for a slip of rows is written once.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from common.randomness import generator
from common.submission.association import pearson, standardised


@dataclass(frozen=True)
class Numbers:
    """`values`: float64, shape (rows, columns)."""

    columns: tuple[str, ...]
    values: np.ndarray
    kind = "numbers"

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: np.ndarray | slice) -> "Numbers":
        return replace(self, values=self.values[rows])


@dataclass(frozen=True)
class Labels:
    """`codes`: positions in `names`, shape (rows, columns); both files share `names`."""

    columns: tuple[str, ...]
    codes: np.ndarray
    names: tuple[str, ...]
    kind = "labels"

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: np.ndarray | slice) -> "Labels":
        return replace(self, codes=self.codes[rows])


@dataclass(frozen=True)
class Tags:
    """`codes`: which list of tags, shape (rows, columns); a list is a pair (list, tag) a tag.

    `pairs` has shape (tags in all distinct lists, 2); both files share the lists and `names`.
    """

    columns: tuple[str, ...]
    codes: np.ndarray
    pairs: np.ndarray
    lists: int
    names: tuple[str, ...]
    kind = "tags"

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: np.ndarray | slice) -> "Tags":
        return replace(self, codes=self.codes[rows])

    @cached_property
    def words(self) -> np.ndarray:
        """Each list as a set of bits, uint64, shape (lists, ceil(tags / 64))."""
        words = np.zeros((self.lists, -(-len(self.names) // 64)), dtype=np.uint64)
        tags = self.pairs[:, 1]
        np.bitwise_or.at(
            words, (self.pairs[:, 0], tags // 64), np.left_shift(np.uint64(1), (tags % 64).astype(np.uint64))
        )
        return words

    def indicators(self, rows: np.ndarray | slice) -> np.ndarray:
        """1.0 where a row has a tag (in its first column of lists), shape (rows, tags)."""
        table = np.zeros((self.lists, len(self.names)), dtype=np.float32)
        table[self.pairs[:, 0], self.pairs[:, 1]] = 1
        return table[self.codes[rows, 0]]


Cells = Numbers | Labels | Tags


def tags_from_text(columns: list[str], codes: np.ndarray, texts: tuple[str, ...]) -> Tags:
    """`codes`: positions in `texts`, the distinct cells of both files, tags with spaces between them."""
    lists = [sorted(set(text.split())) for text in texts]
    names = tuple(sorted({tag for tags in lists for tag in tags}))
    position = {name: index for index, name in enumerate(names)}
    pairs = np.array([(row, position[tag]) for row, tags in enumerate(lists) for tag in tags], dtype=np.int64)
    return Tags(tuple(columns), codes, pairs.reshape(-1, 2), len(lists), names)


def row_similarity(new: Cells, known: Cells) -> np.ndarray:
    """Labels: 1.0 where equal; tag lists: their Jaccard index (1 for two empty ones); shape (rows, columns)."""
    if isinstance(new, Labels) and isinstance(known, Labels):
        return (new.codes == known.codes).astype(np.float64)
    assert isinstance(new, Tags) and isinstance(known, Tags)
    result = np.empty(new.codes.shape)
    step = max(1, 4_000_000 // new.words.shape[1])
    for column in range(new.codes.shape[1]):
        for start in range(0, len(new), step):
            rows = slice(start, start + step)
            ours, theirs = new.words[new.codes[rows, column]], known.words[known.codes[rows, column]]
            shared = np.bitwise_count(ours & theirs).sum(axis=1, dtype=np.int64)
            either = np.bitwise_count(ours | theirs).sum(axis=1, dtype=np.int64)
            result[rows, column] = np.where(either == 0, 1.0, shared / np.maximum(either, 1))
    return result


def similarity(new: Cells, known: Cells) -> float:
    """Pearson over all cells, the share of equal labels, or the mean Jaccard index; 0 where undefined."""
    if isinstance(new, Numbers) and isinstance(known, Numbers):
        return pearson(new.values, known.values)
    return float(row_similarity(new, known).mean()) if len(new) else 0.0


def relation(new: Cells, known: Cells) -> float:
    """How well rows agree, less what chance gives: 0 for unrelated rows, 1 for equal ones.

    Numbers: the mean of the columns' correlations (over all cells, columns of other units correlate whatever
    the rows say); of probabilities each counts by its variance, else all alike. Labels: Cohen's kappa. Tags:
    as kappa, chance being the mean Jaccard index of rows that do not belong together (20,000 drawn pairs).
    """
    if not len(new):
        return 0.0
    if isinstance(new, Numbers) and isinstance(known, Numbers):
        return _mean_correlation(new.values, known.values)
    if isinstance(new, Labels) and isinstance(known, Labels):
        chance = chance_agreement(new, known)
    else:
        drawn = generator(0, "chance", len(new)).integers(len(new), size=(2, min(len(new) * 4, 20_000)))
        chance = float(row_similarity(new.take(drawn[0]), known.take(drawn[1])).mean())
    return (similarity(new, known) - chance) / (1 - chance) if chance < 1 else 0.0


def chance_agreement(new: Labels, known: Labels) -> float:
    """The share of labels that would agree if rows did not matter."""
    size = len(new.names)
    shares = [[np.bincount(codes, minlength=size) / len(new) for codes in cells.codes.T] for cells in (new, known)]
    return float(np.mean([ours @ theirs for ours, theirs in zip(*shares, strict=True)]))


def _mean_correlation(new: np.ndarray, known: np.ndarray) -> float:
    if new.shape[1] == 1:
        return pearson(new, known)
    variances = known.var(axis=0)
    weights = variances if known.min() >= 0 and known.max() <= 1 else (variances > 0).astype(float)
    if not weights.sum() > 0:
        return 0.0
    return float(np.average((standardised(new) * standardised(known)).sum(axis=0), weights=weights))


def equal_rows(new: Cells, known: Cells) -> np.ndarray:
    """Where a row says the same in both, numbers to six digits, shape (rows,)."""
    if isinstance(new, Numbers) and isinstance(known, Numbers):
        scale = np.abs(known.values).max(initial=0.0)
        return np.isclose(new.values, known.values, rtol=1e-6, atol=1e-9 * scale).all(axis=1)
    return (row_similarity(new, known) == 1).all(axis=1)


def signals(new: Cells, known: Cells) -> tuple[np.ndarray, np.ndarray]:
    """A number a row for both files, mean 0 and deviation 1, so that equal rows have equal numbers.

    Each column (or label, or tag) has a random weight: rows that differ in anything differ in the signal,
    also where probabilities sum to 1. Outliers are cut at 4 deviations, lest one of them decide alone.
    """
    rng = generator(0, "signal")
    if isinstance(new, Numbers) and isinstance(known, Numbers):
        weights = rng.normal(size=len(new.columns))
        return _standard(_clipped(new.values) @ weights), _standard(_clipped(known.values) @ weights)
    assert not isinstance(new, Numbers) and not isinstance(known, Numbers)
    codes = rng.normal(size=(len(new.names), len(new.columns)))
    if isinstance(new, Tags):
        codes = np.stack(
            [np.bincount(new.pairs[:, 0], codes[new.pairs[:, 1], j], new.lists) for j in range(codes.shape[1])],
            axis=1,
        )
    columns = np.arange(len(new.columns))
    return _standard(codes[new.codes, columns].sum(axis=1)), _standard(codes[known.codes, columns].sum(axis=1))


def _clipped(values: np.ndarray) -> np.ndarray:
    deviation = values.std(axis=0)
    return np.clip((values - values.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0), -4, 4)


def _standard(signal: np.ndarray) -> np.ndarray:
    deviation = signal.std()
    return (signal - signal.mean()) / (deviation if deviation > 0 else 1.0)
