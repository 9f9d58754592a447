"""What a network says of rows of pictures, in the order of the rows."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from common.targets import Target
from common.training.data import View, micro_batches


@dataclass(frozen=True)
class Inference:
    """How pictures go through a network that is not being trained.

    A picture has numbered views: 0 is plain, the others are augmented, each drawn from (seed, number, id).
    """

    accelerator: Accelerator
    seed: int
    batch_size: int
    workers: int

    @torch.no_grad()
    def run(
        self, network: torch.nn.Module, view: View, augmentation: str = "none", number: int = 0, features: bool = False
    ) -> np.ndarray:
        """Logits (rows, outputs) float64; with `features`, what the head sees: (rows, features)."""
        network.eval()
        device, processes = self.accelerator.device, self.accelerator.num_processes
        share = np.array_split(np.arange(len(view)), processes)[self.accelerator.process_index]
        steps = [share[begin : begin + self.batch_size] for begin in range(0, len(share), self.batch_size)]
        kind = augmentation if number else "none"
        outputs = []
        for batch in micro_batches(view, steps, self.batch_size, kind, self.seed, ("view", number), self.workers):
            with self.accelerator.autocast():
                output = network(batch.pixels.to(device), batch.light.to(device), features_only=features)
            outputs.append(output.double().cpu().numpy())
        return np.concatenate(gather_object(outputs) if processes > 1 else outputs)


def to_predictions(logits: np.ndarray, targets: Mapping[str, Target]) -> dict[str, np.ndarray]:
    """Logits (rows, all outputs) to activated predictions (rows, outputs) of each target."""
    ends = np.cumsum([len(target.outputs) for target in targets.values()])
    parts = np.split(logits, ends[:-1], axis=1)
    return {name: target.activate(part) for (name, target), part in zip(targets.items(), parts, strict=True)}
