"""Convex weights: never worse than the best member, honest when nested."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.ensembling.blend import blend_all, choose_weights, clip, convex_weights, nested_weights
from common.metrics import accuracy, log_loss, mae, rmse
from common.targets import Binary, Multiclass, Regression


def members(rng, rows=200, noises=(0.5, 1.0, 2.0)):
    truth = (rng.random(rows) < 0.5).astype(float)
    logits = [(2 * truth - 1) * 1.5 + rng.normal(0, noise, rows) for noise in noises]
    return truth, np.stack([1 / (1 + np.exp(-logit)) for logit in logits])[:, :, None]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([log_loss, accuracy, rmse, mae]))
def test_the_blend_is_never_worse_than_its_best_member(seed, metric):
    truth, predictions = members(np.random.default_rng(seed))
    weights = convex_weights(metric, truth, predictions)
    assert weights.min() >= 0 and weights.sum() == pytest.approx(1)
    blend = metric(truth, np.tensordot(weights, predictions, axes=1)[:, 0])
    for member in predictions:
        assert not metric.better(metric(truth, member[:, 0]) * (1 - 1e-9), blend) or blend == pytest.approx(
            metric(truth, member[:, 0])
        )


def test_squared_error_finds_the_weights_that_least_squares_finds():
    rng = np.random.default_rng(1)
    predictions = rng.normal(size=(3, 400, 1))
    truth = (np.array([0.2, 0.5, 0.3]) @ predictions[:, :, 0]) + rng.normal(0, 0.01, 400)
    np.testing.assert_allclose(convex_weights(rmse, truth, predictions), [0.2, 0.5, 0.3], atol=0.005)


def test_a_member_that_only_guesses_gets_no_weight():
    rng = np.random.default_rng(2)
    truth, predictions = members(rng, 2000, (0.5,))
    guesses = rng.random((1, 2000, 1))
    weights = convex_weights(log_loss, truth, np.concatenate([predictions, guesses]))
    assert weights[0] > 0.95


def test_nested_weights_of_a_part_do_not_depend_on_its_own_truth():
    rng = np.random.default_rng(3)
    truth, predictions = members(rng)
    parts = np.arange(len(truth)) % 4
    before = nested_weights(log_loss, truth, predictions, parts)
    changed = np.where(parts == 2, 1 - truth, truth)
    after = nested_weights(log_loss, changed, predictions, parts)
    np.testing.assert_array_equal(before[parts == 2], after[parts == 2])
    assert not np.array_equal(before[parts != 2], after[parts != 2])


def test_equal_weights_are_kept_where_fitting_gains_nothing_on_unseen_rows():
    rng = np.random.default_rng(4)
    truth, predictions = members(rng, 30, (1.5,) * 6)
    chosen = choose_weights(log_loss, truth, predictions, np.arange(30) % 3)
    assert not chosen.fitted and chosen.equal_score <= chosen.fitted_score
    np.testing.assert_allclose(chosen.weights, 1 / 6)
    np.testing.assert_allclose(chosen.row_weights, 1 / 6)


def test_fitted_weights_are_kept_where_one_member_only_guesses():
    rng = np.random.default_rng(5)
    truth, predictions = members(rng, 1000, (0.5,))
    both = np.concatenate([predictions, rng.random((1, 1000, 1))])
    chosen = choose_weights(log_loss, truth, both, np.arange(1000) % 5)
    assert chosen.fitted and chosen.weights[0] > 0.95


def test_clipping_keeps_probabilities_off_the_ends_and_rows_at_one():
    binary = clip(np.array([[0.0], [0.5], [1.0]]), Binary("cat", "dog"), 0.01)
    np.testing.assert_allclose(binary[:, 0], [0.01, 0.5, 0.99])
    three = clip(np.array([[1.0, 0.0, 0.0]]), Multiclass(("a", "b", "c")), 0.01)
    assert three.min() > 0 and three.sum() == pytest.approx(1)
    numbers = np.array([[-5.0], [7.0]])
    np.testing.assert_array_equal(clip(numbers, Regression(), 0.01), numbers)


def test_every_target_is_blended_with_the_same_weights():
    targets = {"label": Binary("cat", "dog"), "age": Regression()}
    first = {"label": np.array([[0.2]]), "age": np.array([[10.0]])}
    second = {"label": np.array([[0.6]]), "age": np.array([[20.0]])}
    blended = blend_all([first, second], np.array([[0.75, 0.25]]), targets, 0.0)
    assert blended["label"][0, 0] == pytest.approx(0.3)
    assert blended["age"][0, 0] == pytest.approx(12.5)
