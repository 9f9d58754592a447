"""Platt scaling: probabilities that mean what they say, from a line through the log-odds of each class."""

from dataclasses import dataclass

import numpy as np

from common.errors import PodiumError

_MARGIN = 1e-6  # log-odds of 0 and 1 have no end
_STEPS = 50


@dataclass(frozen=True)
class Platt:
    """slope and offset (outputs,): a probability's log-odds z become slope * z + offset."""

    slope: np.ndarray
    offset: np.ndarray

    def __call__(self, probabilities: np.ndarray) -> np.ndarray:
        """(rows, outputs) probabilities to calibrated ones."""
        return 1 / (1 + np.exp(-(self.slope * _log_odds(probabilities) + self.offset)))


def fit_platt(truth: np.ndarray, probabilities: np.ndarray) -> Platt:
    """The line for each class that gives its rows the highest likelihood.

    truth          (rows, outputs) of 0 and 1, rows with NaN left out, or (rows,) where there is one output
    probabilities  (rows, outputs), each output by itself, of rows that their network was not trained on

    J. Platt, "Probabilistic outputs for support vector machines", 1999. A Gaussian prior of deviation 1 about slope 1
    and offset 0, which is no change, stands for two rows' worth of doubt: a tag with three rows keeps what the network
    said, one with a hundred follows them.
    """
    truth = truth[:, None] if truth.ndim == 1 else truth
    if truth.shape != probabilities.shape:
        raise PodiumError(f"truth {truth.shape} and probabilities {probabilities.shape} do not fit: one column a class")
    known = ~np.isnan(truth).any(axis=1)
    truth, log_odds = truth[known], _log_odds(probabilities[known])
    slope, offset = np.ones(truth.shape[1]), np.zeros(truth.shape[1])

    def cost(slope: np.ndarray, offset: np.ndarray) -> np.ndarray:
        logits = slope * log_odds + offset
        return (np.logaddexp(0, logits) - truth * logits).sum(axis=0) + ((slope - 1) ** 2 + offset**2) / 2

    for _ in range(_STEPS):
        expected = 1 / (1 + np.exp(-(slope * log_odds + offset)))
        error, weight = expected - truth, expected * (1 - expected)
        by_slope = (error * log_odds).sum(axis=0) + slope - 1
        by_offset = error.sum(axis=0) + offset
        slope_slope = (weight * log_odds**2).sum(axis=0) + 1
        slope_offset = (weight * log_odds).sum(axis=0)
        offset_offset = weight.sum(axis=0) + 1
        determinant = slope_slope * offset_offset - slope_offset**2
        step_slope = (offset_offset * by_slope - slope_offset * by_offset) / determinant
        step_offset = (slope_slope * by_offset - slope_offset * by_slope) / determinant
        share, before = np.ones(truth.shape[1]), cost(slope, offset)
        while (worse := (cost(slope - share * step_slope, offset - share * step_offset) > before + 1e-9)).any():
            share = np.where(worse, share / 2, share)  # Newton's full step may go too far from a far start
        slope, offset = slope - share * step_slope, offset - share * step_offset
        if max(np.abs(step_slope).max(), np.abs(step_offset).max()) < 1e-9:
            break
    return Platt(slope, offset)


def _log_odds(probabilities: np.ndarray) -> np.ndarray:
    inside = np.clip(probabilities, _MARGIN, 1 - _MARGIN)
    return np.log(inside / (1 - inside))
