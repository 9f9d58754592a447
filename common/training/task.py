"""What a training is given, and what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.targets import Target
from common.training.data import View
from common.training.hardware import Hardware
from common.training.loss import known_rows
from common.training.network import Network
from common.training.options import ModelOptions
from common.training.sampling import Sampling
from common.training.target_weights import weights_of_targets


@dataclass(frozen=True)
class Task:
    """One training.

    validation       rows to score after each epoch; may be empty
    sample_weights   of the training rows, to draw them by; None: each comes once an epoch
    make             gives the network as it is before the first step
    score            predictions of the validation rows, (rows, outputs) a target, to named figures
    checkpoint_path  holds the state after each epoch; delete it once the result is safe
    """

    make: Callable[[], Network]
    training: View
    validation: View
    targets: Mapping[str, Target]
    score: Callable[[dict[str, np.ndarray]], dict[str, float]]
    options: ModelOptions
    seed: int
    hardware: Hardware
    checkpoint_path: Path
    sample_weights: np.ndarray | None = None


def sampling_of(task: Task) -> Sampling:
    """How the rows of each epoch are drawn from the training rows."""
    return Sampling(task.training.ids, task.seed, task.sample_weights, task.options.sample_replacement)


def learned_targets(task: Task) -> list[str]:
    """Targets that the training can learn: not left out, and known in at least one row."""
    weights = weights_of_targets(task.options, task.targets)
    known = known_rows({name: task.training.truth(name) for name in task.targets})
    return [name for name in task.targets if weights[name] and known[name]]


@dataclass(frozen=True)
class Fit:
    """A finished training: the network, an entry of history an epoch, and what each phase took.

    activations        what the main blocks put out, see `Activations`
    earlier_snapshots  files of weights that predict together with the network; they lie beside the checkpoint
    """

    network: Network
    predictions: dict[str, np.ndarray]  # of the validation rows, (rows, outputs) a target
    history: list[dict[str, float]]
    phases: list[dict[str, Any]]
    micro_batch_size: int  # of the last phase
    processes: int
    device: str
    activations: pd.DataFrame
    earlier_snapshots: list[Path]
