"""Blending: convex weights of members that make the metric best on out-of-fold rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from common.metrics import Metric
from common.scoring import squeezed
from common.targets import Multiclass, Regression, Target

_ROUNDS = 50


Finish = Callable[[np.ndarray], np.ndarray]


def convex_weights(
    metric: Metric, truth: np.ndarray, members: np.ndarray, finish: Finish = lambda blend: blend
) -> np.ndarray:
    """Weights (members,), not negative and summing to 1, for which the blend scores best on these rows.

    members  (members, rows, outputs), predictions of the scored target
    finish   what is done to a blend before it is handed in, as clipping; (rows, outputs) to the same

    Greedy selection with replacement, which works for any metric and starts from the best member (Caruana et
    al., "Ensemble selection from libraries of models", ICML 2004), then a local search over the simplex where
    the metric is smooth enough for it to gain anything.
    """
    sign = 1.0 if metric.direction == "minimize" else -1.0

    def cost(prediction: np.ndarray) -> float:
        return sign * metric(truth, squeezed(finish(prediction)))

    counts = np.zeros(len(members))
    total = np.zeros(members.shape[1:])
    best_cost, best_counts = np.inf, counts
    for round_number in range(1, _ROUNDS + 1):
        costs = [cost((total + member) / round_number) for member in members]
        if not np.isfinite(costs).all():  # undefined on these rows, as AUC where there is one class
            return np.full(len(members), 1 / len(members))
        chosen = int(np.argmin(costs))
        counts = counts.copy()
        counts[chosen] += 1
        total = total + members[chosen]
        if costs[chosen] < best_cost:
            best_cost, best_counts = costs[chosen], counts
    greedy = best_counts / best_counts.sum()
    if len(members) == 1:
        return greedy
    polished = minimize(
        lambda weights: cost(np.tensordot(weights, members, axes=1)),
        greedy,
        method="SLSQP",
        bounds=[(0, 1)] * len(members),
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1},
        options={"maxiter": 100},
    )
    weights = np.clip(polished.x, 0, 1)
    weights = np.where(weights < 1e-4, 0, weights)
    if not weights.sum():
        return greedy
    weights /= weights.sum()
    return weights if cost(np.tensordot(weights, members, axes=1)) < best_cost else greedy


def nested_weights(
    metric: Metric, truth: np.ndarray, members: np.ndarray, parts: np.ndarray, finish: Finish = lambda blend: blend
) -> np.ndarray:
    """Weights of the members for each row, (rows, members), fitted without the row's own part.

    parts  (rows,) labels, as the fold of each row; at least two different ones

    The score of a blend with these weights is honest about their fitting, which that of `convex_weights` on
    its own rows is not.
    """
    row_weights = np.zeros((members.shape[1], len(members)))
    for part in np.unique(parts):
        inside = parts == part
        row_weights[inside] = convex_weights(metric, truth[~inside], members[:, ~inside], finish)
    return row_weights


@dataclass(frozen=True)
class Weighting:
    """How members are weighted: for test rows, and for each out-of-fold row without its own part.

    metric                     that the weights are fitted to
    equal_score, fitted_score  its value of equal and of fitted weights, both honest: see `nested_weights`
    """

    metric: Metric
    fitted: bool
    weights: np.ndarray  # (members,)
    row_weights: np.ndarray  # (rows, members)
    equal_score: float
    fitted_score: float


def choose_weights(
    metric: Metric, truth: np.ndarray, members: np.ndarray, parts: np.ndarray, finish: Finish = lambda blend: blend
) -> Weighting:
    """Fitted weights where they score better than equal ones on rows that they were not fitted to.

    A few hard rows decide fitted weights; with few rows the plain mean is often the better blend. Taking the
    better of the two flatters the score a little: by no more than their difference, which is reported.
    """
    equal = np.full(len(members), 1 / len(members))
    nested = nested_weights(metric, truth, members, parts, finish)
    equal_score = metric(truth, squeezed(finish(np.tensordot(equal, members, axes=1))))
    fitted_score = metric(truth, squeezed(finish(np.einsum("rm,mro->ro", nested, members))))
    if metric.better(fitted_score, equal_score):
        weights = convex_weights(metric, truth, members, finish)
        return Weighting(metric, True, weights, nested, equal_score, fitted_score)
    return Weighting(metric, False, equal, np.tile(equal, (len(truth), 1)), equal_score, fitted_score)


def clip(prediction: np.ndarray, target: Target, margin: float) -> np.ndarray:
    """Probabilities kept `margin` from 0 and 1, those of a multiclass target summing to 1 again.

    One confident mistake costs log loss -log(margin) at most.
    """
    if isinstance(target, Regression) or margin == 0:
        return prediction
    clipped = np.clip(prediction, margin, 1 - margin)
    return clipped / clipped.sum(axis=1, keepdims=True) if isinstance(target, Multiclass) else clipped


def blend_all(
    members: Sequence[Mapping[str, np.ndarray]], row_weights: np.ndarray, targets: Mapping[str, Target], margin: float
) -> dict[str, np.ndarray]:
    """Every target's blend, (rows, outputs), with `row_weights` (rows, members) or (1, members)."""
    return {
        name: clip(sum(row_weights[:, [index]] * member[name] for index, member in enumerate(members)), target, margin)
        for name, target in targets.items()
    }
