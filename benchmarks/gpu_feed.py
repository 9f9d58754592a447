"""How busy pictures keep a GPU: images a second end to end beside what it computes with the data on it already.

Part of `training_step`, where there is a CUDA device. Both train the same network with Podium's loop: `compute only`
is given one batch again and again, which lies on the device; `end to end` loads from a decoded map, augments as for
photographs, copies, and normalises on the device. Utilisation is what nvidia-smi says while the second one runs.
"""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from types import SimpleNamespace

import numpy as np
import torch
from rich.table import Table

from benchmarks.step_contenders import drawn_task
from common.training.data import View
from common.training.epoch import train_epoch
from common.training.hardware import Hardware
from common.training.phase import batches_of, learner_of
from common.training.run import Run, start
from common.training.schedule import phases_of

ARCHITECTURES = ("resnet50", "convnext_tiny")
SIZE_PX, BATCH, ROWS, RUNS = 224, 256, 12_800, 5
_SAMPLES_APART_SECONDS = 0.2


def feed_table(device: str, loader_workers: int) -> Table:
    """One row a network; medians of runs in turn."""
    title = f"{torch.cuda.get_device_name()}: {SIZE_PX} px, bf16, batches of {BATCH}, {loader_workers} loader workers"
    table = Table(title=f"{title}; images/s, {RUNS} epochs of {ROWS:,} in turn", title_justify="left")
    for heading in ("", "compute only", "end to end", "share", "utilisation"):
        table.add_column(heading, justify="right" if heading else "left")
    for architecture in ARCHITECTURES:
        given = SimpleNamespace(
            architecture=architecture, size_px=SIZE_PX, batch=BATCH, rows=ROWS, epochs=RUNS + 1, folder="",
            device=device, loader_workers=loader_workers, precision="bf16",
        )  # fmt: skip
        computed, fed, busy = feed(given)
        share = median(fed) / median(computed)
        table.add_row(
            architecture,
            f"{median(computed):,.0f}",
            f"{median(fed):,.0f}",
            f"{share:.1%}",
            f"{mean(busy):.0f}%" if busy else "not known",
        )
    return table


def feed(given: SimpleNamespace) -> tuple[list[float], list[float], list[float]]:
    """Images a second with the data on the device, end to end, and the samples of utilisation of the latter."""
    task = drawn_task(given, augmentation="photo", precision=given.precision)
    task = replace(task, hardware=Hardware(given.device, given.loader_workers, 1))
    with _mapped(task.training) as training:
        run = start(task, task.hardware.accelerator(given.precision))
        learner = learner_of(run, phases_of(task.options)[0])
        one = next(batches_of(run, training, 0, given.batch)).to(run.accelerator.device)
        steps = run.steps_an_epoch
        computed: list[float] = []
        fed: list[float] = []
        busy: list[float] = []

        def trained(batches: Callable[[], Iterator]) -> float:
            begin = time.perf_counter()
            train_epoch(learner, task, batches(), 0, lambda step: 1e-4)  # reads the loss: the device is done then
            return time.perf_counter() - begin

        for epoch in range(given.epochs):
            seconds = trained(lambda: iter([one] * steps))
            with _utilisation(run) as samples:
                seconds_fed = trained(lambda number=epoch: batches_of(run, training, number, given.batch))
            if epoch:  # the first one chooses kernels
                computed.append(steps * len(one.rows) / seconds)
                fed.append(given.rows / seconds_fed)
                busy += samples
        run.accelerator.free_memory()
    return computed, fed, busy


@contextmanager
def _mapped(view: View) -> Iterator[View]:
    """The same rows with their pixels in a file, as the cache of decoded pictures has them."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "pixels.npy", view.examples.pixels)
        pixels = np.load(Path(folder) / "pixels.npy", mmap_mode="r")
        yield replace(view, examples=replace(view.examples, pixels=pixels))


@contextmanager
def _utilisation(run: Run) -> Iterator[list[float]]:
    """Percent of the time that the device had a kernel running, sampled until the end."""
    samples: list[float] = []
    stop = threading.Event()
    command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    command.append(f"--id={run.accelerator.device.index or 0}")

    def sample() -> None:
        while not stop.wait(_SAMPLES_APART_SECONDS):
            answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
            if answer.isdigit():
                samples.append(float(answer))

    thread = threading.Thread(target=sample, daemon=True)
    if shutil.which("nvidia-smi"):
        thread.start()
    try:
        yield samples
    finally:
        stop.set()
        if thread.is_alive():
            thread.join()
