"""Decisions are compared on rows that nothing was fitted to."""

import numpy as np
import pytest

from common.decoding.compare import compare_decisions, finish_nested
from common.decoding.expected_fbeta import ExpectedFbeta
from common.ensembling.calibrate import fit_platt
from common.metrics import fbeta


@pytest.fixture(scope="module")
def drawn():
    """Truth (rows, tags), two members of overconfident probabilities, three parts, and equal weights."""
    draw = np.random.default_rng(8)
    honest = draw.random((3000, 6)) ** 2.5
    truth = (draw.random(honest.shape) < honest).astype(float)
    log_odds = np.log(honest / (1 - honest))
    members = np.stack([1 / (1 + np.exp(-(2.5 * log_odds + 1 + draw.normal(0, 0.3, honest.shape)))) for _ in range(2)])
    return truth, members, np.full((3000, 2), 0.5), draw.integers(0, 3, 3000)


def test_a_part_is_finished_by_the_others_alone(drawn):
    truth, members, weights, parts = drawn
    seen = []

    def fit(truth, blend):
        seen.append(len(truth))
        share = truth.mean()
        return lambda blend: np.full(blend.shape, share)

    finished = finish_nested(fit, truth, members, weights, parts)
    for part in range(3):
        np.testing.assert_allclose(finished[parts == part], truth[parts != part].mean())
    assert sorted(seen) == sorted(3000 - np.bincount(parts))


def test_a_part_s_own_truth_changes_nothing_in_it(drawn):
    truth, members, weights, parts = drawn
    wrong = truth.copy()
    wrong[parts == 1] = 1 - wrong[parts == 1]

    def decide(truth):
        return finish_nested(fit_platt, truth, members, weights, parts)

    np.testing.assert_array_equal(decide(truth)[parts == 1], decide(wrong)[parts == 1])
    assert not np.allclose(decide(truth)[parts == 0], decide(wrong)[parts == 0])


def test_the_highest_expected_score_is_the_best_where_probabilities_are_honest(drawn):
    truth, members, weights, parts = drawn
    compared = compare_decisions(ExpectedFbeta(2), True, 0, truth, members, weights, parts, np.arange(3000))
    assert list(compared) == ["expected", "one_threshold", "threshold_a_tag", "expected_uncalibrated"]
    for name in list(compared)[1:]:
        entry = compared[name]
        assert entry["difference"] == pytest.approx(compared["expected"]["score"] - entry["score"])
        assert entry["difference"] > 2 * entry["difference_standard_error"] > 0, name
    without = compare_decisions(ExpectedFbeta(2), False, 0, truth, members, weights, parts, np.arange(3000))
    assert without["expected"] == {k: compared["expected_uncalibrated"][k] for k in ("score", "standard_error")}


def test_the_metric_of_the_competition_decides_in_the_same_way(drawn):
    truth, members, _, _ = drawn
    decide = ExpectedFbeta(2)
    decided = decide(members[0])
    assert fbeta(2, decide)(truth, members[0]) == fbeta(2)(truth, decided.astype(float))
    assert fbeta(2, decide).name == fbeta(2).name
