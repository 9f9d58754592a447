"""The course of a training: its phases, their cycles, and the learning rate over the steps of a phase."""

import math
from dataclasses import dataclass

from common.training.options import ModelOptions


@dataclass(frozen=True)
class Phase:
    """Epochs at one picture size, for which the learning rate starts anew."""

    name: str
    image_size_px: int
    first_epoch: int  # of the whole training, counted from 0
    cycles: tuple[int, ...]  # epochs of each
    body_frozen: bool = False  # the head alone is trained

    @property
    def epochs(self) -> int:
        return sum(self.cycles)

    @property
    def end(self) -> int:
        """Epochs of the whole training that are done when this phase is."""
        return self.first_epoch + self.epochs


def phases_of(options: ModelOptions) -> list[Phase]:
    """The phases of a recipe entry in their order: that of the frozen body first, where there is one."""
    sizes = [(phase.image_size_px, phase.epochs) for phase in options.phases] or [
        (options.image_size_px, options.epochs)
    ]
    phases, done = [], 0
    if options.frozen_epochs:
        phases.append(Phase(f"frozen body, {sizes[0][0]} px", sizes[0][0], 0, (options.frozen_epochs,), True))
        done = options.frozen_epochs
    for size_px, epochs in sizes:
        if epochs:
            phases.append(Phase(f"{size_px} px", size_px, done, _cycles(epochs, options)))
            done += epochs
    return phases


def snapshot_epochs(options: ModelOptions) -> list[int]:
    """After how many epochs of the whole training a snapshot is taken, the end included.

    At the end of each cycle of the last phase: those before it saw smaller pictures, or had the body frozen.
    """
    last = phases_of(options)[-1:]
    if options.snapshots == "last" or not last:
        return [phase.end for phase in last]
    return [last[0].first_epoch + sum(last[0].cycles[: count + 1]) for count in range(len(last[0].cycles))]


def rate_share(options: ModelOptions, phase: Phase, step: int, steps_an_epoch: int) -> float:
    """Share of the peak learning rate at `step` of a phase, counted from 0.

    In the first `warmup_share` of a phase's first cycle the rate rises by a cosine from 1/25 of the peak. Then

    one_cycle        falls by a cosine to 1e-4 of the peak: Smith, "Super-Convergence" (arXiv:1708.07120), with the
                     cosine form of fastai's fit_one_cycle
    cosine           falls by a cosine towards 0
    cosine_restarts  does so in each cycle, and is back at the peak for the next one: Loshchilov and Hutter, "SGDR"
                     (arXiv:1608.03983)
    constant         stays
    """
    begin = 0
    for position, epochs in enumerate(phase.cycles):
        steps = epochs * steps_an_epoch
        if step < begin + steps or position == len(phase.cycles) - 1:
            break
        begin += steps
    within = step - begin
    warmup = max(1, round(steps * options.warmup)) if options.warmup and not begin else 0
    if within < warmup:
        return _cosine(1 / 25, 1.0, within / warmup)
    if options.schedule == "constant":
        return 1.0
    if options.schedule == "one_cycle":
        return _cosine(1.0, 1e-4, (within - warmup) / max(1, steps - 1 - warmup))
    return _cosine(1.0, 0.0, (within - warmup) / (steps - warmup))


def _cycles(epochs: int, options: ModelOptions) -> tuple[int, ...]:
    """Epochs of each cycle; the last one has what is left."""
    if options.cycle_epochs is None:
        return (epochs,)
    cycles, length = [], options.cycle_epochs
    while epochs:
        cycles.append(min(length, epochs))
        epochs -= cycles[-1]
        length *= options.cycle_multiplier
    return tuple(cycles)


def _cosine(begin: float, end: float, share: float) -> float:
    return end + (begin - end) * (1 + math.cos(math.pi * min(share, 1.0))) / 2
