"""Predictions of a network for rows of pictures, in the order of the rows."""

from collections.abc import Mapping

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from common.targets import Target
from common.training.data import View, micro_batches


@torch.no_grad()
def predict_logits(
    network: torch.nn.Module,
    view: View,
    kind: str,
    seed: int,
    purpose: tuple,
    batch_size: int,
    workers: int,
    accelerator: Accelerator,
) -> np.ndarray:
    """Logits of `view`, (rows, outputs) float64; `kind` is `none`, or the augmentation of a test-time view."""
    network.eval()
    share = np.array_split(np.arange(len(view)), accelerator.num_processes)[accelerator.process_index]
    steps = [share[begin : begin + batch_size] for begin in range(0, len(share), batch_size)]
    logits = [
        network(batch.pixels.to(accelerator.device), batch.light.to(accelerator.device)).double().cpu().numpy()
        for batch in micro_batches(view, steps, batch_size, kind, seed, purpose, workers)
    ]
    return np.concatenate(gather_object(logits) if accelerator.num_processes > 1 else logits)


def to_predictions(logits: np.ndarray, targets: Mapping[str, Target]) -> dict[str, np.ndarray]:
    """Logits (rows, all outputs) to activated predictions (rows, outputs) of each target."""
    ends = np.cumsum([len(target.outputs) for target in targets.values()])
    parts = np.split(logits, ends[:-1], axis=1)
    return {name: target.activate(part) for (name, target), part in zip(targets.items(), parts, strict=True)}
