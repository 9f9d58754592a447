"""The learning-rate finder: what it sees, when it stops, and what it suggests."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.training.rate_finder import HIGHEST, LOWEST, Sweep, running_mean, suggest, sweep
from common.training.rate_picture import rate_png
from tests.common.test_fit import OPTIONS, task


def swept(losses, diverged=True, planned=100):
    """A sweep that saw these losses, without noise, so that they are their own running mean."""
    losses = np.array(losses)
    return Sweep(np.geomspace(LOWEST, HIGHEST, planned)[: len(losses)], losses, losses, diverged, planned)


def falling(at, lowest, until=100):
    """A loss of 0.7 that falls most steeply at the rate `at` and rises from the rate `lowest` on."""
    rates = np.geomspace(LOWEST, HIGHEST, 100)[:until]
    fall = 0.7 - 0.4 / (1 + (at / rates) ** 3)
    return np.where(rates > lowest, fall + 3 * np.maximum(0, np.log10(rates / lowest)) ** 2, fall)


@given(st.floats(-5, 5), st.integers(1, 60), st.floats(1, 20))
def test_the_running_mean_of_a_constant_is_the_constant_from_the_first_step_on(value, steps, memory):
    np.testing.assert_allclose(running_mean(np.full(steps, value), memory), value, rtol=1e-9, atol=1e-9)


def test_the_suggestion_lies_between_the_steepest_fall_and_a_tenth_of_the_minimum():
    found = suggest(swept(falling(at=3e-3, lowest=0.1)))
    assert found.steepest == pytest.approx(3e-3, rel=0.2) and found.lowest == pytest.approx(0.1, rel=0.25)
    assert found.rate == pytest.approx((3e-3 * 0.1 / 10) ** 0.5, rel=0.25)
    assert found.reason.startswith("the loss falls fastest at ") and "geometric mean" in found.reason


def test_a_sweep_that_never_diverged_says_so():
    assert "did not diverge up to 1.0e+01" in suggest(swept(falling(3e-3, 1e3), diverged=False)).reason


def test_nothing_is_suggested_where_the_loss_does_not_fall():
    flat = suggest(swept(0.7 + 0.001 * np.sin(np.arange(60))))
    assert flat.rate is None and "too little to read a rate off" in flat.reason
    at_once = suggest(swept([0.7, 0.9, 3.5]))
    assert at_once.rate is None and "diverged at once" in at_once.reason


def test_a_real_sweep_falls_then_ends_where_the_loss_diverges(tmp_path):
    made = task(tmp_path)
    found = sweep(made, 40)
    assert found.diverged and len(found.rates) < 40
    assert np.isfinite(found.losses).all()
    suggestion = suggest(found)
    assert suggestion.rate is not None and 1e-4 < suggestion.rate < 0.3
    again = sweep(made, 40)
    np.testing.assert_array_equal(found.losses, again.losses)
    assert not made.checkpoint_path.exists()


def test_micro_batches_change_the_sweep_no_more_than_rounding(tmp_path):
    from common.training import rate_finder

    plain = task(tmp_path, replace_options(augmentation="none"))
    whole, parts = rate_finder._sweep(plain, 20, 8), rate_finder._sweep(plain, 20, 3)
    np.testing.assert_allclose(whole.losses[:8], parts.losses[:8], rtol=1e-3)


def replace_options(**more):
    return OPTIONS.model_copy(update=more)


def test_the_picture_has_the_line_and_the_mark(tmp_path):
    found = swept(falling(3e-3, 0.1))
    pixels = cv2.imdecode(np.frombuffer(rate_png(found, suggest(found), "it"), np.uint8), cv2.IMREAD_COLOR)
    assert pixels.shape == (540, 960, 3)
    blue, orange = np.array([0x8F, 0x58, 0x27]), np.array([0x14, 0x55, 0xBB])
    for colour in (blue, orange):
        assert (np.abs(pixels.astype(int) - colour).max(axis=2) < 60).sum() > 200
    without = replace(suggest(found), rate=None)
    pixels = cv2.imdecode(np.frombuffer(rate_png(found, without, "it"), np.uint8), cv2.IMREAD_COLOR)
    assert (np.abs(pixels.astype(int) - orange).max(axis=2) < 60).sum() == 0
