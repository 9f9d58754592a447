"""How wrong each row's prediction is, by its target's own loss."""

import numpy as np

from common.targets import Multiclass, Regression, Target

_SMALLEST_PROBABILITY = 1e-15


def row_loss(target: Target, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Cross-entropy in nats, a mean over tags, or squared error, (n,); NaN where the truth is missing.

    truth       as the target encodes it: (n,), or (n, classes) for tags
    prediction  (n, outputs), activated
    """
    if isinstance(target, Regression):
        return np.square(residual(target, truth, prediction))
    if isinstance(target, Multiclass):
        known = ~np.isnan(truth)
        right = prediction[np.arange(len(truth)), np.where(known, truth, 0).astype(int)]
        return np.where(known, -np.log(np.maximum(right, _SMALLEST_PROBABILITY)), np.nan)
    return output_loss(truth.reshape(prediction.shape), prediction).mean(axis=1)


def output_loss(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Cross-entropy of each yes-or-no output, of the shape of both arrays; NaN where the truth is missing."""
    right = np.where(truth == 1, prediction, 1 - prediction)
    return np.where(np.isnan(truth), np.nan, -np.log(np.maximum(right, _SMALLEST_PROBABILITY)))


def residual(target: Regression, truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Predicted (n, 1) minus given number (n,), both after log(1 + x) where the target is trained so."""
    predicted = prediction[:, 0]
    return np.log1p(np.maximum(predicted, 0)) - np.log1p(truth) if target.log else predicted - truth
