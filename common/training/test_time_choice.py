"""Does test-time augmentation help? Asked on out-of-fold rows, before the test set is looked at more than once."""

from typing import Any

import numpy as np

from common.metrics import Metric
from common.scoring import difference, figures

BLENDS = (0.0, 0.25, 0.5, 0.75)  # plain weights that are reported beside the recipe's; 0: the augmented views alone


def choose_view(
    metric: Metric,
    truth: np.ndarray,
    plain: np.ndarray,
    augmented: np.ndarray | None,
    groups: np.ndarray,
    plain_weight: float,
) -> dict[str, Any]:
    """The scores of the plain view and of its blends with the augmented ones, and the view to use: `plain` or `tta`.

    plain, augmented  predictions of the same rows, as the metric takes them; the latter None where there are no such
                      views
    plain_weight      the recipe's, of the blend that the view `tta` is

    `tta` is chosen where it scores better than `plain` by more than the standard error of their difference on the
    same rows. The other blends are for the reader: to take the best of several would take luck for a gain.
    """
    found: dict[str, Any] = {"metric": metric.name, "plain": figures(metric, truth, plain, groups)}
    if augmented is None:
        return {**found, "chosen": "plain", "reason": "there are no augmented views", "blends": []}
    blends = []
    for weight in sorted({*BLENDS, plain_weight}):
        blend = weight * plain + (1 - weight) * augmented
        blends.append(
            {
                "plain_weight": weight,
                **figures(metric, truth, blend, groups),
                **difference(metric, truth, blend, plain, groups),
            }
        )
    own = next(one for one in blends if one["plain_weight"] == plain_weight)
    gain = -own["difference"] if metric.direction == "minimize" else own["difference"]
    error = own["difference_standard_error"]
    if gain > error:
        chosen, reason = "tta", f"it scores better by {gain:.2g}, more than the {error:.2g} that chance may give"
    elif not gain > 0:
        chosen, reason = "plain", "test-time augmentation scores no better"
    else:
        chosen, reason = "plain", f"test-time augmentation scores better by {gain:.2g}, within its error of {error:.2g}"
    scores = {name: own[name] for name in ("score", "standard_error")}
    differences = {name: own[name] for name in ("difference", "difference_standard_error")}
    return {**found, "tta": scores, **differences, "chosen": chosen, "reason": reason, "blends": blends}


def told(found: dict[str, Any], model: str) -> list[str]:
    """What `choose_view` found, a line each: for the terminal."""
    metric, plain = found["metric"], found["plain"]
    lines = [f"{model}: {metric} plain {plain['score']:.5f} +- {plain['standard_error']:.5f}"]
    for blend in found["blends"]:
        weight = blend["plain_weight"]
        name = f"plain weight {weight:g}" if weight else "augmented views alone"
        lines.append(
            f"  {name}: {blend['score']:.5f}, {blend['difference']:+.5f} +- {blend['difference_standard_error']:.5f}"
        )
    return [*lines, f"{model}: {found['chosen']} is used for the test set: {found['reason']}"]
