"""Micro-batches: exact whatever their size, and within the memory that the machine allows."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from common.errors import PodiumError
from common.targets import Binary, Multiclass, Multilabel, Regression
from common.training.average import WeightAverage
from common.training.data import Examples, micro_batches, steps_of
from common.training.epoch import Learner, train_epoch
from common.training.fit import fit
from common.training.hardware import Hardware
from common.training.memory import (
    budget_bytes,
    forget_peak,
    limit_cuda_memory,
    own_memory_bytes,
    peak_memory_bytes,
    rows_within,
)
from common.training.micro_batch import MicroBatchSizes
from common.training.network import make_network
from common.training.schedule import phases_of
from tests.common.test_fit import OPTIONS, assert_same, in_micro_batches_of, pictures, task, weights

CPU = torch.device("cpu")
SEVERAL = {
    "sick": Binary("no", "yes"),
    "variety": Multiclass(("a", "b", "c")),
    "tags": Multilabel(("x", "y")),
    "age": Regression(scale=10.0),
}


def several_targets(rows: int) -> Examples:
    """Pictures with four targets; of each about a third is missing, its own rows."""
    rng = np.random.default_rng(3)
    truth = {
        "sick": rng.integers(0, 2, rows).astype(float),
        "variety": rng.integers(0, 3, rows).astype(float),
        "tags": rng.integers(0, 2, (rows, 2)).astype(float),
        "age": rng.normal(50, 10, rows),
    }
    for values in truth.values():
        values[rng.random(rows) < 0.35] = np.nan
    return replace(pictures(rows), truth=truth)


def gradients(folder, view, micro_batch_size: int) -> list[list[torch.Tensor]]:
    """The gradient of every weight at each optimiser step of an epoch; the weights stay as they are."""
    options = OPTIONS.model_copy(update={"effective_batch_size": 9, "gradient_clip": None})
    network = make_network(options, SEVERAL, folder, seed=1)
    accelerator = Hardware("cpu", 0, 1).accelerator("float32")
    optimizer = torch.optim.SGD([{"params": list(network.parameters()), "lr_scale": 1.0}], lr=0.0)
    seen: list[list[torch.Tensor]] = []
    optimizer.register_step_pre_hook(
        lambda *_: seen.append([parameter.grad.clone() for parameter in network.parameters()])
    )
    model, prepared = accelerator.prepare(network, optimizer)
    the_task = replace(task(folder, options), training=view, targets=SEVERAL)
    steps = steps_of(len(view), 9)
    batches = micro_batches(view, steps, micro_batch_size, "photo", 1, ("train", 0), 0)
    learner = Learner(network, model, prepared, WeightAverage(network, 0.0, {}, 0), accelerator)
    train_epoch(learner, the_task, batches, 0, lambda step: 0.0)
    return seen


@pytest.mark.parametrize("micro_batch_size", [1, 2, 4, 5, 7])
def test_the_gradient_of_a_step_in_pieces_is_that_of_the_whole(tmp_path, micro_batch_size):
    """25 rows in steps of at most 9 are steps of 9, 8 and 8: not one of these sizes divides them all but 1.

    ConvNeXt has layer norm. With batch norm no split is exact: each piece is normalised by its own statistics.
    """
    view = several_targets(25).take(np.arange(25))
    whole, pieces = gradients(tmp_path, view, 9), gradients(tmp_path, view, micro_batch_size)
    assert len(whole) == len(pieces) == 3
    for expected, found in zip(whole, pieces, strict=True):
        scale = max(float(gradient.abs().max()) for gradient in expected)
        for one, other in zip(expected, found, strict=True):
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-5 * scale)


def allocate(rows: int) -> None:
    """A step that takes 50 MB and 10 MB more a row."""
    kept = [torch.ones(50_000_000 // 4), torch.ones(rows, 10_000_000 // 4)]
    del kept


def test_two_small_trials_tell_how_many_rows_fit():
    assert rows_within(410_000_000, allocate, 1000) in range(32, 38)  # 36, if nothing else moved
    assert rows_within(410_000_000, allocate, 20) == 20
    assert rows_within(40_000_000, allocate, 1000) == 0
    assert rows_within(10**12, allocate, 1) == 1


def test_the_peak_is_what_was_held_since_it_was_forgotten():
    forget_peak(CPU)
    before = peak_memory_bytes(CPU)
    allocate(5)
    assert 90e6 < peak_memory_bytes(CPU) - before < 130e6


def test_the_budget_is_what_is_told_or_most_of_the_machines_memory(monkeypatch):
    assert budget_bytes(2.5) == 2_500_000_000
    assert 100e6 < budget_bytes(None) < 1e14
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert budget_bytes(2.5) == 1_250_000_000, "two processes share it"


def hungry_task(folder, max_memory_gb):
    """Each row holds 20 MB from forward to backward."""
    hardware = Hardware("cpu", 0, 1, max_memory_gb)
    base = task(folder, OPTIONS.model_copy(update={"effective_batch_size": 24, "epochs": 1}), hardware)

    def make():
        network = base.make()
        held = []

        def let_go(module, arguments, output):
            if module.training:
                output.register_hook(lambda gradient: held.clear())
            else:
                held.clear()

        network.register_forward_pre_hook(lambda _, arguments: held.append(torch.ones(len(arguments[0]), 5_000_000)))
        network.register_forward_hook(let_go)
        return network

    return replace(base, make=make)


def test_the_micro_batch_keeps_within_the_budget(tmp_path):
    own = own_memory_bytes()
    assert fit(hungry_task(tmp_path / "wide", (own + 2e9) / 1e9)).micro_batch_size == 24
    forget_peak(CPU)
    own = own_memory_bytes()  # now that all is imported
    result = fit(hungry_task(tmp_path / "tight", (own + 350e6) / 1e9))
    assert result.micro_batch_size == 12, "24 rows would hold 480 MB"


def test_a_budget_below_one_picture_is_an_error_that_says_what_to_change(tmp_path):
    with pytest.raises(PodiumError, match=r"machine\.max_memory_gb in params\.yaml"):
        fit(task(tmp_path, hardware=Hardware("cpu", 0, 1, 0.01)))


def test_trying_leaves_no_trace_in_the_weights(tmp_path):
    options = OPTIONS.model_copy(update={"architecture": "test_resnet", "epochs": 1})
    tried = fit(task(tmp_path / "tried", options))
    assert_same(weights(tried), weights(in_micro_batches_of(8, task(tmp_path / "known", options))))


def test_what_was_found_is_used_again_and_the_least_of_all_processes(tmp_path):
    phase = phases_of(OPTIONS)[0]
    sizes = MicroBatchSizes(tmp_path / "sizes.json", 16)
    assert sizes.begin(phase, lambda share: share // 2) == 8
    other = MicroBatchSizes(tmp_path / "sizes.json", 16)
    assert other.begin(phase, lambda share: 1 / 0) == 8
    assert other.halve() == 4
    assert sizes.halve() == 4 and other.halve() == 2
    assert sizes.of(phase) == 2
    assert MicroBatchSizes(tmp_path / "sizes.json", 1).of(phase) == 1, "never more than the share"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_device_runs_out_of_memory_at_the_budget():
    device = torch.device("cuda:0")
    limit_cuda_memory(device, 0.5)
    with pytest.raises(torch.OutOfMemoryError):
        torch.ones(150_000_000, device=device)
    limit_cuda_memory(device, 1e6)
    torch.ones(150_000_000, device=device)
