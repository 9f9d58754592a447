"""Thresholds for tags that score best on given rows: one for all tags, or one for each."""

import numpy as np

from common.metrics import fbeta, only_known

_GRID = np.linspace(0.01, 0.99, 99)
_ROUNDS = 5


def one_threshold(truth: np.ndarray, probabilities: np.ndarray, beta: float) -> float:
    """The threshold, of 0.01 to 0.99, above which tags are taken for the highest mean F-beta of the rows.

    truth and probabilities are (rows, tags); rows with NaN are left out.
    """
    metric = fbeta(beta)
    scores = [metric(truth, (probabilities > threshold).astype(np.float64)) for threshold in _GRID]
    return float(_GRID[int(np.argmax(scores))])


def threshold_a_tag(truth: np.ndarray, probabilities: np.ndarray, beta: float) -> np.ndarray:
    """A threshold for each tag, (tags,), for the highest mean F-beta of the rows.

    One tag after the other, the rest as they stand, until none changes: from all rows sorted by the tag's
    probability, the best cut is where the sum of what taking the tag gains and costs is highest. Ends in a local
    optimum, as every such search does. Cuts lie halfway between two rows; a tag that never pays gets 1, one that
    always does -1.
    """
    truth, probabilities = only_known(truth, probabilities)
    wanted = truth == 1
    thresholds = np.full(truth.shape[1], one_threshold(truth, probabilities, beta))
    decided = probabilities > thresholds
    for _ in range(_ROUNDS):
        before = thresholds.copy()
        for tag in range(truth.shape[1]):
            without = decided.copy()
            without[:, tag] = False
            having = without.copy()
            having[:, tag] = True
            gain = _rows(wanted, having, beta) - _rows(wanted, without, beta)
            thresholds[tag] = _best_cut(probabilities[:, tag], gain)
            decided[:, tag] = probabilities[:, tag] > thresholds[tag]
        if (thresholds == before).all():
            break
    return thresholds


def _rows(wanted: np.ndarray, decided: np.ndarray, beta: float) -> np.ndarray:
    metric = fbeta(beta)
    assert metric.per_row is not None
    return metric.per_row(wanted, decided.astype(np.float64))


def _best_cut(probability: np.ndarray, gain: np.ndarray) -> float:
    """The threshold above which the rows' gains sum to the most; equal probabilities are never cut apart."""
    order = np.argsort(-probability, kind="stable")
    falling, total = probability[order], np.concatenate([[0.0], np.cumsum(gain[order])])
    cuttable = np.concatenate([[True], falling[:-1] > falling[1:], [True]])
    above = int(np.where(cuttable, total, -np.inf).argmax())  # rows above the cut
    if above in (0, len(falling)):
        return -1.0 if above else 1.0
    return float((falling[above - 1] + falling[above]) / 2)
