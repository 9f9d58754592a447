"""The decoded set is the best of all subsets, and its expected score is what it would score on average."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from common.decoding.expected_fbeta import Exclusive, expected_fbeta
from common.errors import PodiumError
from common.metrics import fbeta

BETAS = st.sampled_from([0.5, 1.0, 2.0, 3.7])
WEATHER = Exclusive(tags=(1, 3, 4), alone=(3,))


def probabilities(least: int, most: int) -> st.SearchStrategy[np.ndarray]:
    def row(tags: int) -> st.SearchStrategy[np.ndarray]:
        return arrays(np.float64, tags, elements=st.floats(0, 1))

    return st.integers(least, most).flatmap(row)


def all_sets(tags: int) -> np.ndarray:
    return np.array(list(product((0.0, 1.0), repeat=tags)))


def weight_of_each_truth(row: np.ndarray, truths: np.ndarray, exclusive: Exclusive | None) -> np.ndarray:
    """P(truth) of each of `truths`, written down straight from the assumptions."""
    if exclusive is None:
        return np.where(truths == 1, row, 1 - row).prod(axis=1)
    total = row[list(exclusive.tags)].sum()
    cases = row / total if total > 1e-12 else np.full(len(row), 1 / len(exclusive.tags))
    alone = cases[list(exclusive.alone)].sum()
    weights = []
    for truth in truths:
        true_cases = [tag for tag in exclusive.tags if truth[tag]]
        free = [tag for tag in range(len(row)) if tag not in exclusive.tags]
        if len(true_cases) != 1:
            weights.append(0.0)
            continue
        if set(true_cases) & set(exclusive.alone):
            weights.append(alone * (not truth[free].any()))
            continue
        given = np.minimum(row[free] / max(1 - alone, 1e-12), 1)
        weights.append(cases[true_cases[0]] * np.where(truth[free] == 1, given, 1 - given).prod())
    return np.array(weights)


def expectation_of_every_set(row: np.ndarray, beta: float, exclusive: Exclusive | None) -> np.ndarray:
    """Mean F-beta of each of the 2^tags predictions over all 2^tags truths, (sets,)."""
    sets = all_sets(len(row))
    weights = weight_of_each_truth(row, sets, exclusive)
    scores = [fbeta(beta).per_row(sets, np.broadcast_to(chosen, sets.shape)) for chosen in sets]
    return np.array(scores) @ weights


@settings(max_examples=60, deadline=None)
@given(row=probabilities(1, 8), beta=BETAS)
def test_no_subset_of_independent_tags_is_expected_to_score_better(row, beta):
    best = expectation_of_every_set(row, beta, None)
    chosen, expected = expected_fbeta(row[None], beta)
    assert expected[0] == pytest.approx(best.max(), abs=1e-9)
    own = int("".join(str(int(tag)) for tag in chosen[0]), 2)
    assert best[own] == pytest.approx(expected[0], abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(row=probabilities(5, 8), beta=BETAS)
@pytest.mark.parametrize("exclusive", [WEATHER, Exclusive((0, 2, 4)), Exclusive((3,), (3,))])
def test_nor_does_any_where_some_tags_exclude_each_other(exclusive, row, beta):
    best = expectation_of_every_set(row, beta, exclusive)
    chosen, expected = expected_fbeta(row[None], beta, exclusive)
    assert expected[0] == pytest.approx(best.max(), abs=1e-9)
    own = int("".join(str(int(tag)) for tag in chosen[0]), 2)
    assert best[own] == pytest.approx(expected[0], abs=1e-9)


def test_rows_do_not_depend_on_each_other_nor_on_the_order_of_the_tags():
    drawn = np.random.default_rng(0).random((20_000, 6)) ** 2
    chosen, expected = expected_fbeta(drawn, 2)
    order = [3, 1, 5, 0, 2, 4]
    again, expected_again = expected_fbeta(drawn[::-1, order], 2)
    np.testing.assert_array_equal(again[::-1], chosen[:, order])
    np.testing.assert_allclose(expected_again[::-1], expected, rtol=1e-12)


def test_the_expectation_is_the_mean_score_of_drawn_truths():
    draw = np.random.default_rng(1)
    drawn = draw.random((50_000, 17)) ** 3
    chosen, expected = expected_fbeta(drawn, 2)
    scores = fbeta(2).per_row((draw.random(drawn.shape) < drawn).astype(float), chosen.astype(float))
    assert abs((scores - expected).mean()) < 4 * scores.std() / np.sqrt(len(scores))


def test_tags_that_are_sure_are_taken_and_impossible_ones_are_not():
    sure = all_sets(5)
    chosen, expected = expected_fbeta(sure, 1)
    np.testing.assert_array_equal(chosen, sure == 1)
    np.testing.assert_allclose(expected, 1)


def test_predicting_nothing_is_right_where_most_likely_nothing_is_true():
    chosen, expected = expected_fbeta(np.array([[0.1, 0.05], [0.1, 0.95]]), 1)
    assert chosen.tolist() == [[False, False], [False, True]]
    assert expected[0] == pytest.approx(0.9 * 0.95)


@settings(max_examples=60, deadline=None)
@given(row=probabilities(1, 6), beta=BETAS)
def test_where_every_row_has_a_tag_the_best_of_the_other_sets_is_taken(row, beta):
    chosen, expected = expected_fbeta(row[None, :], beta, never_empty=True)
    every = expectation_of_every_set(row, beta, None)
    assert chosen.any() and expected[0] == pytest.approx(every[1:].max(), abs=1e-9)


def test_recall_that_counts_more_takes_more_tags():
    drawn = np.random.default_rng(2).random((500, 10))
    sizes = [expected_fbeta(drawn, beta)[0].sum() for beta in (0.5, 1, 2)]
    assert sizes == sorted(set(sizes))


def test_two_tags_that_exclude_each_other_are_never_thought_true_together():
    both_likely = np.array([[0.5, 0.5]])
    _, independent = expected_fbeta(both_likely, 1)
    chosen, exclusive = expected_fbeta(both_likely, 1, Exclusive((0, 1)))
    assert chosen.sum() == 2 and exclusive[0] == pytest.approx(2 / 3)  # one of the two named is right, for certain
    assert independent[0] == pytest.approx(0.25 * 1 + 0.5 * 2 / 3)


@pytest.mark.parametrize("wrong", [1.1, -0.1, np.nan])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(PodiumError, match=r"outside 0\.\.1"):
        expected_fbeta(np.array([[0.5, wrong]]), 2)


def test_a_beta_or_a_lone_tag_that_makes_no_sense_is_refused():
    for beta in (0, -1, float("nan")):
        with pytest.raises(PodiumError, match="beta"):
            expected_fbeta(np.array([[0.5]]), beta)
    with pytest.raises(PodiumError, match="one of the exclusive tags"):
        expected_fbeta(np.array([[0.5, 0.5]]), 2, Exclusive((0,), (1,)))
