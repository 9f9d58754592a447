"""When a training must stop, and what its user can change."""

from collections.abc import Iterable, Mapping

import numpy as np
import torch

from common.errors import PodiumError


def refuse_not_finite(loss: torch.Tensor, epoch: int, rate: float) -> None:
    """Stop where the loss is infinite or NaN: nothing that follows can be right."""
    if not torch.isfinite(loss):
        raise PodiumError(
            f"the loss is no longer finite in epoch {epoch + 1} (learning rate {rate:.2g}): lower learning_rate (try a "
            "third of it), set gradient_clip, or set precision to float32 if it is fp16"
        )


def too_large_for_memory() -> PodiumError:
    """What to raise when the device has not the memory for a batch of one."""
    return PodiumError(
        "one picture alone is too large for the device's memory: lower image_size_px, choose a smaller architecture, "
        "or set precision to bf16 or fp16"
    )


def refuse_constant(predictions: Mapping[str, np.ndarray], targets: Iterable[str]) -> None:
    """Stop where a finished network says the same of every row about one of `targets`."""
    for name in targets:
        if len(predictions[name]) > 1 and float(np.ptp(predictions[name], axis=0).max()) < 1e-6:
            raise PodiumError(
                f"the network predicts the same '{name}' for every picture: it has learned nothing. Lower "
                "learning_rate, train for more epochs, or start from pretrained weights whose mean and std fit"
            )
