"""How strongly two columns go together: Pearson, Spearman, Lin's concordance, Cramér's V; 0 if undefined."""

import numpy as np


def pearson(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation over all cells of two arrays of one shape."""
    if first.size < 2:
        return 0.0
    if first.ndim == 2 and first.shape[1] == 1:
        first, second = first[:, 0], second[:, 0]
    a, b = first - first.mean(), second - second.mean()
    squares = _dot(a, a), _dot(b, b)
    if _flat(first, squares[0]) or _flat(second, squares[1]):
        return 0.0
    return float(np.clip(_dot(a, b) / np.sqrt(squares[0] * squares[1]), -1, 1))


def column_correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Correlation of every column of one with every column of the other: (n, a), (n, b) to (a, b)."""
    return standardised(first).T @ standardised(second)


def standardised(values: np.ndarray) -> np.ndarray:
    """Columns with mean 0 and length 1; a constant column becomes zeros."""
    centred = values - values.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    flat = length <= 1e-12 * np.sqrt(len(values)) * np.abs(values).max(axis=0, initial=0.0)
    return centred / np.where(flat, np.inf, length)


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0, ties sharing their mean, of a flat array."""
    order = np.argsort(values)
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.diff(np.append(starts, len(values)))
    result = np.empty(len(values))
    result[order] = np.repeat(starts + (counts - 1) / 2, counts)
    return result


def spearman(first: np.ndarray, second: np.ndarray, most: int | None = None) -> float:
    """Correlation of the ranks, over all cells or (`most`) about that many evenly spaced ones."""
    every = slice(None, None, 1 if most is None else 1 + first.size // most)
    ours, theirs = first.ravel()[every], second.ravel()[every]
    return pearson(ranks(ours), ranks(theirs)) if len(ours) > 1 else 0.0


def concordance(first: np.ndarray, second: np.ndarray) -> float:
    """Lin's concordance correlation: 1 only where the values themselves are equal, not just in a line.

    Lin, A concordance correlation coefficient to evaluate reproducibility, Biometrics 45 (1989).
    """
    a, b = first - first.mean(), second - second.mean()
    spread = float((a * a).mean() + (b * b).mean() + (first.mean() - second.mean()) ** 2)
    return float(2 * (a * b).mean() / spread) if spread > 0 else 0.0


def cramers_v(first: np.ndarray, second: np.ndarray) -> float:
    """Association of two arrays of codes (non-negative integers), whatever the codes are called, in 0..1."""
    rows, columns = np.bincount(first), np.bincount(second)
    pairs, counts = np.unique(first.astype(np.int64) * len(columns) + second, return_counts=True)
    expected = rows[pairs // len(columns)] * columns[pairs % len(columns)]
    smaller = min((rows > 0).sum(), (columns > 0).sum()) - 1
    if smaller < 1:
        return 0.0
    return float(np.sqrt(max(0.0, (counts**2 / expected).sum() - 1) / smaller))


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.dot(a, b)) if a.ndim == 1 else float((a * b).sum())


def _flat(values: np.ndarray, squares: float) -> bool:
    return squares <= values.size * (1e-12 * float(np.abs(values).max())) ** 2
