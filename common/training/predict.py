"""What a network says of rows of pictures, in the order of the rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from accelerate.utils.memory import clear_device_cache

from common.targets import Multiclass, Target
from common.training.data import View, micro_batches
from common.training.refusals import too_large_for_memory


@dataclass
class Inference:
    """How pictures go through a network that is not being trained.

    A picture has numbered views: 0 is plain, the others are augmented, each drawn from (seed, number, id).
    Batches that are too large for the device's memory are halved, and stay so.
    """

    accelerator: Accelerator
    seed: int
    batch_size: int
    workers: int

    @torch.no_grad()
    def run(
        self, network: torch.nn.Module, view: View, augmentation: str = "none", number: int = 0, features: bool = False
    ) -> np.ndarray:
        """Logits (rows, outputs) float64; with `features`, what the head sees: (rows, features).

        Give it the bare network, not one that is wrapped for several processes: that one would have them wait
        for each other at every batch, though their shares may have different numbers of them.

        Raises PodiumError where not even one picture fits into the device's memory.
        """
        network.eval()
        device, processes = self.accelerator.device, self.accelerator.num_processes
        share = np.array_split(np.arange(len(view)), processes)[self.accelerator.process_index]
        kind = augmentation if number else "none"
        outputs: list[np.ndarray] = []
        done = 0
        while True:
            steps = [share[begin : begin + self.batch_size] for begin in range(done, len(share), self.batch_size)]
            try:
                for batch in micro_batches(
                    view,
                    steps,
                    self.batch_size,
                    kind,
                    self.seed,
                    ("view", number),
                    self.workers,
                    device=device,
                ):
                    there = batch.to(device)
                    with self.accelerator.autocast():
                        output = network(there.pixels, there.light, features_only=features)
                    outputs.append(output.cpu().double().numpy())  # on the CPU, since Apple's GPUs have no float64
                    done += len(batch.rows)
            except torch.OutOfMemoryError as error:
                if self.batch_size == 1:
                    raise too_large_for_memory() from error
                self.batch_size = (self.batch_size + 1) // 2
                print(f"out of memory: predicting batches of {self.batch_size}")
            else:
                break
            clear_device_cache()  # outside the handler, whose traceback would keep the tensors alive
        return np.concatenate(gather_object(outputs) if processes > 1 else outputs)


def to_predictions(logits: np.ndarray, targets: Mapping[str, Target]) -> dict[str, np.ndarray]:
    """Logits (rows, all outputs) to activated predictions (rows, outputs) of each target."""
    return {name: targets[name].activate(part) for name, part in _by_target(logits, targets).items()}


def nothing_recognised(logits: np.ndarray, targets: Mapping[str, Target]) -> dict[str, np.ndarray]:
    """Of each target that was learned with sigmoids, the probability that no class is recognised: (rows,)."""
    parts = _by_target(logits, targets)
    return {
        name: target.nothing(parts[name])
        for name, target in targets.items()
        if isinstance(target, Multiclass) and target.sigmoids
    }


def _by_target(logits: np.ndarray, targets: Mapping[str, Target]) -> dict[str, np.ndarray]:
    ends = np.cumsum([len(target.outputs) for target in targets.values()])
    return dict(zip(targets, np.split(logits, ends[:-1], axis=1), strict=True))


def mean_predictions(several: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The mean over networks of their predictions (rows, outputs) of each target."""
    return {name: np.mean([predictions[name] for predictions in several], axis=0) for name in several[0]}
