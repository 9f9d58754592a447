"""The competition's metric on the columns of the prediction store, with its error."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from common.competition import Competition
from common.metrics import Metric, accuracy, fbeta, mae
from common.standard_error import paired_standard_error, standard_error
from common.targets import Binary, Multiclass, Multilabel, Target, columns_of


def scored_prediction(competition: Competition, table: pd.DataFrame) -> np.ndarray:
    """What the metric looks at: (n,) for a target with one output, else (n, outputs)."""
    name = competition.scored_target
    return squeezed(table[columns_of(name, competition.targets[name])].to_numpy())


def squeezed(prediction: np.ndarray) -> np.ndarray:
    """(n, 1) to (n,): a metric sees one number a row as a plain vector."""
    return prediction[:, 0] if prediction.shape[1] == 1 else prediction


def metrics_of(competition: Competition) -> list[Metric]:
    """The competition's metric, and accuracy beside it where there are classes."""
    has_classes = isinstance(competition.targets[competition.scored_target], Binary | Multiclass)
    beside = [accuracy] if has_classes and competition.metric.name != accuracy.name else []
    return [competition.metric, *beside]


def further_metrics(competition: Competition) -> dict[str, Metric]:
    """A metric for each target that the competition's own does not score: accuracy, F1 of tags, or mean error."""
    return {
        name: _usual_metric(target) for name, target in competition.targets.items() if name != competition.scored_target
    }


def _usual_metric(target: Target) -> Metric:
    if isinstance(target, Binary | Multiclass):
        return accuracy
    return fbeta(1) if isinstance(target, Multilabel) else mae


def further_figures(
    competition: Competition,
    truth: Mapping[str, np.ndarray],
    predictions: Mapping[str, np.ndarray],
    groups: np.ndarray | None = None,
    left_out: Collection[str] = (),
) -> dict[str, dict[str, Any]]:
    """`metric`, `score`, `standard_error` and `rows` (with a known truth) of each further target.

    Without the targets that were `left_out` of training, and those of which no truth is known.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, metric in further_metrics(competition).items():
        rows = known(truth[name])
        if name in left_out or not rows.any():
            continue
        entry = figures(metric, truth[name], squeezed(predictions[name]), groups)
        error = entry["standard_error"] if np.isfinite(entry["standard_error"]) else None  # one row has none
        found[name] = {"metric": metric.name, **entry, "standard_error": error, "rows": int(rows.sum())}
    return found


def known(truth: np.ndarray) -> np.ndarray:
    """Which rows a metric looks at, (n,) bool: those whose truth is known, of tags all of it."""
    return ~np.isnan(truth.reshape(len(truth), -1)).any(axis=1)


def figures(
    metric: Metric, truth: np.ndarray, prediction: np.ndarray, groups: np.ndarray | None = None
) -> dict[str, float]:
    """`score` and `standard_error` over examples (over groups, where given)."""
    return {
        "score": metric(truth, prediction),
        "standard_error": standard_error(metric, truth, prediction, groups),
    }


def difference(
    metric: Metric, truth: np.ndarray, first: np.ndarray, second: np.ndarray, groups: np.ndarray | None = None
) -> dict[str, float]:
    """Score of `first` minus that of `second` on the same rows, with its paired standard error."""
    return {
        "difference": metric(truth, first) - metric(truth, second),
        "difference_standard_error": paired_standard_error(metric, truth, first, second, groups),
    }


def encode_truth(competition: Competition, table: pd.DataFrame) -> Mapping[str, np.ndarray]:
    """The target columns of `table` as arrays; the id of a row stands in the message when one is wrong."""
    indexed = table.set_index("id")
    return {name: target.encode(indexed[name]) for name, target in competition.targets.items()}
