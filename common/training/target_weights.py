"""How much each target weighs in the loss, and which of them are left out."""

from collections.abc import Mapping

from common.errors import UsageError
from common.options import nearest
from common.targets import Target
from common.training.options import ModelOptions


def weights_of_targets(options: ModelOptions, targets: Mapping[str, Target]) -> dict[str, float]:
    """The weight of every target, 1 where the recipe names none.

    Raises UsageError for a name that is no target, and where the first target, which the metric scores, weighs 0.
    """
    for name in options.target_weights:
        if name not in targets:
            raise UsageError(f"target_weights: no target '{name}'{nearest(name, targets)}")
    weights = {name: options.target_weights.get(name, 1.0) for name in targets}
    scored = next(iter(targets))
    if not weights[scored]:
        raise UsageError(f"target_weights: {scored}: 0 leaves out the target that the metric scores")
    return weights
