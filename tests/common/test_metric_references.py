"""Each metric against scikit-learn, or against a plain reference written here."""

import math

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from common import metrics
from tests.common.metric_data import binary, multiclass, multilabel, numbers, ratings


def labels(prediction):
    return (prediction > 0.5).astype(int) if prediction.ndim == 1 else prediction.argmax(axis=1)


def kappa(truth, prediction):
    decided = np.rint(prediction) if prediction.ndim == 1 else labels(prediction)
    return sklearn_metrics.cohen_kappa_score(truth, decided, weights="quadratic")


def map_at_3(truth, prediction):
    """One row after the other, as the evaluation page words it."""
    total = 0.0
    for wanted, row in zip(truth, prediction, strict=True):
        ranked = sorted(range(len(row)), key=lambda position: (-row[position], position))[:3]
        total += 1 / (1 + ranked.index(wanted)) if wanted in ranked else 0.0
    return total / len(truth)


def rmspe(truth, prediction):
    squares = [((t - p) / t) ** 2 for t, p in zip(truth, prediction, strict=True) if t != 0]
    return math.sqrt(sum(squares) / len(squares))


def kaggle_log_loss(truth, prediction):
    total = 0.0
    for wanted, p in zip(truth, prediction, strict=True):
        given_to_truth = (p if wanted == 1 else 1 - p) if np.ndim(p) == 0 else p[int(wanted)] / sum(p)
        total -= math.log(max(min(given_to_truth, 1 - 1e-15), 1e-15))
    return total / len(truth)


def mean_log_loss_of_columns(truth, prediction):
    return np.mean([kaggle_log_loss(t, p) for t, p in zip(truth.T, prediction.T, strict=True)])


def samples_fbeta(beta):
    return lambda truth, prediction: sklearn_metrics.fbeta_score(
        truth, prediction > 0.5, beta=beta, average="samples", zero_division=1.0
    )


@pytest.mark.parametrize(
    ("metric", "draw", "reference"),
    [
        (metrics.log_loss, binary, kaggle_log_loss),
        (metrics.log_loss, multiclass, kaggle_log_loss),
        (metrics.log_loss, multiclass, lambda t, p: sklearn_metrics.log_loss(t, p, labels=range(5))),
        (metrics.multilabel_log_loss, multilabel, mean_log_loss_of_columns),
        (metrics.accuracy, binary, lambda t, p: sklearn_metrics.accuracy_score(t, labels(p))),
        (metrics.accuracy, multiclass, lambda t, p: sklearn_metrics.accuracy_score(t, labels(p))),
        (metrics.fbeta(2), multilabel, samples_fbeta(2)),
        (metrics.fbeta(0.5), multilabel, samples_fbeta(0.5)),
        (metrics.macro_f1, binary, lambda t, p: sklearn_metrics.f1_score(t, labels(p), average="macro")),
        (metrics.macro_f1, multiclass, lambda t, p: sklearn_metrics.f1_score(t, labels(p), average="macro")),
        (metrics.mcc, binary, lambda t, p: sklearn_metrics.matthews_corrcoef(t, labels(p))),
        (metrics.mcc, multiclass, lambda t, p: sklearn_metrics.matthews_corrcoef(t, labels(p))),
        (metrics.auc, binary, sklearn_metrics.roc_auc_score),
        (metrics.quadratic_weighted_kappa, multiclass, kappa),
        (metrics.quadratic_weighted_kappa, ratings, kappa),
        (metrics.map_at_k(3), multiclass, map_at_3),
        (metrics.mae, numbers, sklearn_metrics.mean_absolute_error),
        (metrics.rmse, numbers, sklearn_metrics.root_mean_squared_error),
        (metrics.rmsle, numbers, sklearn_metrics.root_mean_squared_log_error),
        (metrics.rmspe, numbers, rmspe),
    ],
)
@pytest.mark.parametrize("n", [8, 500])
def test_agrees_with_the_reference(metric, draw, reference, n):
    for seed in range(5):
        truth, prediction = draw(np.random.default_rng(seed), n)
        assert metric(truth, prediction) == pytest.approx(float(reference(truth, prediction)), rel=1e-9)
