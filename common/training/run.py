"""A training under way: what goes on from one phase to the next, from the start or from the last checkpoint."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from accelerate import Accelerator
from accelerate.utils import broadcast

from common.training.activations import Activations
from common.training.average import WeightAverage
from common.training.checkpoint import Checkpoint, load_checkpoint
from common.training.data import View
from common.training.network import Network
from common.training.predict import Inference, to_predictions
from common.training.sampling import Sampling
from common.training.schedule import snapshot_epochs
from common.training.snapshots import snapshot_path
from common.training.task import Task, sampling_of


@dataclass
class Run:
    """A training under way."""

    task: Task
    accelerator: Accelerator
    network: Network
    averaged: WeightAverage
    checkpoint: Checkpoint | None  # the one that it resumes from
    history: list[dict[str, float]]
    activations: Activations
    predictions: dict[str, np.ndarray] = field(default_factory=dict)  # of the validation rows, by the last epoch

    @property
    def epochs_done(self) -> int:
        return int(self.history[-1]["epoch"]) if self.history else 0

    @property
    def epochs(self) -> int:
        """Of the whole training."""
        return self.task.options.frozen_epochs + self.task.options.epochs

    @property
    def steps_an_epoch(self) -> int:
        return -(-self.rows_an_epoch // self.task.options.effective_batch_size)

    @cached_property
    def sampling(self) -> Sampling:
        """Which rows an epoch has, as positions among the training rows, and in which order."""
        return sampling_of(self.task)

    @property
    def rows_an_epoch(self) -> int:
        return self.sampling.rows_an_epoch()

    def predict(self, validation: View, batch_size: int) -> dict[str, np.ndarray]:
        """Predictions (rows, outputs) of each target, by the weights as they are; none where there are no rows."""
        # Running statistics are of each process's own pictures: those of the first one are kept.
        broadcast(list(self.network.buffers()))
        if not len(validation):
            return {}
        inference = Inference(self.accelerator, self.task.seed, batch_size, self.task.hardware.loader_workers)
        return to_predictions(inference.run(self.network, validation), self.task.targets)


def start(task: Task, accelerator: Accelerator) -> Run:
    """The network as it is made, or as the last checkpoint has it."""
    network = task.make().to(accelerator.device)
    checkpoint = load_checkpoint(task.checkpoint_path)
    if checkpoint and not all(path.is_file() for path in snapshot_files(task, checkpoint.epochs_done)):
        checkpoint = None  # whoever tidied up there has to wait for them again
    if checkpoint:
        network.load_state_dict(checkpoint.weights)
        if accelerator.scaler:
            accelerator.scaler.load_state_dict(checkpoint.scale)
        accelerator.print(f"resuming after epoch {checkpoint.epochs_done}")
    run = Run(
        task,
        accelerator,
        network,
        WeightAverage(network, task.options.weight_average, checkpoint.averaged if checkpoint else {}, 0),
        checkpoint,
        list(checkpoint.history) if checkpoint else [],
        Activations(
            network.body,
            task.checkpoint_path.with_name("activations.csv"),
            checkpoint.epochs_done if checkpoint else 0,
        ),
    )
    run.averaged.steps = run.epochs_done * run.steps_an_epoch
    return run


def snapshot_files(task: Task, epochs_done: int) -> list[Path]:
    """Where the snapshots of the first `epochs_done` epochs wait; none where only the last weights count."""
    if task.options.snapshots == "last":
        return []
    taken = [epochs for epochs in snapshot_epochs(task.options) if epochs <= epochs_done]
    return [snapshot_path(task.checkpoint_path.parent, epochs) for epochs in taken]
