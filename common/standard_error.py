"""How sure a score is: its standard error over examples, by group where examples belong together.

Which examples were drawn is the chance that a leaderboard plays with; near-duplicates and pictures of one
patient are no independent draws, so whole groups are what varies. The spread between folds is not that
error: folds share training rows, and are few.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from common.errors import PodiumError
from common.metrics import Metric, checked, only_known
from common.randomness import generator

Groups = np.ndarray | pd.Series | Sequence[object]

_RESAMPLES = 200  # the error of the error is then about 5 % (Efron and Tibshirani 1993, section 6.4)
_MOST_DRAWN = 100_000  # of a million rows as many are drawn, since drawing them all takes half a minute


def standard_error(
    metric: Metric,
    truth: np.ndarray,
    prediction: np.ndarray,
    groups: Groups | None = None,
    seed: int = 0,
    resamples: int = _RESAMPLES,
) -> float:
    """Standard error of `metric(truth, prediction)` over examples, in the metric's unit.

    A score that is a mean over rows: std / sqrt(n), and with `groups` (n,) the cluster-robust error of a mean
    (K. Liang and S. Zeger, Biometrika 73, 1986; C. Cameron and D. Miller, J. of Human Resources 50, 2015).
    Any other score: the standard deviation over `resamples` bootstrap draws of rows, or of whole groups
    (B. Efron, Annals of Statistics 7, 1979; A. Davison and D. Hinkley, Bootstrap Methods, 1997, section 3.8);
    draws in which the score is undefined are left out. Rows with missing truth do not count.

    Returns NaN where fewer than two rows, or groups, are left. Raises PodiumError where arrays do not fit or
    a row has no group.
    """
    truth, prediction = checked(truth, prediction)
    truth, prediction, codes = only_known(truth, prediction, _group_codes(groups, len(truth)))
    if metric.per_row is not None:
        return _error_of_mean(metric.per_row(truth, prediction), codes)
    return _bootstrap(lambda rows: metric.score(truth[rows], prediction[rows]), codes, seed, resamples)


def paired_standard_error(
    metric: Metric,
    truth: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    groups: Groups | None = None,
    seed: int = 0,
) -> float:
    """Standard error of `metric(truth, first) - metric(truth, second)`, two predictions of the same rows.

    Much of the chance is common to both and cancels: the differences row by row, or the scores in the same
    bootstrap draws, are what varies (T. Dietterich, Neural Computation 10, 1998, on paired tests; the methods
    are those of `standard_error`).
    """
    truth, first = checked(truth, first)
    _, second = checked(truth, second)
    truth, first, second, codes = only_known(truth, first, second, _group_codes(groups, len(truth)))
    if metric.per_row is not None:
        return _error_of_mean(metric.per_row(truth, first) - metric.per_row(truth, second), codes)

    def difference(rows: np.ndarray) -> float:
        return metric.score(truth[rows], first[rows]) - metric.score(truth[rows], second[rows])

    return _bootstrap(difference, codes, seed, _RESAMPLES)


def _group_codes(groups: Groups | None, n: int) -> np.ndarray:
    """A number a group, shape (n,); without groups each row is one, and both methods the plain ones."""
    if groups is None:
        return np.arange(n)
    if len(groups) != n:
        raise PodiumError(f"{len(groups):,} groups for {n:,} rows")
    codes, _ = pd.factorize(np.asarray(groups))
    if (codes < 0).any():
        raise PodiumError(f"row {int((codes < 0).argmax())} has no group; one that stands alone needs its own")
    return codes


def _error_of_mean(values: np.ndarray, codes: np.ndarray) -> float:
    """sqrt(G / (G - 1) x sum over the G groups of (sum of deviations from the mean)^2) / n."""
    _, codes = np.unique(codes, return_inverse=True)
    deviations = np.bincount(codes, weights=values - values.mean())
    groups = len(deviations)
    if groups < 2:
        return float("nan")
    return float(np.sqrt(groups / (groups - 1) * np.square(deviations).sum()) / len(values))


def _bootstrap(score: Callable[[np.ndarray], float], codes: np.ndarray, seed: int, resamples: int) -> float:
    """Standard deviation of `score(rows)` over draws, with replacement, of as many groups as there are.

    Of more than 100,000 groups only so many are drawn, and the deviation is scaled by the square root of
    their share (P. Bickel, F. Götze and W. van Zwet, Statistica Sinica 7, 1997).
    """
    by_group = np.argsort(codes, kind="stable")
    _, start, size = np.unique(codes[by_group], return_index=True, return_counts=True)
    groups = len(size)
    if groups < 2:
        return float("nan")
    many = min(groups, _MOST_DRAWN)
    random = generator(seed, "bootstrap")
    scores = []
    for _ in range(resamples):
        drawn = random.integers(groups, size=many)
        sizes = size[drawn]
        end = np.cumsum(sizes)
        # Rows of the drawn groups, one group after the other: each counts on from its own start.
        positions = np.arange(end[-1]) + np.repeat(start[drawn] - (end - sizes), sizes)
        scores.append(score(by_group[positions]))
    defined = np.array(scores)[~np.isnan(scores)]
    return float(defined.std(ddof=1) * np.sqrt(many / groups)) if len(defined) > 1 else float("nan")
