"""Several processes share a training, and end where one does."""

import json
import runpy
import sys
from pathlib import Path

import pytest

from common.errors import StartAgain, UsageError
from pipelines.processes import process_count, run_in_processes
from pipelines.workspace import Machine
from tests.copied_repository import ROOT

# Head first, then the network; steps of 8, 8 and 7 rows, so that shares and their micro-batches are uneven.
TRAIN = """
import json, sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from common.errors import PodiumError
from common.training.fit import fit
from common.training.hardware import Hardware
from common.training.head import head_first
from common.training.network import make_network
from common.training.predict import Inference
from common.targets import Regression
from tests.common.test_fit import OPTIONS, TARGETS, in_micro_batches_of, pictures, task

folder, largest_batch = Path(sys.argv[1]), int(sys.argv[2])
options = OPTIONS.model_copy(update={"effective_batch_size": 9, "epochs": 2, "head_views": 2, "weight_average": 0.5})
options = options.model_copy(update={"target_weights": {"age": 0.5}})
targets = {**TARGETS, "age": Regression()}
examples = pictures()
# Known in every third row, so that the processes' shares of a step know different numbers of them.
age = np.where(np.arange(36) % 3, np.nan, np.arange(36) % 2)
examples = replace(examples, truth={**examples.truth, "age": age})
training, validation = examples.take(np.arange(23)), examples.take(np.arange(23, 36))
truth = validation.truth("label")
hardware = Hardware("cpu", 0, 1)

def make():
    network = make_network(options, targets, folder, seed=1)
    head_first(network, training, targets, options, Inference(hardware.accelerator("float32"), 1, 9, 0))
    if hardware.accelerator("float32").process_index == 1:
        network.body.register_forward_pre_hook(refuse_large)
    return network

def refuse_large(module, arguments):
    if torch.is_grad_enabled() and len(arguments[0]) > largest_batch:
        raise torch.OutOfMemoryError("CUDA out of memory")

score = lambda predictions: {
    "validation_error": float(np.abs(predictions["label"][:, 0] - truth).mean()),
    "validation_age": float(predictions["age"].mean()),
}
the_task = replace(
    task(folder, options), make=make, targets=targets, training=training, validation=validation, score=score
)
try:
    result = fit(the_task) if largest_batch < 9 else in_micro_batches_of(3, the_task)
except PodiumError as error:
    sys.exit(error.exit_code)
if hardware.accelerator("float32").is_main_process:
    figures = {"processes": result.processes, "micro_batch_size": result.micro_batch_size, "history": result.history}
    (folder / "figures.json").write_text(json.dumps(figures))
torch.distributed.is_initialized() and torch.distributed.destroy_process_group()
"""


def trained(folder: Path, processes: int, largest_batch: int, monkeypatch: pytest.MonkeyPatch) -> dict:
    """What the script writes down; with features of its own, so that none is read that another run made."""
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PODIUM_SCRATCH", str(folder / "scratch"))
    arguments = [str(folder / "train.py"), str(folder), str(largest_batch)]
    if processes == 1:
        monkeypatch.setattr(sys, "argv", arguments)
        runpy.run_path(arguments[0])
    else:
        assert run_in_processes([sys.executable, *arguments], processes) == 0
    return json.loads((folder / "figures.json").read_text())


def figures_by_epoch(run: dict) -> list[float]:
    return [
        entry[name]
        for entry in run["history"]
        for name in ("validation_error", "validation_age", "train_loss")
        if name in entry
    ]


def test_two_processes_end_where_one_does(tmp_path, monkeypatch):
    one = trained(tmp_path / "one", 1, 9, monkeypatch)
    two = trained(tmp_path / "two", 2, 9, monkeypatch)
    assert (one["processes"], two["processes"]) == (1, 2)
    assert len(figures_by_epoch(one)) == 8
    assert figures_by_epoch(two) == pytest.approx(figures_by_epoch(one), rel=1e-4)


def test_where_one_of_two_runs_out_of_memory_both_start_again_with_smaller_batches(tmp_path, monkeypatch):
    two = trained(tmp_path / "two", 2, 3, monkeypatch)
    assert two["micro_batch_size"] == 3  # at first 5, half a step
    assert len(figures_by_epoch(two)) == 8


def run_python(code: str, processes: int = 2) -> int:
    return run_in_processes(
        [sys.executable, "-c", f"import os, sys, time; rank = int(os.environ['RANK']); {code}"], processes
    )


def test_the_exit_code_is_that_of_the_process_that_failed_and_the_others_are_stopped():
    assert run_python("sys.exit(2) if rank == 0 else time.sleep(60)") == 2
    assert run_python("os.kill(os.getpid(), 9) if rank == 1 else time.sleep(60)") == 128 + 9


def test_a_later_process_speaks_only_where_it_failed_alone(capfd, tmp_path):
    mark = f"m = {str(tmp_path / 'mark')!r}"  # the later one fails when the first has spoken
    wait = "[time.sleep(0.05) for _ in iter(lambda: os.path.exists(m), True)]"
    say = "print('why', rank, file=sys.stderr, flush=True)"
    assert (
        run_python(f"{mark}; rank and {wait}; {say}; rank or open(m, 'w'); rank and sys.exit(1); time.sleep(60)") == 1
    )
    assert capfd.readouterr().err == "why 0\nwhy 1\n"
    assert run_python("print('well', rank, file=sys.stderr)") == 0
    assert capfd.readouterr().err == "well 0\n"


def test_processes_that_ask_for_it_are_started_again(tmp_path):
    mark = tmp_path / "mark"
    code = f"m = {str(mark)!r}; again = os.path.exists(m); again or rank or open(m, 'w').close(); time.sleep(0.5)"
    assert run_python(f"{code}; sys.exit(0 if again else {StartAgain.exit_code} if rank == 0 else 0)") == 0


@pytest.mark.parametrize(
    ("device", "told", "cuda_devices", "count"),
    [
        ("auto", None, 0, 1), ("auto", None, 4, 4), ("cuda", None, 4, 4), ("cuda:1", None, 4, 1), ("cpu", None, 4, 1),
        ("auto", 2, 4, 2), ("auto", 2, 0, 2), ("cpu", 3, 4, 3),
    ],
)  # fmt: skip
def test_a_process_a_cuda_device_unless_told_otherwise(device, told, cuda_devices, count):
    assert process_count(Machine(device, 1, None, 1, told), cuda_devices, has_apple_gpu=False) == count


@pytest.mark.parametrize(("device", "cuda_devices"), [("cuda", 1), ("auto", 1), ("cuda:1", 4), ("mps", 0), ("auto", 0)])
def test_more_processes_than_devices_are_refused(device, cuda_devices):
    with pytest.raises(UsageError, match=r"machine.processes: 2"):
        process_count(Machine(device, 1, None, 1, 2), cuda_devices, has_apple_gpu=True)
