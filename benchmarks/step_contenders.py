"""What `training_step` compares: each trains an epoch in a process of its own whenever it is told to.

    python -m benchmarks.step_contenders CONTENDER SETTINGS

A process of its own, since what one of them sets for a whole process (memory allocator, threads) must not help or
hinder the others. It reads a line, trains an epoch, and writes the seconds of processor time that the epoch took;
again and again. SETTINGS is JSON: architecture, size_px, rows, batch, epochs, and folder (of JPEG files; empty: noise
in memory, and no augmentation). All have one thread, float32, AdamW and one cycle; none clips or averages.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from benchmarks.step_pictures import CLASSES, MEAN, STD, fastai_loaders, normalised, pictures, timm_loader
from common.targets import Multiclass
from common.training.data import Examples
from common.training.epoch import train_epoch
from common.training.hardware import Hardware
from common.training.head import head_first
from common.training.network import Network, make_network
from common.training.options import ModelOptions
from common.training.phase import batches_of, learner_of
from common.training.predict import Inference
from common.training.run import start
from common.training.schedule import phases_of, rate_share
from common.training.task import Task
from common.training.timm_import import import_timm


class Turns:
    """When to train the next epoch, and how long it took; ends the process where nobody asks for more."""

    def __init__(self) -> None:
        # Whatever prints goes to standard error; standard output belongs to the figures.
        self.answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def begin(self) -> None:
        if not sys.stdin.readline():
            raise SystemExit
        self.began = time.process_time()

    def end(self) -> None:
        print(time.process_time() - self.began, file=self.answers, flush=True)


def drawn_task(given: SimpleNamespace, channels_last: bool = True, **options: object) -> Task:
    """What Podium trains, in its own words."""
    model = ModelOptions.model_validate(
        {
            "architecture": given.architecture, "weights": "none", "image_size_px": given.size_px,
            "mean": MEAN, "std": STD, "augmentation": "photo" if given.folder else "none",
            "epochs": given.epochs, "effective_batch_size": given.batch, "learning_rate": 1e-3, "gradient_clip": None,
            **options,
        }
    )  # fmt: skip
    pixels, labels = pictures(given)
    ids = np.array([f"id{row}" for row in range(given.rows)], dtype=object)
    targets = {"label": Multiclass(tuple(f"class{number}" for number in range(CLASSES)))}
    examples = Examples(ids, pixels, {"label": labels.astype(float)}).take(np.arange(given.rows))

    def make() -> Network:
        network = make_network(model, targets, Path(), seed=0)
        if not channels_last:
            network.body.to(memory_format=torch.contiguous_format)
            network.body.register_forward_pre_hook(lambda _, inputs: inputs[0].contiguous())
        return network

    folder = Path(tempfile.mkdtemp(prefix="training_step"))
    hardware = Hardware("cpu", 0, 1)
    return Task(make, examples, examples, targets, lambda _: {}, model, 0, hardware, folder / "checkpoint.safetensors")


def podium(given: SimpleNamespace, turns: Turns, channels_last: bool = True) -> None:
    """Podium's own loop, as the stage train runs it."""
    task = drawn_task(given, channels_last)
    run = start(task, task.hardware.accelerator("float32"))
    phase = phases_of(task.options)[0]
    learner = learner_of(run, phase)

    def rate_of(before: int, step: int) -> float:
        return task.options.learning_rate * rate_share(task.options, phase, before + step, run.steps_an_epoch)

    for epoch in range(given.epochs):
        turns.begin()
        batches = batches_of(run, task.training, epoch, given.batch)
        with run.activations.recorded(epoch + 1, run.steps_an_epoch):
            train_epoch(learner, task, batches, epoch, partial(rate_of, epoch * run.steps_an_epoch))
        turns.end()


def podium_frozen(given: SimpleNamespace, turns: Turns) -> None:
    """`head_views: 1`: the body runs once without gradients, and the head is fitted to the end."""
    task = drawn_task(given, head_views=1)
    inference = Inference(task.hardware.accelerator("float32"), 0, given.batch, 0)
    network = task.make()
    for _ in range(given.epochs):
        with tempfile.TemporaryDirectory() as scratch:  # so that no features are there yet
            os.environ["PODIUM_SCRATCH"] = scratch
            turns.begin()
            head_first(network, task.training, task.targets, task.options, inference)
            turns.end()


def plain(given: SimpleNamespace, turns: Turns, channels_last: bool = False, frozen: bool = False) -> None:
    """The loop of timm's train.py without its extras: DataLoader, forward, backward, step, schedule."""
    network = _timm_network(given)
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    head = set(network.get_classifier().parameters())
    for parameter in network.parameters():
        parameter.requires_grad_(parameter in head or not frozen)
    optimizer = torch.optim.AdamW([one for one in network.parameters() if one.requires_grad], lr=1e-3)
    loader = timm_loader(given)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, given.epochs * len(loader))
    loss_function = nn.CrossEntropyLoss()
    network.train()
    for _ in range(given.epochs):
        turns.begin()
        for batch in loader:
            inputs, labels = normalised(batch)
            if channels_last:
                inputs = inputs.contiguous(memory_format=torch.channels_last)
            loss = loss_function(network(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        turns.end()


def fastai(given: SimpleNamespace, turns: Turns, frozen: bool = False) -> None:
    """fastai's Learner with its DataLoaders, its Adam, which decouples the decay of weights too, and fit_one_cycle."""
    network, loaders = _timm_network(given), fastai_loaders(given)
    from fastai.callback.core import Callback
    from fastai.callback.schedule import Learner
    from fastai.losses import CrossEntropyLossFlat

    class Turn(Callback):
        def before_train(self) -> None:
            turns.begin()

        def after_train(self) -> None:
            turns.end()

    def split(model: nn.Module) -> list[list[nn.Parameter]]:
        head = set(model.get_classifier().parameters())
        return [[one for one in model.parameters() if (one in head) == of_head] for of_head in (False, True)]

    learner = Learner(loaders, network, loss_func=CrossEntropyLossFlat(), splitter=split, cbs=Turn())
    if frozen:
        learner.freeze()
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(given.epochs, 1e-3)


def _timm_network(given: SimpleNamespace) -> nn.Module:
    torch.set_num_threads(1)
    return import_timm().create_model(given.architecture, num_classes=CLASSES)


CONTENDERS: dict[str, Callable[[SimpleNamespace, Turns], None]] = {
    "fastai": fastai,
    "plain loop": plain,
    "plain loop, channels_last": partial(plain, channels_last=True),
    "podium, contiguous": partial(podium, channels_last=False),
    "podium, channels_last": podium,
    "frozen: fastai": partial(fastai, frozen=True),
    "frozen: plain loop": partial(plain, frozen=True),
    "frozen: plain loop, channels_last": partial(plain, frozen=True, channels_last=True),
    "frozen: podium": podium_frozen,
}

if __name__ == "__main__":
    CONTENDERS[sys.argv[1]](SimpleNamespace(**json.loads(sys.argv[2])), Turns())
