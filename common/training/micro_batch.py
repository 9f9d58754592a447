"""How many rows go through the network at once: found by trying, never by the user's guess."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from filelock import FileLock

from common.errors import PodiumError
from common.files import read_json, write_json
from common.randomness import torch_seed
from common.training.data import View, micro_batches
from common.training.epoch import batch_loss
from common.training.memory import budget_bytes, forget_peak, own_memory_bytes, rows_within
from common.training.network import Network
from common.training.schedule import Phase
from common.training.task import Task


class MicroBatchSizes:
    """Rows of a micro-batch in each phase: at first a process's whole share of a step, then what has been found.

    What has been found waits beside the checkpoint: a resumed training, and one that is begun again, use it too.
    """

    def __init__(self, path: Path, share: int) -> None:
        self.path = path
        self.share = share
        self.tried, self.phase = share, ""

    def of(self, phase: Phase) -> int:
        """What has been found for a phase; the share where it has not begun."""
        return min(self._found().get(phase.name, self.share), self.share)

    def begin(self, phase: Phase, reckon: Callable[[int], int]) -> int:
        """The size to try in a phase that begins: what has been found, else what `reckon` makes of the share."""
        self.tried, self.phase = self.of(phase), phase.name
        if phase.name not in self._found():
            self.tried = reckon(self.share)
            self._remember()
        return self.tried

    def halve(self) -> int:
        """What to try next where the size that was tried is too large."""
        self.tried = halved(self.tried)
        self._remember()
        return self.tried

    def _found(self) -> dict[str, int]:
        return read_json(self.path) if self.path.is_file() else {}

    def _remember(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_suffix(".lock")):  # other processes of this training have the same file
            found = self._found()
            write_json(self.path, found | {self.phase: min(self.tried, found.get(self.phase, self.tried))})


def halved(size: int) -> int:
    return (size + 1) // 2


def within_budget(task: Task, network: Network, training: View, accelerator: Accelerator, size: int) -> int:
    """`size`, halved until a step on the CPU keeps within the memory that the machine allows.

    On a GPU nothing is reckoned: there a step that is too large fails, and is repeated in halves. All processes of
    a training come to the same size.

    Raises PodiumError where one row alone takes more.
    """
    if accelerator.device.type != "cpu":
        return size
    forget_peak(accelerator.device)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    moments = 2 * sum(parameter.numel() * parameter.element_size() for parameter in trained)  # AdamW's, made later
    budget = budget_bytes(task.hardware.max_memory_gb)
    left = budget - own_memory_bytes() - moments
    buffers = [buffer.clone() for buffer in network.buffers()]

    def trial(rows: int) -> None:
        step = np.arange(rows) % len(training)
        batch = next(micro_batches(training, [step], rows, task.options.augmentation, task.seed, ("train", 0), 0))
        network.train()
        with torch_seed(task.seed, "trial"), accelerator.autocast():
            batch_loss(network, batch, task, accelerator.device).backward()
        network.zero_grad(set_to_none=True)

    rows = rows_within(left, trial, size)
    for buffer, before in zip(network.buffers(), buffers, strict=True):
        buffer.copy_(before)  # the trial is no part of the training
    if rows < 1:
        raise PodiumError(
            f"a step with one picture takes more memory than {budget / 1e9:.2g} GB: raise machine.max_memory_gb in "
            "params.yaml (auto: most of what the machine has), lower image_size_px, or choose a smaller architecture"
        )
    while size > rows:
        size = halved(size)
    return int(accelerator.gather(torch.tensor([size])).min())
