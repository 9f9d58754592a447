"""Thresholds are the best that the given rows allow: for all tags at once by search, for each by exact cuts."""

import numpy as np
import pytest

from common.decoding.thresholds import one_threshold, threshold_a_tag
from common.metrics import fbeta


@pytest.fixture(scope="module")
def drawn():
    """Truth and probabilities (rows, tags) of which the second tag's are twice as high as they should be."""
    draw = np.random.default_rng(5)
    honest = draw.random((800, 4)) ** 2
    truth = (draw.random(honest.shape) < honest).astype(float)
    probabilities = honest.copy()
    probabilities[:, 1] = np.minimum(2 * honest[:, 1], 1)
    return truth, probabilities


def score(truth, probabilities, thresholds):
    return fbeta(2)(truth, (probabilities > thresholds).astype(float))


def test_no_other_single_threshold_of_the_grid_scores_better(drawn):
    truth, probabilities = drawn
    best = score(truth, probabilities, one_threshold(truth, probabilities, 2))
    assert best == max(score(truth, probabilities, threshold) for threshold in np.arange(1, 100) / 100)


def test_no_tag_gains_by_moving_its_threshold_alone(drawn):
    truth, probabilities = drawn
    thresholds = threshold_a_tag(truth, probabilities, 2)
    best = score(truth, probabilities, thresholds)
    assert best > score(truth, probabilities, one_threshold(truth, probabilities, 2))
    for tag in range(4):
        for threshold in np.linspace(-0.01, 1, 500):
            moved = thresholds.copy()
            moved[tag] = threshold
            assert score(truth, probabilities, moved) <= best + 1e-12
    assert thresholds[1] > thresholds[[0, 2, 3]].max(), "what is said twice as often must be said twice as loud"


def test_tags_that_never_or_always_pay():
    truth = np.array([[1.0, 0.0]] * 6)
    thresholds = threshold_a_tag(truth, np.random.default_rng(0).random((6, 2)), 1)
    assert thresholds.tolist() == [-1, 1]


def test_equal_probabilities_are_not_cut_apart_and_rows_without_truth_do_not_count():
    truth = np.array([[1.0], [1.0], [0.0], [np.nan]])
    threshold = threshold_a_tag(truth, np.array([[0.4], [0.4], [0.2], [0.9]]), 1)
    assert threshold == pytest.approx([0.3])
