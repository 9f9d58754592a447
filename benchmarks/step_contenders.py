"""What `training_step` compares: each trains an epoch in a process of its own whenever it is told to.

    python -m benchmarks.step_contenders CONTENDER SETTINGS

A process of its own, since what one of them sets for a whole process (memory allocator, threads) must not help or
hinder the others. It reads a line, trains an epoch, and writes the seconds that the epoch took; again and again.
SETTINGS is JSON: architecture, size_px, rows, batch, threads, epochs. All train on the same drawn pictures, which lie
decoded in memory, without augmentation, clipping or averaging, in float32 with AdamW and one cycle.
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
from torch.utils.data import DataLoader, TensorDataset

from common.randomness import generator
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

CLASSES = 10
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Turns:
    """When to train the next epoch, and how long it took; ends the process where nobody asks for more."""

    def __init__(self) -> None:
        # Whatever prints goes to standard error; standard output belongs to the figures.
        self.answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def begin(self) -> None:
        if not sys.stdin.readline():
            raise SystemExit
        self.began = time.perf_counter()

    def end(self) -> None:
        print(time.perf_counter() - self.began, file=self.answers, flush=True)


def drawn_pictures(rows: int, size_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise (rows, size_px, size_px, 3) uint8, and labels (rows,) that mean nothing: speed depends on neither."""
    draw = generator(0, "pictures")
    return draw.integers(0, 256, (rows, size_px, size_px, 3), dtype=np.uint8), draw.integers(0, CLASSES, rows)


def drawn_task(given: SimpleNamespace, channels_last: bool = True, **options: object) -> Task:
    """What Podium trains, in its own words."""
    model = ModelOptions.model_validate(
        {
            "architecture": given.architecture, "weights": "none", "image_size_px": given.size_px, "mean": MEAN,
            "std": STD, "augmentation": "none", "epochs": given.epochs, "learning_rate": 1e-3, "gradient_clip": None,
            "effective_batch_size": given.batch, **options,
        }
    )  # fmt: skip
    pixels, labels = drawn_pictures(given.rows, given.size_px)
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
    hardware = Hardware("cpu", 0, given.threads)
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
    loader = DataLoader(_tensors(given), batch_size=given.batch, shuffle=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, given.epochs * len(loader))
    loss_function = nn.CrossEntropyLoss()
    network.train()
    for _ in range(given.epochs):
        turns.begin()
        for batch in loader:
            inputs, labels = _normalised(batch)
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
    network = _timm_network(given)  # before fastai, which imports torchvision
    from fastai.callback.core import Callback
    from fastai.callback.schedule import Learner
    from fastai.data.core import DataLoaders
    from fastai.data.load import DataLoader as FastLoader
    from fastai.losses import CrossEntropyLossFlat

    class Turn(Callback):
        def before_train(self) -> None:
            turns.begin()

        def after_train(self) -> None:
            turns.end()

    def split(model: nn.Module) -> list[list[nn.Parameter]]:
        head = set(model.get_classifier().parameters())
        return [[one for one in model.parameters() if (one in head) == of_head] for of_head in (False, True)]

    training = FastLoader(_tensors(given), bs=given.batch, shuffle=True, num_workers=0, after_batch=_normalised)
    one_picture = TensorDataset(*(tensor[:1] for tensor in _tensors(given).tensors))
    validation = FastLoader(one_picture, bs=1, num_workers=0, after_batch=_normalised)
    learner = Learner(
        DataLoaders(training, validation), network, loss_func=CrossEntropyLossFlat(), splitter=split, cbs=Turn()
    )
    if frozen:
        learner.freeze()
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(given.epochs, 1e-3)


def _timm_network(given: SimpleNamespace) -> nn.Module:
    torch.set_num_threads(given.threads)
    return import_timm().create_model(given.architecture, num_classes=CLASSES)


def _tensors(given: SimpleNamespace) -> TensorDataset:
    pixels, labels = drawn_pictures(given.rows, given.size_px)
    return TensorDataset(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels))


def _normalised(batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return (batch[0].float() / 255 - mean) / deviation, batch[1]


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
