"""Which rows an epoch has, and in which order: every row once, or rows drawn by their weights.

All of it depends on (seed, epoch, id, weight) alone. Processes and loader workers share out what was drawn here, so
their number changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from common.randomness import generator, id_hashes, key_pairs


@dataclass(frozen=True)
class Sampling:
    """How rows are drawn.

    ids          (n,) text
    seed         of all that is drawn
    weights      (n,) float64, finite, at least 0, not all 0; None: every row once an epoch
    replacement  whether a row may come up several times in an epoch

    With replacement an epoch has as many draws as there are rows of a weight above 0, and a row comes up in
    proportion to its weight. Without, an epoch has as many rows as the heaviest row would be counted once and the
    others in proportion: sum of weights / largest weight, rounded. Weights of 1 / (size of the class), say, give an
    epoch as many rows as the rarest class has, times the number of classes. Equal weights give all rows once, either
    way.
    """

    ids: np.ndarray
    seed: int
    weights: np.ndarray | None = None
    replacement: bool = False

    def rows_an_epoch(self) -> int:
        if self.weights is None:
            return len(self.ids)
        above_zero = int(np.count_nonzero(self.weights))
        if self.replacement:
            return above_zero
        return min(above_zero, max(1, round(float(self.weights.sum() / self.weights.max()))))

    @cached_property
    def _hashes(self) -> np.ndarray:
        return id_hashes(self.ids)

    def epoch(self, epoch: int) -> np.ndarray:
        """Positions of the rows of an epoch, in their order, (rows_an_epoch,) int64."""
        order, chances = key_pairs(self._hashes, self.seed, "rows of an epoch", epoch)
        if self.weights is None:
            return np.argsort(order)
        if self.replacement:
            draw = generator(self.seed, "weighted draws", epoch)
            return draw_with_replacement(self.weights, order, self.rows_an_epoch(), draw)
        drawn = draw_without_replacement(self.weights, uniforms(chances), self.rows_an_epoch())
        return drawn[np.argsort(order[drawn])]


def draw_without_replacement(weights: np.ndarray, chances: np.ndarray, count: int) -> np.ndarray:
    """Positions of `count` different rows, sorted: as if drawn one by one, by weight, from those that are left.

    weights  (n,) float64
    chances  (n,) float64 in (0, 1), one a row

    The rows with the largest chance^(1 / weight) are taken (P. Efraimidis and P. Spirakis, Weighted random sampling
    with a reservoir, Information Processing Letters 97, 2006), in logarithms, where nothing underflows.
    """
    with np.errstate(divide="ignore"):
        waiting = -np.log(chances) / weights  # infinite for a weight of 0
    return np.sort(np.argpartition(waiting, count - 1)[:count])


def draw_with_replacement(weights: np.ndarray, order: np.ndarray, count: int, draw: np.random.Generator) -> np.ndarray:
    """Positions of `count` rows, in shuffled order; row i stands in them c or c + 1 times, c <= count w_i / sum(w).

    weights  (n,) float64
    order    (n,) numbers that shuffle the rows

    Systematic sampling (W. Madow, Annals of Mathematical Statistics 20, 1949): rows lie in shuffled order on a line,
    each as long as its weight, and every (sum / count)-th point of it is taken, from a random first one. The expected
    count is exact, as with independent draws, and its chance is as small as whole numbers allow.
    """
    shuffled = np.argsort(order)
    ends = np.cumsum(weights[shuffled], dtype=np.float64)
    points = (np.arange(count) + draw.random()) * (ends[-1] / count)
    found = np.searchsorted(ends, points, side="right")  # never a row of weight 0, whose end is that of its neighbour
    last = np.searchsorted(ends, ends[-1], side="left")  # where rounding puts the last point past the end
    return draw.permutation(shuffled[np.minimum(found, last)])


def uniforms(keys: np.ndarray) -> np.ndarray:
    """uint64 keys, (n,), as float64 in (0, 1): the 53 bits that a float64 holds, never 0 nor 1."""
    return ((keys >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def repeats(positions: Iterable[int]) -> np.ndarray:
    """How often each position has come up before, (n,) int64: 0 the first time."""
    positions = np.asarray(positions)
    by_position = np.argsort(positions, kind="stable")
    values = positions[by_position]
    starts = np.flatnonzero(np.r_[True, values[1:] != values[:-1]]) if len(values) else np.zeros(0, dtype=np.int64)
    since = np.arange(len(values)) - np.repeat(starts, np.diff(np.r_[starts, len(values)]))
    counts = np.empty(len(values), dtype=np.int64)
    counts[by_position] = since
    return counts
