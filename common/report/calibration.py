"""Are probabilities to be believed: of the rows given 0.8, do eight in ten come true?"""

from dataclasses import dataclass

import numpy as np

_Z_95 = 1.959964


@dataclass(frozen=True)
class Reliability:
    """Rows binned by probability; bins without rows are left out. All arrays are (bins,)."""

    left: np.ndarray
    counts: np.ndarray
    predicted: np.ndarray
    observed: np.ndarray
    low: np.ndarray
    high: np.ndarray
    bin_width: float

    @property
    def expected_calibration_error(self) -> float:
        """Mean over rows of |observed - predicted| of their bin.

        M. P. Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.
        """
        return float(np.abs(self.observed - self.predicted) @ self.counts / self.counts.sum())


def reliability(probability: np.ndarray, came_true: np.ndarray, bins: int = 10) -> Reliability:
    """Mean probability, and share that came true with its 95% interval, in `bins` equal bins of 0..1.

    probability and came_true (0 or 1) are (n,). The interval is E. B. Wilson's, JASA 22 (1927): it stays
    within 0..1 and holds for a handful of rows.
    """
    place = np.minimum((probability * bins).astype(int), bins - 1)
    counts = np.bincount(place, minlength=bins)
    kept = counts > 0
    n = counts[kept]
    predicted = np.bincount(place, weights=probability, minlength=bins)[kept] / n
    observed = np.bincount(place, weights=came_true, minlength=bins)[kept] / n
    centre = (observed + _Z_95**2 / (2 * n)) / (1 + _Z_95**2 / n)
    half = _Z_95 * np.sqrt(observed * (1 - observed) / n + (_Z_95 / (2 * n)) ** 2) / (1 + _Z_95**2 / n)
    return Reliability(
        left=np.flatnonzero(kept) / bins,
        counts=n,
        predicted=predicted,
        observed=observed,
        low=np.minimum(centre - half, observed),
        high=np.maximum(centre + half, observed),
        bin_width=1 / bins,
    )
