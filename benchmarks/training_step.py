"""How fast a training goes, end to end: Podium's loop, fastai's Learner and a plain loop in the manner of timm's.

    python -m benchmarks.training_step [--runs 5] [--only mobilenetv2_035]

Images a second of an epoch on one CPU thread, loader and optimiser included, of the same network with the same batch
and precision; each contender in a process of its own (`step_contenders.py` says what each does), one epoch of each in
turn, medians, in processor time. Once from JPEG files: fastai with Resize and aug_transforms, the plain loop with
timm's training transform, Podium with `photo` from its decoded map, which is made before. Once from noise in memory
without augmentation, where nothing is left to compare but the step. `frozen`: a head is trained on a body that stays,
one epoch in the peers, while Podium runs the body once without gradients and fits the head to the end.

Then what a resume costs: to write the checkpoint of an epoch, and to read it. Where there is a CUDA device, also how
much of what it could compute is left when pictures have to be loaded, augmented and copied to it (`gpu_feed.py`).
Needs `pip install fastai`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from types import SimpleNamespace

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.step_contenders import CONTENDERS, drawn_task
from benchmarks.step_pictures import write_jpegs
from common.training.checkpoint import Checkpoint, load_checkpoint, restore_optimizer, save_checkpoint
from common.training.epoch import train_epoch
from common.training.phase import batches_of, learner_of
from common.training.run import start
from common.training.schedule import phases_of

SIZE_PX, BATCH = 128, 32
ROWS = {"mobilenetv2_035": 256, "resnet18": 160}  # of an epoch: seconds, so that a run of all takes minutes
EPOCH_ROWS = 10_000  # of the epoch that the cost of a resume is told for


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--loader-workers", type=int, default=4, help="of the GPU's part")
    parser.add_argument("--only", choices=list(ROWS), help="one of the networks")
    given = parser.parse_args()
    console = Console(width=120)
    for architecture in [given.only] if given.only else ROWS:
        what = f"{architecture}, {SIZE_PX} px, batches of {BATCH}, one thread: images/s, {given.runs} epochs in turn"
        settings = {
            "architecture": architecture, "size_px": SIZE_PX, "rows": ROWS[architecture], "batch": BATCH,
            "epochs": given.runs + 1, "folder": "",
        }  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            told = write_jpegs(Path(folder), ROWS[architecture])
            speeds = measure(settings | {"folder": folder}, list(CONTENDERS), given.runs)
        console.print(_table(f"{what}; JPEG files: {told}", speeds))
        in_memory = measure(settings, [name for name in CONTENDERS if not name.startswith("frozen")], given.runs)
        console.print(_table(f"{what}; noise in memory, not augmented", in_memory))
        console.print(_resume_cost(SimpleNamespace(**settings), median(speeds["podium, channels_last"])))
    if torch.cuda.is_available():
        from benchmarks.gpu_feed import feed_table

        console.print(feed_table("cuda", given.loader_workers))
    else:
        console.print("no CUDA device: the share of a GPU's speed that is left with pictures to load is not measured")


def measure(settings: dict[str, object], contenders: list[str], runs: int) -> dict[str, list[float]]:
    """Images a second of each contender in each run; an epoch before the first one is not counted."""
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-m", "benchmarks.step_contenders", name, json.dumps(settings)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        for name in contenders
    }  # fmt: skip
    speeds: dict[str, list[float]] = {name: [] for name in processes}
    for run in range(runs + 1):
        for name, process in processes.items():
            assert process.stdin and process.stdout
            process.stdin.write("\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            if not answer:
                raise SystemExit(
                    f"{name} failed: python -m benchmarks.step_contenders '{name}' '{json.dumps(settings)}'"
                )
            if run:
                speeds[name].append(int(str(settings["rows"])) / float(answer))
    for process in processes.values():
        process.communicate()
    return speeds


def _table(title: str, speeds: dict[str, list[float]]) -> Table:
    peers = ("fastai", "plain loop", "plain loop, channels_last")
    table = Table(title=title, title_justify="left")
    for heading in ("", "median", "least", "most", "/ fastai", "/ plain loop", "/ the same, channels_last"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, found in speeds.items():
        kind = "frozen: " if name.startswith("frozen: ") else ""
        ratios = [median(found) / median(speeds[f"{kind}{peer}"]) for peer in peers]
        table.add_row(
            name, f"{median(found):.1f}", f"{min(found):.1f}", f"{max(found):.1f}", *(f"{one:.2f}" for one in ratios)
        )
    return table


def _resume_cost(given: SimpleNamespace, images_per_second: float) -> str:
    """To write and to read the checkpoint after an epoch, as a share of the time of an epoch."""
    task = drawn_task(given)
    run = start(task, task.hardware.accelerator("float32"))
    learner = learner_of(run, phases_of(task.options)[0])
    first = next(iter(batches_of(run, task.training, 0, given.batch)))
    train_epoch(learner, task, [first], 0, lambda step: 1e-3)
    state = Checkpoint(1, [], {}, run.network.state_dict(), {}, learner.optimizer.state_dict())
    writing, reading = [], []
    for _ in range(5):
        begin = time.perf_counter()
        save_checkpoint(task.checkpoint_path, state)
        writing.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        saved = load_checkpoint(task.checkpoint_path)
        assert saved
        run.network.load_state_dict(saved.weights)
        restore_optimizer(learner.optimizer, saved.optimizer)
        reading.append(time.perf_counter() - begin)
    megabytes, epoch = task.checkpoint_path.stat().st_size / 1e6, EPOCH_ROWS / images_per_second
    return (
        f"checkpoint of {given.architecture}, {megabytes:.0f} MB: written in {median(writing) * 1e3:.0f} ms "
        f"({median(writing) / epoch:.2%} of an epoch of {EPOCH_ROWS:,} images), read in {median(reading) * 1e3:.0f} ms "
        f"({median(reading) / epoch:.2%})"
    )


if __name__ == "__main__":
    main()
