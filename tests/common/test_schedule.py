"""Phases, cycles and learning rates: what a recipe's keys mean, beside torch's own schedules."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from common.errors import UsageError
from common.options import parse
from common.training.options import ModelOptions
from common.training.schedule import phases_of, rate_share, snapshot_epochs


def options(**changes) -> ModelOptions:
    given_keys = {
        "architecture": "test_convnext", "weights": "none", "image_size_px": 64, "epochs": 6, "learning_rate": 1e-3,
        "effective_batch_size": 8,
    }  # fmt: skip
    return parse(ModelOptions, given_keys | changes, "models.small")


def shares(steps_an_epoch=10, **changes) -> np.ndarray:
    """The rate at each step of the last phase, as a share of the peak."""
    given_options = options(**changes)
    phase = phases_of(given_options)[-1]
    return np.array(
        [rate_share(given_options, phase, step, steps_an_epoch) for step in range(phase.epochs * steps_an_epoch)]
    )


def torch_shares(scheduler, steps: int) -> np.ndarray:
    rates = []
    for _ in range(steps):
        rates.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        scheduler.step()
    return np.array(rates)


def sgd() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def test_one_cycle_rises_to_one_and_falls_to_almost_nothing():
    rates = shares(steps_an_epoch=100, epochs=1)
    assert rates.max() == pytest.approx(1.0) and rates.argmax() == 25
    assert rates[0] == pytest.approx(1 / 25) and rates[-1] == pytest.approx(1e-4)
    assert np.all(np.diff(rates[:26]) > 0) and np.all(np.diff(rates[25:]) < 0)
    assert shares(steps_an_epoch=1, epochs=1)[0] > 0


def test_one_cycle_is_torchs():
    reference = torch.optim.lr_scheduler.OneCycleLR(sgd(), 1.0, 61, pct_start=16 / 61, final_div_factor=1e4 / 25)
    ours = shares(epochs=6, warmup_share=0.25)
    # torch counts the peak's own step to the rise: 16 of 61 steps there are 15 of 60 here.
    np.testing.assert_allclose(ours[:15], torch_shares(reference, 61)[:15], atol=1e-9)


def test_cosine_is_torchs():
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(sgd(), 60)
    np.testing.assert_allclose(shares(schedule="cosine", warmup_share=0), torch_shares(reference, 60), atol=1e-12)


@pytest.mark.parametrize("multiplier", [1, 2])
def test_cosine_with_restarts_is_torchs(multiplier):
    keys = {"schedule": "cosine_restarts", "cycle_epochs": 2, "cycle_multiplier": multiplier, "warmup_share": 0}
    reference = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(sgd(), 20, multiplier)
    np.testing.assert_allclose(shares(**keys), torch_shares(reference, 60), atol=1e-12)


def test_constant_stays():
    assert set(shares(schedule="constant", warmup_share=0)) == {1.0}


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "cosine_restarts", "constant"])
@pytest.mark.parametrize("frozen_epochs", [0, 2])
def test_every_schedule_warms_up_once_in_each_phase(schedule, frozen_epochs):
    cycle = {"cycle_epochs": 2} if schedule == "cosine_restarts" else {}
    rates = shares(schedule=schedule, warmup_share=0.5, frozen_epochs=frozen_epochs, **cycle)
    rise = 10 if cycle else 30  # half of the first cycle
    assert rates[0] == pytest.approx(1 / 25) and np.all(np.diff(rates[: rise + 1]) > 0)
    assert rates[rise] == 1.0
    if cycle:
        assert rates[20] == 1.0, "a restart is at the peak at once"


def test_phases_follow_each_other_frozen_body_first():
    sizes = [{"image_size_px": 32, "epochs": 2}, {"image_size_px": 64, "epochs": 4}]
    frozen, small, large = phases_of(options(phases=sizes, frozen_epochs=1))
    assert (frozen.image_size_px, frozen.epochs, frozen.body_frozen) == (32, 1, True)
    assert (small.first_epoch, small.end, small.image_size_px, small.body_frozen) == (1, 3, 32, False)
    assert (large.first_epoch, large.end, large.image_size_px) == (3, 7, 64)
    assert [phase.epochs for phase in phases_of(options())] == [6]
    assert phases_of(options(epochs=0, head_views=1)) == []


@given(epochs=st.integers(1, 60), length=st.integers(1, 20), multiplier=st.integers(1, 3))
def test_cycles_fill_the_phase_and_grow_but_for_the_last(epochs, length, multiplier):
    keys = {"schedule": "cosine_restarts", "cycle_epochs": length, "cycle_multiplier": multiplier, "epochs": epochs}
    cycles = phases_of(options(**keys))[0].cycles
    assert sum(cycles) == epochs
    assert list(cycles[:-1]) == [length * multiplier**number for number in range(len(cycles) - 1)]
    assert cycles[-1] <= length * multiplier ** (len(cycles) - 1)


def test_snapshots_are_taken_at_the_ends_of_the_last_phases_cycles():
    cycle = {"schedule": "cosine_restarts", "cycle_epochs": 1, "cycle_multiplier": 2}
    sizes = [{"image_size_px": 32, "epochs": 3}, {"image_size_px": 64, "epochs": 7}]
    assert snapshot_epochs(options(snapshots="ensemble", epochs=10, phases=sizes, **cycle)) == [4, 6, 10]
    assert snapshot_epochs(options(epochs=10, phases=sizes, **cycle)) == [10]
    assert snapshot_epochs(options(epochs=0, head_views=1)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schedule": "cosine_restarts"}, "needs cycle_epochs"),
        ({"cycle_epochs": 2}, "one_cycle is one cycle"),
        ({"cycle_multiplier": 2, "schedule": "constant"}, "cycle_multiplier: there is but one cycle"),
        ({"snapshots": "average"}, "needs more than one cycle in the last phase of 6 epochs"),
        ({"snapshots": "ensemble", "schedule": "cosine_restarts", "cycle_epochs": 6}, "more than one cycle"),
        ({"phases": [{"image_size_px": 32, "epochs": 6}]}, "the last one sees 32 px, but image_size_px"),
        ({"phases": [{"image_size_px": 64, "epochs": 5}]}, "5 epochs in all, but epochs is 6"),
        ({"phases": [{"image_size_px": 64, "epoch": 6}]}, "unknown key 'epoch'; did you mean 'epochs'"),
        ({"epochs": 0}, "needs head_views or frozen_epochs"),
    ],
)
def test_what_does_not_go_together_is_refused(changes, said):
    with pytest.raises(UsageError, match=said):
        options(**changes)
