"""The competition's metric on the columns of the prediction store, with its error."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from common.competition import Competition
from common.metrics import Metric, accuracy
from common.standard_error import paired_standard_error, standard_error
from common.targets import Binary, Multiclass, columns_of


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
