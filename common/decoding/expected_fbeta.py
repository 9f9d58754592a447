"""The set of tags with the highest expected F-beta of a row, from the probability of each tag.

A threshold asks of each tag by itself whether it is likely; F-beta asks of the whole set how many of the true tags
it holds. One dynamic programme answers exactly (N. Ye, K. Chai, W. Lee and H. Chieu, "Optimizing F-measures: a tale
of two approaches", ICML 2012): among sets of k independent tags the k most probable ones are best, and given them
the numbers of true tags inside and outside the set are Poisson-binomial, so all n + 1 sets are compared in O(n^3).
"""

from dataclasses import dataclass

import numpy as np

from common.errors import PodiumError

_CHUNK_ROWS = 8192  # whose distributions take 22 MB where there are 17 tags

_NOTHING = 1e-12  # probabilities below it are none: what they say about each other is rounding


@dataclass(frozen=True)
class Exclusive:
    """Tags (by position) of which a row has exactly one, as kinds of weather.

    alone  those of them that also exclude every tag outside the group, as a sky wholly under cloud
    """

    tags: tuple[int, ...]
    alone: tuple[int, ...] = ()


@dataclass(frozen=True)
class ExpectedFbeta:
    """Decides tags by the highest expected F-beta: for `Multilabel(decide=...)` and the metric `fbeta`."""

    beta: float
    exclusive: Exclusive | None = None
    never_empty: bool = False

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """(rows, tags) probabilities to (rows, tags) bool."""
        return expected_fbeta(probabilities, self.beta, self.exclusive, self.never_empty)[0]


def expected_fbeta(
    probabilities: np.ndarray, beta: float, exclusive: Exclusive | None = None, never_empty: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The set of tags whose expected F-beta is highest, exactly, and how high it is.

    probabilities  (rows, tags), of each tag by itself; calibrated, or the expectation means nothing
    exclusive      tags of which exactly one is true: their probabilities are divided by their sum. Tags are
                   independent otherwise, given that no tag is true that stands alone
    never_empty    every row has a tag, whatever the probabilities say: so the set of none is not taken. Among the
                   others the best one stays the best, since without a true tag all of them score 0

    Returns (rows, tags) bool and (rows,) float64. F-beta is (1 + beta^2) TP / (beta^2 (TP + FN) + TP + FP), and 1
    where neither true nor predicted tags are there, as in `common.metrics.fbeta`. Several exclusive tags may be
    predicted at once: where recall counts, naming both of two likely ones can pay. Of equally good sets the
    smallest is taken.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    exclusive = exclusive or Exclusive(())
    if not beta > 0:
        raise PodiumError(f"beta is {beta:g}; F-beta needs one above 0")
    if not np.all((probabilities >= 0) & (probabilities <= 1)):
        raise PodiumError("expected_fbeta takes probabilities: some values are outside 0..1 or not finite")
    if not set(exclusive.alone) <= set(exclusive.tags) or len(exclusive.alone) > 1:
        raise PodiumError("at most one tag can exclude all others, and it is one of the exclusive tags")
    chosen = np.zeros(probabilities.shape, dtype=bool)
    expected = np.zeros(len(probabilities))
    for begin in range(0, len(probabilities), _CHUNK_ROWS):
        rows = slice(begin, begin + _CHUNK_ROWS)
        chosen[rows], expected[rows] = _best_sets(probabilities[rows], beta, exclusive, never_empty)
    return chosen, expected


def _best_sets(
    probabilities: np.ndarray, beta: float, exclusive: Exclusive, never_empty: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Compare the sets of the k likeliest free tags, m likeliest ordinary exclusive ones, with the lone one or not."""
    rows, tags = probabilities.shape
    lone = list(exclusive.alone)
    group = [tag for tag in exclusive.tags if tag not in lone]
    free = [tag for tag in range(tags) if tag not in exclusive.tags]
    one_event = probabilities[:, list(exclusive.tags)].sum(axis=1, keepdims=True)
    equally = np.full((rows, tags), 1 / max(1, len(exclusive.tags)))
    likely = np.divide(probabilities, one_event, out=equally, where=one_event > _NOTHING)
    cases, alone = likely[:, group], likely[:, lone].sum(axis=1)
    # A free tag is never true beside the lone one: it has all its probability where that one is false.
    others = np.minimum(probabilities[:, free] / np.maximum(1 - alone, _NOTHING)[:, None], 1)
    free_order, case_order = (np.argsort(-values, axis=1, kind="stable") for values in (others, cases))
    others, cases = (np.take_along_axis(*pair, axis=1) for pair in ((others, free_order), (cases, case_order)))
    named = np.concatenate([np.zeros((rows, 1)), np.cumsum(cases, axis=1)], axis=1)  # P(the true case is among m)

    inside, outside = _true_counts(others), _true_counts(others[:, ::-1])[::-1]
    best, size = np.full(rows, -1.0), np.zeros((rows, 3), dtype=np.int64)
    options = [
        (k, m, with_lone)
        for k in range(len(free) + 1)
        for m in range(len(group) + 1)
        for with_lone in range(len(lone) + 1)
        if k + m + with_lone or not never_empty
    ]
    for k, m, with_lone in sorted(options, key=sum):
        predicted = k + m + with_lone

        counts = inside[k], outside[k], predicted, beta
        if not exclusive.tags:
            value = _mean_fbeta(*counts, hits=0, true=0)
        else:
            value = named[:, m] * _mean_fbeta(*counts, hits=1, true=1)
            value += (named[:, -1] - named[:, m]) * _mean_fbeta(*counts, hits=0, true=1)
            value += alone * _fbeta(np.array(with_lone), np.array(1), predicted, beta)
        better = value > best + 1e-12
        best[better], size[better] = value[better], (k, m, with_lone)

    chosen = np.zeros((rows, tags), dtype=bool)
    for positions, order, count in ((free, free_order, size[:, 0]), (group, case_order, size[:, 1])):
        rank = np.argsort(order, axis=1)
        chosen[:, positions] = rank < count[:, None]
    chosen[:, lone] = size[:, 2:] > 0
    return chosen, best


def _true_counts(probabilities: np.ndarray) -> list[np.ndarray]:
    """Of the first k tags, for every k, the distribution of how many are true: (rows, k + 1) each."""
    counts = [np.ones((len(probabilities), 1))]
    for probability in probabilities.T:
        longer = np.zeros((len(probabilities), counts[-1].shape[1] + 1))
        longer[:, :-1] = counts[-1] * (1 - probability)[:, None]
        longer[:, 1:] += counts[-1] * probability[:, None]
        counts.append(longer)
    return counts


def _mean_fbeta(
    inside: np.ndarray, outside: np.ndarray, predicted: int, beta: float, hits: int, true: int
) -> np.ndarray:
    """Expected F-beta, (rows,), with so many hits and true tags beside those that the distributions count."""
    counted = np.arange(inside.shape[1])[:, None]
    score = _fbeta(counted + hits, counted + np.arange(outside.shape[1]) + true, predicted, beta)
    return ((inside @ score) * outside).sum(axis=1)


def _fbeta(hits: np.ndarray, true: np.ndarray, predicted: int, beta: float) -> np.ndarray:
    """F-beta of `predicted` tags of which `hits` are among the `true` ones; 1 where there is none at all."""
    sizes = beta**2 * true + predicted
    return np.divide((1 + beta**2) * hits, sizes, out=np.ones(sizes.shape), where=sizes > 0)
