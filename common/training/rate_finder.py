"""The learning rate that a training can stand: raised step by step until the loss diverges, then chosen by a rule.

After Smith, "Cyclical Learning Rates for Training Neural Networks" (arXiv:1506.01186), section 3.3, with the rate
raised exponentially, so that every order of magnitude gets as many steps.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from common.errors import PodiumError, UsageError
from common.progress import track
from common.randomness import torch_seed
from common.training.average import WeightAverage
from common.training.data import View, micro_batches, steps_of
from common.training.epoch import Learner, train_epoch
from common.training.optimizer import make_optimizer
from common.training.refusals import too_large_for_memory
from common.training.task import Task, sampling_of

LOWEST, HIGHEST = 1e-7, 10.0
_DIVERGED = 4.0  # times the lowest smoothed loss
_MEMORY_SHARE = 0.05  # of all steps: how many the running mean of the loss looks back on
_LEAST_FALL = 0.02  # of the loss at the start


@dataclass(frozen=True)
class Sweep:
    """What a sweep saw.

    rates, losses  (steps,), the rates rising; the loss is that of a step's rows before it changed the weights
    smoothed       (steps,), the running mean of the losses
    diverged       the sweep ended before its last step, since the loss was no longer finite or too high
    planned        steps of the whole sweep
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    diverged: bool
    planned: int


@dataclass(frozen=True)
class Suggestion:
    """A learning rate with its reason in words; None where the sweep does not tell.

    steepest  the rate at which the smoothed loss falls fastest, for equal factors of the rate
    lowest    the rate at which it is lowest
    """

    rate: float | None
    reason: str
    steepest: float
    lowest: float


def sweep(task: Task, steps: int) -> Sweep:
    """Train a network of the task's that is thrown away, with the rate rising from LOWEST to HIGHEST in `steps`.

    Ends early where the loss is not finite or its running mean is four times the lowest one. Pictures, rows of a
    step, frozen layers, clipping and the rates of layers are those of the training's first phase.
    """
    accelerator = task.hardware.accelerator(task.options.precision)
    if accelerator.num_processes > 1:
        raise UsageError("the sweep runs in one process: start it without accelerate launch")
    micro_batch_size = task.options.effective_batch_size
    while True:
        try:
            return _sweep(task, steps, micro_batch_size)
        except torch.OutOfMemoryError as error:
            if micro_batch_size == 1:
                raise too_large_for_memory() from error
        micro_batch_size = (micro_batch_size + 1) // 2
        accelerator.free_memory()
        print(f"out of memory: starting again with micro-batches of {micro_batch_size}")


def _sweep(task: Task, steps: int, micro_batch_size: int) -> Sweep:
    options, accelerator = task.options, task.hardware.accelerator(task.options.precision)
    network = task.make().to(accelerator.device)
    model, optimizer = accelerator.prepare(network, make_optimizer(network, options))
    learner = Learner(network, model, optimizer, WeightAverage(network, 0.0, {}, 0), accelerator)
    drawn, plan = _rows_of(task, steps)
    rates = np.geomspace(LOWEST, HIGHEST, steps)
    batches = micro_batches(
        drawn.at(options.image_sizes_px[0]),
        plan,
        micro_batch_size,
        options.augmentation,
        task.seed,
        ("train", 0),
        task.hardware.loader_workers,
        mixing=options.mixing,
    )
    losses: list[float] = []
    smoothed = np.empty(0)
    diverged = False
    with torch_seed(task.seed, "train", 0, 0, device=accelerator.device):
        for rate in track(rates, "sweep", steps, "steps"):
            of_this_step = []
            for batch in batches:
                of_this_step.append(batch)
                if batch.ends_step:
                    break
            try:
                mean, _ = train_epoch(learner, task, of_this_step, 0, _always(rate))
            except PodiumError:  # no longer finite
                diverged = True
                break
            losses.append(mean)
            smoothed = running_mean(np.array(losses), _memory(steps))
            if smoothed[-1] > _DIVERGED * smoothed.min():
                diverged = True
                break
    return Sweep(rates[: len(losses)], np.array(losses), smoothed, diverged, steps)


def _rows_of(task: Task, steps: int) -> tuple[View, list[np.ndarray]]:
    """The rows of as many epochs as `steps` steps need, and the positions of each step among them."""
    sampling = sampling_of(task)
    epochs: list[np.ndarray] = []
    plan: list[np.ndarray] = []
    while len(plan) < steps:
        before = sum(map(len, epochs))
        epochs.append(sampling.epoch(len(epochs)))
        plan += [before + step for step in steps_of(len(epochs[-1]), task.options.effective_batch_size)]
    return task.training.drawn(np.concatenate(epochs)), plan[:steps]


def suggest(swept: Sweep) -> Suggestion:
    """The peak rate of a training, by the rule that its reason states.

    The rate at which the loss falls fastest is where a step gains most, but near the end of what the training can
    stand; a tenth of the rate at which the loss is lowest is the cautious choice, and often too small. Each is read
    off a noisy curve and is right within a factor of a few; their geometric mean lies between them.
    """
    first = 2 * round(_memory(swept.planned))  # before, the running mean has seen too little
    if len(swept.rates) < first + 3:
        return Suggestion(None, "the loss diverged at once: look at the labels, mean and std first", math.nan, math.nan)
    at_lowest = first + int(np.argmin(swept.smoothed[first:]))
    slopes = _slopes(swept, at_lowest)
    at_steepest = first + int(np.argmin(slopes[first:]))
    lowest, steepest = float(swept.rates[at_lowest]), float(swept.rates[at_steepest])
    fallen = 1 - swept.smoothed[at_lowest] / swept.smoothed[first]
    if not fallen > _LEAST_FALL or slopes[at_steepest] >= 0:
        reason = (
            f"the loss fell by {100 * max(0.0, fallen):.1f}% at most, at any rate: too little to read a rate off. "
            "Sweep with more --steps, or look at the labels, mean and std first"
        )
        return Suggestion(None, reason, steepest, lowest)
    rate = float(f"{math.sqrt(steepest * lowest / 10):.1e}")
    reason = (
        f"the loss falls fastest at {steepest:.1e} and is lowest at {lowest:.1e}; {rate:.1e} is the geometric mean of "
        "the first and a tenth of the second"
    )
    if not swept.diverged:
        reason += f". It did not diverge up to {swept.rates[-1]:.1e}"
    return Suggestion(rate, reason, steepest, lowest)


def _slopes(swept: Sweep, until: int) -> np.ndarray:
    """Of the smoothed loss over the logarithm of the rate, up to a step; over some steps each, since noise is steep."""
    reach = max(1, round(_memory(swept.planned) / 2))
    steps = np.arange(until + 1)
    before, after = np.maximum(steps - reach, 0), np.minimum(steps + reach, max(until, 1))
    logarithms = np.log(swept.rates)
    return (swept.smoothed[after] - swept.smoothed[before]) / (logarithms[after] - logarithms[before])


def _memory(steps: int) -> float:
    return max(1.0, _MEMORY_SHARE * steps)


def _always(rate: float) -> Callable[[int], float]:
    return lambda step: rate


def running_mean(losses: np.ndarray, memory: float) -> np.ndarray:
    """Exponential moving average that looks back on about `memory` values, without the pull of its start at zero.

    The bias is corrected as in Adam (Kingma and Ba, arXiv:1412.6980, section 3).
    """
    decay = 1 - 1 / max(1.0, memory)
    averaged = np.empty(len(losses))
    total = 0.0
    for index, loss in enumerate(losses):
        total = decay * total + (1 - decay) * loss
        averaged[index] = total / (1 - decay ** (index + 1))
    return averaged
