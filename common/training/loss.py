"""The loss of an optimiser step over several targets, exact however the step is split up.

A target's loss is the mean over the rows whose truth is known; the loss of the step is the weighted sum over targets.
A micro-batch gives its share of it: its rows' losses, divided by the known rows of the whole step. The shares of
all micro-batches and processes add up to the loss of the step, and so do their gradients.
"""

from collections.abc import Mapping

import numpy as np
import torch

from common.targets import Target


def known_rows(truth: Mapping[str, np.ndarray]) -> dict[str, int]:
    """How many rows have a truth, a target; of several tags one known is enough."""
    counts = {}
    for name, values in truth.items():
        known = ~np.isnan(values)
        counts[name] = int((known.any(axis=1) if known.ndim > 1 else known).sum())
    return counts


def loss_share(
    logits: torch.Tensor,
    truth: Mapping[str, torch.Tensor],
    targets: Mapping[str, Target],
    smoothing: float,
    step_known: Mapping[str, int],
    weights: Mapping[str, float],
    share: torch.Tensor | None = None,
    partner_truth: Mapping[str, torch.Tensor] | None = None,
) -> torch.Tensor:
    """What these rows add to the loss of their step, a scalar.

    logits         (rows, outputs of all targets), float32 or float64
    truth          of each target for the same rows, NaN where missing, on the device of the logits
    step_known     rows of the whole step with a known truth, a target
    weights        of each target, see `weights_of_targets`; of weight 0, not even an infinite loss counts
    share          (rows,), of mixed pictures: how much of each is the row's own; None: all of it
    partner_truth  of the pictures that have the rest; the loss of a row is mixed like its pixels
    """

    def losses(name: str, part: torch.Tensor) -> torch.Tensor:
        own = targets[name].loss(part, truth[name], smoothing)
        if share is None or partner_truth is None:
            return own
        return share * own + (1 - share) * targets[name].loss(part, partner_truth[name], smoothing)

    parts = logits.split([len(target.outputs) for target in targets.values()], dim=1)
    shares = [
        losses(name, part).sum() * (weights[name] / max(1, step_known[name]))
        for name, part in zip(targets, parts, strict=True)
        if weights[name]
    ]
    return torch.stack(shares).sum()
