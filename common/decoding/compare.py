"""Ways to turn probabilities of tags into tags, each judged on rows to which nothing in it was fitted."""

from collections.abc import Callable, Mapping

import numpy as np

from common.decoding.expected_fbeta import ExpectedFbeta
from common.decoding.thresholds import one_threshold, threshold_a_tag
from common.ensembling.calibrate import fit_platt
from common.metrics import fbeta
from common.scoring import difference, figures

Finish = Callable[[np.ndarray], np.ndarray]  # (rows, outputs) of a blend to as many probabilities, or 0 and 1
Fit = Callable[[np.ndarray, np.ndarray], Finish]  # from the truth and the blend of other rows


def finish_nested(
    fit: Fit, truth: np.ndarray, members: np.ndarray, row_weights: np.ndarray, parts: np.ndarray
) -> np.ndarray:
    """The blend finished by what the other parts say, (rows, outputs).

    members      (members, rows, outputs)
    row_weights  (rows, members), the same for all rows of a part, and fitted without it
    parts        (rows,) labels; at least two different ones

    For each part all rows are blended by its own weights, so that not even those know its truth.
    """
    finished = np.empty(members.shape[1:])
    for part in np.unique(parts):
        inside = parts == part
        blend = np.tensordot(row_weights[inside][0], members, axes=1)
        finished[inside] = fit(truth[~inside], blend[~inside])(blend[inside])
    return finished


def compare_decisions(
    decide: ExpectedFbeta,
    calibrates: bool,
    margin: float,
    truth: np.ndarray,
    members: np.ndarray,
    row_weights: np.ndarray,
    parts: np.ndarray,
    groups: np.ndarray,
) -> Mapping[str, Mapping[str, float]]:
    """Scores of the highest expected F-beta, and of the two kinds of thresholds that are customary in its place.

    Each with its standard error and, but for the first, `difference`: how much higher the first one scores on the same
    rows, with its paired error. Probabilities are calibrated, where asked for, and kept `margin` from 0 and 1. The
    other arguments are those of `finish_nested`; truth (rows, tags), groups (rows,).
    """

    def calibration(truth: np.ndarray, blend: np.ndarray) -> Finish:
        platt: Finish = fit_platt(truth, blend) if calibrates else lambda probabilities: probabilities
        return lambda probabilities: np.clip(platt(probabilities), margin, 1 - margin)

    def expected(truth: np.ndarray, blend: np.ndarray) -> Finish:
        calibrated = calibration(truth, blend)
        return lambda probabilities: decide(calibrated(probabilities))

    def one(truth: np.ndarray, blend: np.ndarray) -> Finish:
        calibrated = calibration(truth, blend)
        threshold = one_threshold(truth, calibrated(blend), decide.beta)
        return lambda probabilities: calibrated(probabilities) > threshold

    def each(truth: np.ndarray, blend: np.ndarray) -> Finish:
        calibrated = calibration(truth, blend)
        thresholds = threshold_a_tag(truth, calibrated(blend), decide.beta)
        return lambda probabilities: calibrated(probabilities) > thresholds

    def uncalibrated(truth: np.ndarray, blend: np.ndarray) -> Finish:
        return decide

    ways: dict[str, Fit] = {"expected": expected, "one_threshold": one, "threshold_a_tag": each}
    if calibrates:
        ways["expected_uncalibrated"] = uncalibrated
    metric = fbeta(decide.beta)
    decided = {name: finish_nested(fit, truth, members, row_weights, parts) for name, fit in ways.items()}
    compared: dict[str, dict[str, float]] = {}
    for name, tags in decided.items():
        compared[name] = figures(metric, truth, tags, groups)
        if name != "expected":
            compared[name] |= difference(metric, truth, decided["expected"], tags, groups)
    return compared
