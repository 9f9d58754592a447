"""The loss of a step in pieces is the loss of the whole, gradients included."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.targets import Binary, Multiclass, Multilabel, Regression
from common.training.loss import known_rows, loss_share

TARGETS = {
    "sick": Binary("no", "yes"),
    "variety": Multiclass(("a", "b", "c")),
    "tags": Multilabel(("x", "y")),
    "age": Regression(scale=10.0),
}


def drawn(rows: int, seed: int) -> tuple[torch.Tensor, dict[str, np.ndarray]]:
    """Logits, and truths of which about a third is missing, each target's own."""
    rng = np.random.default_rng(seed)
    truth = {
        "sick": rng.integers(0, 2, rows).astype(float),
        "variety": rng.integers(0, 3, rows).astype(float),
        "tags": rng.integers(0, 2, (rows, 2)).astype(float),
        "age": rng.normal(50, 10, rows),
    }
    for values in truth.values():
        values[rng.random(values.shape) < 0.35] = np.nan
    return torch.from_numpy(rng.normal(size=(rows, 7))).requires_grad_(), truth


WEIGHTS = {"sick": 1.0, "variety": 0.3, "tags": 2.0, "age": 0.5}


def gradient(logits, truth, pieces) -> tuple[float, torch.Tensor]:
    """The sum over the pieces, as an optimiser step accumulates it."""
    logits.grad = None
    total, known = 0.0, known_rows(truth)
    for rows in pieces:
        own = {name: torch.from_numpy(values[rows]) for name, values in truth.items()}
        share = loss_share(logits[rows], own, TARGETS, 0.1, known, WEIGHTS)
        share.backward()
        total += share.item()
    return total, logits.grad.clone()


@settings(deadline=None, max_examples=60)
@given(rows=st.integers(1, 12), seed=st.integers(0, 10**6), cuts=st.lists(st.integers(0, 12), max_size=4))
def test_however_a_step_is_split_its_loss_and_gradient_are_the_same(rows, seed, cuts):
    logits, truth = drawn(rows, seed)
    pieces = [piece for piece in np.split(np.arange(rows), sorted(cuts)) if len(piece)]
    whole_loss, whole = gradient(logits, truth, [np.arange(rows)])
    loss, summed = gradient(logits, truth, pieces)
    assert loss == pytest.approx(whole_loss, rel=1e-12, abs=1e-12)
    torch.testing.assert_close(summed, whole, rtol=1e-12, atol=1e-12)


def test_each_target_counts_by_its_weight_times_the_mean_over_the_rows_that_have_it():
    logits, truth = drawn(9, seed=4)
    expected = 0.0
    for (name, target), part in zip(TARGETS.items(), logits.split([1, 3, 2, 1], dim=1), strict=True):
        losses = target.loss(part, torch.from_numpy(truth[name])).detach().numpy()
        has_it = ~np.isnan(truth[name]).reshape(9, -1).all(axis=1)
        expected += WEIGHTS[name] * losses[has_it].mean()
    wanted = {name: torch.from_numpy(values) for name, values in truth.items()}
    loss = loss_share(logits, wanted, TARGETS, 0.0, known_rows(truth), WEIGHTS)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


def test_a_target_of_weight_zero_is_left_out_even_where_its_loss_is_infinite():
    logits, truth = drawn(9, seed=4)
    with torch.no_grad():
        logits[:, 6] = torch.inf
    wanted = {name: torch.from_numpy(values) for name, values in truth.items()}
    loss = loss_share(logits, wanted, TARGETS, 0.0, known_rows(truth), WEIGHTS | {"age": 0.0})
    loss.backward()
    assert torch.isfinite(loss) and not logits.grad[:, 6].any() and logits.grad[:, :6].any()


def test_a_target_that_no_row_of_the_step_has_adds_nothing():
    logits, truth = drawn(3, seed=0)
    empty = {name: np.full_like(values, np.nan) for name, values in truth.items()}
    loss, slope = gradient(logits, empty, [np.arange(3)])
    assert loss == 0 and not slope.any()
