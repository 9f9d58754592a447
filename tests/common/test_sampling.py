"""Rows are drawn by their weights, whoever asks and however many there are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.training.sampling import Sampling, draw_with_replacement, draw_without_replacement, repeats, uniforms

IDS = np.array([f"id{row}" for row in range(40)], dtype=object)
MANY = 2**24 + 3  # torch.multinomial takes no more than 2^24


def counts_over_epochs(sampling: Sampling, epochs: int) -> np.ndarray:
    drawn = np.concatenate([sampling.epoch(epoch) for epoch in range(epochs)])
    return np.bincount(drawn, minlength=len(sampling.ids))


def test_without_weights_every_row_comes_once_in_another_order_each_epoch():
    sampling = Sampling(IDS, 1)
    first, second = sampling.epoch(0), sampling.epoch(1)
    assert sorted(first) == sorted(second) == list(range(40))
    assert list(first) != list(second)


@pytest.mark.parametrize("replacement", [False, True])
def test_equal_weights_give_every_row_once(replacement):
    sampling = Sampling(IDS, 1, np.full(40, 0.3), replacement)
    assert sorted(sampling.epoch(0)) == list(range(40))


@pytest.mark.parametrize("replacement", [False, True])
def test_rows_of_weight_zero_never_come(replacement):
    weights = np.arange(40) % 4 / 3
    drawn = np.concatenate([Sampling(IDS, 5, weights, replacement).epoch(epoch) for epoch in range(30)])
    assert set(drawn) == set(np.flatnonzero(weights))


def test_without_replacement_an_epoch_has_as_many_rows_as_counted_by_the_heaviest():
    of_classes = np.repeat([1 / 30, 1 / 10], [30, 10])  # one over the size of the class
    sampling = Sampling(IDS, 1, of_classes)
    assert sampling.rows_an_epoch() == len(sampling.epoch(0)) == 20
    assert len(set(sampling.epoch(0))) == 20


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(0, 50), min_size=1, max_size=60).filter(any), st.integers(0, 99))
def test_with_replacement_each_count_is_its_expectation_rounded_down_or_up(weights, seed):
    weights = np.array(weights)
    ids = np.arange(len(weights)).astype(str)
    sampling = Sampling(ids, seed, weights, replacement=True)
    counts = np.bincount(sampling.epoch(0), minlength=len(weights))
    expected = sampling.rows_an_epoch() * (weights / weights.max()) / (weights / weights.max()).sum()
    assert (np.abs(counts - expected) < 1 + 1e-9).all()


def test_with_replacement_rows_come_in_proportion_to_their_weights():
    weights = np.random.default_rng(0).gamma(1.0, size=40)
    counts = counts_over_epochs(Sampling(IDS, 5, weights, replacement=True), epochs=400)
    expected = 400 * 40 * weights / weights.sum()
    spread = 0.5 * np.sqrt(400)  # a count is one of two neighbouring numbers: its deviation is at most 1/2
    assert (np.abs(counts - expected) < 4.5 * spread).all()


def test_without_replacement_rows_come_as_if_drawn_one_by_one():
    """Beside numpy's own draws one by one, of the same number of rows."""
    weights = np.array([4.0, 2.0, 1.0, 1.0, 0.5])
    sampling = Sampling(IDS[:5], 5, weights)
    epochs, size = 6000, sampling.rows_an_epoch()
    assert size == 2
    counts = counts_over_epochs(sampling, epochs) / epochs
    rng = np.random.default_rng(1)
    one_by_one = [rng.choice(5, size=size, replace=False, p=weights / weights.sum()) for _ in range(epochs)]
    expected = np.bincount(np.concatenate(one_by_one), minlength=5) / epochs
    np.testing.assert_allclose(counts, expected, atol=4 * np.sqrt(2 * 0.25 / epochs))


def test_more_rows_than_torch_can_draw_from():
    """Four classes of weights; each class's share of the draws is what its weights say, far beyond 2^24 rows."""
    rng = np.random.default_rng(3)
    kind = rng.integers(0, 4, MANY, dtype=np.int8)
    kinds = np.bincount(kind)
    weights = np.array([0.0, 1.0, 2.0, 5.0])[kind]
    order = rng.integers(0, 2**64, MANY, dtype=np.uint64)

    drawn = draw_with_replacement(weights, order, MANY // 8, np.random.default_rng(4))
    share = np.bincount(kind[drawn], minlength=4) / len(drawn)
    expected = kinds * [0, 1, 2, 5] / weights.sum()
    np.testing.assert_allclose(share, expected, atol=1.5e-3)  # deviation: at most 1/2 / sqrt(len(drawn))
    assert drawn.max() > 2**24 - 1000

    count = MANY // 10
    drawn = draw_without_replacement(weights, uniforms(order), count)
    assert (np.diff(drawn) > 0).all() and len(drawn) == count
    # Rows wait for an exponential time of their weight's rate; `until` is when `count` of them have come.
    low, high = 0.0, 1.0
    while high - low > 1e-12:
        until = (low + high) / 2
        come = (kinds * -np.expm1(-until * np.array([0, 1, 2, 5]))).sum()
        low, high = (until, high) if come < count else (low, until)
    share = np.bincount(kind[drawn], minlength=4) / kinds
    np.testing.assert_allclose(share, -np.expm1(-until * np.array([0, 1, 2, 5])), atol=1e-3)


def test_the_order_of_the_table_changes_nothing():
    weights = np.random.default_rng(0).gamma(1.0, size=40)
    turned = Sampling(IDS[::-1], 5, weights[::-1])
    assert list(turned.ids[turned.epoch(3)]) == list(IDS[Sampling(IDS, 5, weights).epoch(3)])


def test_a_weight_of_one_row_decides_about_that_row_alone():
    """Without replacement: other rows' chances are their own."""
    chances = np.random.default_rng(0).random(40)
    weights = np.ones(40)
    before = draw_without_replacement(weights, chances, 20)
    weights[7] = 100
    after = draw_without_replacement(weights, chances, 20)
    assert 7 in after and len(set(before) - set(after)) <= 1


def test_repeats_count_how_often_a_row_has_come_before():
    assert list(repeats([3, 1, 3, 3, 0, 1])) == [0, 0, 1, 2, 0, 1]
    assert list(repeats([])) == []
