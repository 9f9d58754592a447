"""What a leaderboard measures: each metric with its direction, so that nothing guesses it from a name.

Truth is float64: (n,) numbers, 0/1 or class positions, (n, classes) of 0/1 for tags; NaN where it is missing.
A prediction is (n,) for a target with one output and (n, outputs) otherwise. Calling a metric checks the
shapes and leaves out the rows without truth, so `score` and `per_row` see complete float64 rows alone, and
a metric of one's own is a function of two arrays:

    def median_error(truth, prediction):
        return np.median(np.abs(truth - prediction))

    METRIC = Metric("median_error", "minimize", median_error)
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, get_args

import numpy as np

from common.errors import PodiumError
from common.targets import Decide, above_half

Direction = Literal["minimize", "maximize"]
RowScores = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Metric:
    """A score of predictions against the truth, and which way it gets better.

    name       as it stands in files and tables
    direction  `minimize` or `maximize`
    score      (truth, prediction) to a number, NaN where it is undefined; sees rows with known truth only
    per_row    (truth, prediction) to (n,) values whose mean is the score; None where it is no such mean
    """

    name: str
    direction: Direction
    score: Callable[[np.ndarray, np.ndarray], float]
    per_row: RowScores | None = None

    def __post_init__(self) -> None:
        if self.direction not in get_args(Direction):
            raise PodiumError(f"metric '{self.name}': '{self.direction}' is not minimize or maximize")

    def __call__(self, truth: np.ndarray, prediction: np.ndarray) -> float:
        """The score over the rows whose truth is known; PodiumError where the arrays do not fit."""
        truth, prediction = only_known(*checked(truth, prediction))
        return float(self.score(truth, prediction))

    def better(self, a: float, b: float) -> bool:
        """Whether the score `a` beats `b`. Equal is not better; any number beats NaN."""
        if np.isnan(a) or np.isnan(b):
            return bool(np.isnan(b) and not np.isnan(a))
        return a < b if self.direction == "minimize" else a > b


def mean_over_rows(name: str, direction: Direction, per_row: RowScores) -> Metric:
    """The metric whose score is the mean of `per_row`: its standard error needs no bootstrap."""
    return Metric(name, direction, partial(_mean, per_row), per_row)


def checked(truth: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64; refuses shapes that numpy would stretch in silence, and predictions that are NaN."""
    truth, prediction = np.asarray(truth, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    wide = truth.ndim == 1 and prediction.ndim == 2 and prediction.shape[1] > 1
    if len(truth) != len(prediction) or not (wide or truth.shape == prediction.shape):
        raise PodiumError(
            f"truth {truth.shape} and prediction {prediction.shape} do not fit: expected equal shapes, or "
            "(n,) and (n, classes)"
        )
    if np.isnan(prediction).any():
        raise PodiumError(f"the prediction of row {np.argwhere(np.isnan(prediction))[0, 0]} is NaN")
    return truth, prediction


def only_known(truth: np.ndarray, *beside: np.ndarray) -> tuple[np.ndarray, ...]:
    """`truth` and what stands `beside` it, without the rows in which any truth is missing (NaN)."""
    known = ~np.isnan(truth) if truth.ndim == 1 else ~np.isnan(truth).any(axis=1)
    if not known.any():
        raise PodiumError(f"none of the {len(truth):,} rows has a known truth, so there is nothing to score")
    if known.all():  # the usual case, without copies
        return truth, *beside
    return truth[known], *(array[known] for array in beside)


def _mean(per_row: RowScores, truth: np.ndarray, prediction: np.ndarray) -> float:
    return float(per_row(truth, prediction).mean())


def _log_loss_rows(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """-log of the probability given to the true class, kept 1e-15 away from 0 and 1.

    Binary: P of class 1, (n,). Multiclass: (n, classes), each row first divided by its sum.
    https://www.kaggle.com/c/dogs-vs-cats-redux-kernels-edition/overview/evaluation and, for many classes,
    https://www.kaggle.com/c/dog-breed-identification/overview/evaluation
    """
    if prediction.ndim == 1:
        return _binary_log_loss(truth, prediction)
    given, total = prediction[np.arange(len(truth)), truth.astype(np.intp)], prediction.sum(axis=1)
    return _minus_log(np.divide(given, total, out=np.zeros_like(given), where=total > 0))


def _multilabel_log_loss_rows(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Mean over tags of the binary log loss; its mean over rows is the mean of the columns' log losses."""
    return _binary_log_loss(truth, prediction).mean(axis=1)


def _binary_log_loss(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return _minus_log(np.where(truth == 1, prediction, 1 - prediction))


def _minus_log(probability: np.ndarray) -> np.ndarray:
    return -np.log(np.clip(probability, 1e-15, 1 - 1e-15))


def _classes(prediction: np.ndarray) -> np.ndarray:
    """The decision as positions, (n,): P > 0.5 of one output, the largest (at ties the first) of several."""
    return (prediction > 0.5).astype(np.intp) if prediction.ndim == 1 else prediction.argmax(axis=1)


def _accuracy_rows(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """1 where the decided class is the true one, otherwise 0."""
    return (_classes(prediction) == truth).astype(np.float64)


def _confusion(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Counts (classes, classes): row the true class, column the decided one."""
    classes = 2 if prediction.ndim == 1 else prediction.shape[1]
    cells = truth.astype(np.intp) * classes + _classes(prediction)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes).astype(np.float64)


def _macro_f1(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Mean of F1 = 2 TP / (2 TP + FP + FN) over the classes that are true or decided somewhere."""
    counts = _confusion(truth, prediction)
    sizes = counts.sum(axis=0) + counts.sum(axis=1)
    occurs = sizes > 0
    return float((2 * counts.diagonal()[occurs] / sizes[occurs]).mean())


def _mcc(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Matthews' correlation of true and decided classes; 0 where one of them is constant.

    For many classes J. Gorodkin's R_K, Computational Biology and Chemistry 28 (2004).
    """
    counts = _confusion(truth, prediction)
    n, true, decided = counts.sum(), counts.sum(axis=1), counts.sum(axis=0)
    spread = (n * n - true @ true) * (n * n - decided @ decided)
    return float((n * counts.trace() - true @ decided) / np.sqrt(spread)) if spread > 0 else 0.0


def _auc(truth: np.ndarray, prediction: np.ndarray) -> float:
    """P(a positive stands above a negative), ties counting half: the rank-sum U / (positives x negatives).

    H. Mann and D. Whitney, Annals of Mathematical Statistics 18 (1947). NaN where only one class occurs.
    """
    positive = truth == 1
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return float("nan")
    _, place, size = np.unique(prediction, return_inverse=True, return_counts=True)
    middle_rank = np.cumsum(size) - (size - 1) / 2
    rank_sum = middle_rank[place][positive].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / positives / negatives)


def _quadratic_weighted_kappa(truth: np.ndarray, prediction: np.ndarray) -> float:
    """1 - E (t - p)^2 / E' (t - p)^2 of ratings, where E' draws t and p apart from each other.

    J. Cohen, "Weighted kappa", Psychological Bulletin 70 (1968). A prediction (n, classes) is decided by its
    largest value, (n,) by rounding. NaN where all ratings are one number.
    """
    rating = _classes(prediction) if prediction.ndim == 2 else np.rint(prediction)
    by_chance = truth.var() + rating.var() + (truth.mean() - rating.mean()) ** 2
    return float(1 - np.square(truth - rating).mean() / by_chance) if by_chance > 0 else float("nan")


def _average_precision_rows(k: int, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """1 / rank of the true class among the `k` largest, otherwise 0; equal values rank in class order."""
    position = truth.astype(np.intp)[:, None]
    given = np.take_along_axis(prediction, position, axis=1)
    before = (prediction > given) | ((prediction == given) & (np.arange(prediction.shape[1]) < position))
    rank = 1 + before.sum(axis=1)
    return np.where(rank <= k, 1 / rank, 0.0)


def _fbeta_rows(beta: float, decide: Decide, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """(1 + beta^2) TP / (beta^2 (TP + FN) + TP + FP) of each row's tags; 1 where there is no tag at all."""
    wanted, decided = truth == 1, decide(prediction)
    hits = (wanted & decided).sum(axis=1)
    sizes = beta**2 * wanted.sum(axis=1) + decided.sum(axis=1)
    return np.divide((1 + beta**2) * hits, sizes, out=np.ones(len(truth)), where=sizes > 0)


def _mae_rows(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """|t - p|."""
    return np.abs(truth - prediction)


def _rmse(truth: np.ndarray, prediction: np.ndarray) -> float:
    """sqrt(mean (t - p)^2)."""
    return float(np.sqrt(np.square(truth - prediction).mean()))


def _rmsle(truth: np.ndarray, prediction: np.ndarray) -> float:
    """sqrt(mean (log(1 + t) - log(1 + p))^2), for numbers above -1."""
    lowest = min(truth.min(), prediction.min())
    if lowest <= -1:
        raise PodiumError(f"rmsle: {lowest:g} has no log(1 + x); train with Regression(log=True)")
    return _rmse(np.log1p(truth), np.log1p(prediction))


def _rmspe(truth: np.ndarray, prediction: np.ndarray) -> float:
    """sqrt(mean ((t - p) / t)^2), without the rows whose truth is 0; NaN where no row is left.

    https://www.kaggle.com/c/rossmann-store-sales/overview/evaluation
    """
    counted = truth != 0
    errors = 1 - prediction[counted] / truth[counted]
    return float(np.sqrt(np.square(errors).mean())) if counted.any() else float("nan")


log_loss = mean_over_rows("log_loss", "minimize", _log_loss_rows)
multilabel_log_loss = mean_over_rows("multilabel_log_loss", "minimize", _multilabel_log_loss_rows)
accuracy = mean_over_rows("accuracy", "maximize", _accuracy_rows)
macro_f1 = Metric("macro_f1", "maximize", _macro_f1)
mcc = Metric("mcc", "maximize", _mcc)
auc = Metric("auc", "maximize", _auc)
quadratic_weighted_kappa = Metric("quadratic_weighted_kappa", "maximize", _quadratic_weighted_kappa)
mae = mean_over_rows("mae", "minimize", _mae_rows)
rmse = Metric("rmse", "minimize", _rmse)
rmsle = Metric("rmsle", "minimize", _rmsle)
rmspe = Metric("rmspe", "minimize", _rmspe)


def map_at_k(k: int) -> Metric:
    """Mean of 1 / rank of a row's one true class (https://www.kaggle.com/c/humpback-whale-identification)."""
    return mean_over_rows(f"map_at_{k}", "maximize", partial(_average_precision_rows, k))


def fbeta(beta: float, decide: Decide = above_half) -> Metric:
    """F-beta of each row's tags, averaged over rows; `decide` says which tags probabilities stand for.

    A row with neither true nor predicted tags is wholly right and scores 1: scikit-learn's
    `fbeta_score(average="samples", zero_division=1)`, whose default would say 0 for such a row.
    https://www.kaggle.com/c/planet-understanding-the-amazon-from-space/overview/evaluation
    """
    return mean_over_rows(f"f{beta:g}", "maximize", partial(_fbeta_rows, beta, decide))
