"""Values that mean the right thing on a wrong scale: logarithms, percent, standardised numbers.

Pearson's correlation is blind to scale: a file in percent correlates perfectly and scores terribly. So the
scale is checked on its own, also where the correlation is high.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from common.submission.association import concordance, pearson, spearman
from common.submission.cells import Numbers, relation
from common.submission.evidence import Finding, critical

# How far honest models differ: in deviation (as a factor) and in mean (in deviations). Probabilities may be
# far more or less confident than others, as long as they are probabilities.
_FACTOR, _PROBABILITY_FACTOR = 1.8, 7.0
_OFFSET = 1.0
_RELATED = 0.5
_RANKED_CELLS = 200_000
_LEFT_OVER = 0.8  # of the disagreement, after a curve is undone
_COPY = 1e-6  # 1 - r of a file computed from the other one by a straight line


@dataclass(frozen=True)
class _Transform:
    words: str
    undo: Callable[[np.ndarray], np.ndarray]
    remedy: str
    bounded: bool = False  # whatever goes in, a probability comes out


def find_logarithm(new: Numbers, known: Numbers, before: float, misfit: bool) -> Finding | None:
    """log_probabilities: logarithms (also log(1 + y) of a number) or log-odds that were not turned back."""
    if not misfit or 1 - abs(pearson(new.values, known.values)) < _COPY or known.values.min() < 0:
        return None
    best: tuple[float, float, _Transform] | None = None
    for transform, ours, theirs in _transformed(new.values, known.values):
        fit = concordance(ours, theirs)
        if best is None or fit > best[0]:
            best = fit, relation(replace(new, values=ours), replace(known, values=theirs)), transform
    if best is None or best[0] < _RELATED or best[1] <= critical(len(new), 4):
        return None
    fit, after, transform = best
    # A curve that was really there fits better once it is undone. Where it is so flat that a line does as well
    # (probabilities around one half), the undone values must be the very values, which no line's would be.
    curved = 1 - after <= _LEFT_OVER * (1 - abs(before))
    nearness = 0.99 if transform.bounded else 0.97
    exact = fit >= nearness * after and after >= abs(before) - 0.01
    if not curved and not exact:
        return None
    return Finding(
        "log_probabilities",
        f"The values are {transform.words}: after {transform.remedy} they agree with the known-good file "
        f"({after:.3f}, {before:.3f} as it is). Write {transform.remedy}.",
        after,
    )


def _transformed(new: np.ndarray, known: np.ndarray) -> Iterator[tuple[_Transform, np.ndarray, np.ndarray]]:
    """Each way back, applied, and what it should equal."""
    if is_probability(known):
        candidates = [
            _Transform("logarithms of probabilities", lambda x: np.exp(np.minimum(x, 1.0)), "exp(value)"),
            _Transform("decimal logarithms of probabilities", lambda x: 10 ** np.minimum(x, 1.0), "10 ** value"),
            _Transform("negative logarithms of probabilities", lambda x: np.exp(np.minimum(-x, 1.0)), "exp(-value)"),
            _Transform("log-odds", lambda x: 1 / (1 + np.exp(-np.clip(x, -700, 700))), "1 / (1 + exp(-value))", True),
        ]
        if new.shape[1] > 1 and sums_to_one(known):
            candidates.append(_Transform("logits", _softmax, "softmax(values of a row)", True))
        for transform in candidates:
            yield transform, transform.undo(new), known
        return
    # Of other numbers the logarithms are compared: exp() of a noisy value is dominated by its largest errors.
    if known.min() > 0:
        yield _Transform("logarithms", np.exp, "exp(value)"), new, np.log(known)
    yield _Transform("logarithms of 1 + the number", np.expm1, "exp(value) - 1"), new, np.log1p(known)


def find_rescaling(new: Numbers, known: Numbers, before: float, misfit: bool) -> Finding | None:
    """rescaled: a straight line leads from one file to the other, and it is not y = x."""
    if not misfit or before < _RELATED or before <= critical(len(new), 2):
        return None
    slope, offset = np.polyfit(known.values.ravel(), new.values.ravel(), 1)
    near = f"value = {slope:.4g} * known good {'+' if offset >= 0 else '-'} {abs(offset):.4g}"
    ours, theirs = (f"{cells.values.min():.4g} to {cells.values.max():.4g}" for cells in (new, known))
    return Finding(
        "rescaled",
        f"The values are on another scale: {ours}, where the known-good file has {theirs}; about {near} "
        f"(correlation {before:.3f}). Undo the scaling before writing.",
        before,
    )


def find_monotone(new: Numbers, known: Numbers) -> Finding | None:
    """rescaled: the same ranking through a curve."""
    rank = spearman(new.values, known.values, _RANKED_CELLS)
    if rank < 0.99 or rank <= critical(len(new), 2):
        return None
    return Finding(
        "rescaled",
        f"The values rank the rows as the known-good file does (Spearman {rank:.4f}), but lie on another, "
        f"curved scale ({new.values.min():.4g} to {new.values.max():.4g}). Undo the transformation before writing.",
        rank,
    )


def is_misfit(new: Numbers, known: Numbers, before: float) -> bool:
    """Whether the values cannot be on the scale of the known-good file's; `before` is their relation.

    Of an exact copy any line but y = x counts; of another model only what honest models do not do.
    """
    ours, theirs = new.values, known.values
    # A model that knows little rightly predicts little spread (the best one's is its correlation), and a few
    # rows differ more by chance.
    chance = 1 + 4 / np.sqrt(len(ours))
    little = float(np.clip(abs(before), 0.3, 1.0))

    def far(factor: float, offset: float, allowed: float) -> bool:
        return not little / (allowed * chance) <= factor <= allowed * chance or abs(offset) > _OFFSET * chance

    factor, offset = _line(ours, theirs)
    if 1 - pearson(ours, theirs) < _COPY:
        return abs(factor - 1) > 0.1 or abs(offset) > 0.1
    if not is_probability(theirs):
        per_column = [_line(ours[:, j], theirs[:, j]) for j in range(ours.shape[1])]
        return any(far(factor, offset, _FACTOR) for factor, offset in per_column)
    if not is_probability(ours, slack=0.01):
        # A little outside 0..1 is a linear model's habit; a range of its own is another scale.
        return far(factor, offset, _FACTOR) or ours.min() < -0.5 or ours.max() > 1.5
    if ours.shape[1] > 1 and sums_to_one(theirs):
        sums = ours.sum(axis=1)
        if abs(sums.mean() - 1) > 0.05 and sums.std() < 0.01 * abs(sums.mean()):
            return True
    return not little / _PROBABILITY_FACTOR <= factor <= _PROBABILITY_FACTOR


def _line(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    """Deviation of one in that of the other, and the difference of their means in it."""
    deviation = float(theirs.std())
    if deviation == 0:
        return 1.0, 0.0
    return float(ours.std()) / deviation, float(ours.mean() - theirs.mean()) / deviation


def is_probability(values: np.ndarray, slack: float = 1e-6) -> bool:
    return bool(values.min() >= -slack and values.max() <= 1 + slack)


def sums_to_one(values: np.ndarray) -> bool:
    return bool(np.abs(values.sum(axis=1) - 1).max() < 0.01)


def _softmax(values: np.ndarray) -> np.ndarray:
    exponentials = np.exp(values - values.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
