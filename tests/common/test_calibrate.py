"""Platt scaling finds the line that was planted, keeps the ranks, and doubts what few rows say."""

import numpy as np
import pytest
from scipy.optimize import minimize

from common.ensembling.calibrate import fit_platt
from common.errors import PodiumError
from common.metrics import multilabel_log_loss


def drawn(rows: int, slope: float, offset: float, tags: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Truth, and probabilities whose log-odds must be bent by slope and offset to be right."""
    draw = np.random.default_rng(rows)
    log_odds = draw.normal(-1, 2, (rows, tags))
    truth = draw.random((rows, tags)) < 1 / (1 + np.exp(-(slope * log_odds + offset)))
    return truth.astype(float), 1 / (1 + np.exp(-log_odds))


@pytest.mark.parametrize(("slope", "offset"), [(1, 0), (0.5, 0), (2.5, -1), (0.3, 2)])
def test_it_finds_a_planted_line(slope, offset):
    truth, probabilities = drawn(40_000, slope, offset)
    platt = fit_platt(truth, probabilities)
    np.testing.assert_allclose(platt.slope, slope, rtol=0.1)
    np.testing.assert_allclose(platt.offset, offset, atol=0.1)
    assert multilabel_log_loss(truth, platt(probabilities)) <= multilabel_log_loss(truth, probabilities)


def test_it_is_the_optimum_of_its_likelihood_and_prior():
    truth, probabilities = drawn(60, 3, -2, tags=1)
    log_odds = np.log(probabilities / (1 - probabilities))[:, 0]

    def cost(line):
        logits = line[0] * log_odds + line[1]
        return (np.logaddexp(0, logits) - truth[:, 0] * logits).sum() + ((line[0] - 1) ** 2 + line[1] ** 2) / 2

    expected = minimize(cost, [1, 0], tol=1e-10).x
    platt = fit_platt(truth, probabilities)
    np.testing.assert_allclose([platt.slope[0], platt.offset[0]], expected, atol=1e-4)


def test_a_tag_that_is_always_right_stays_finite_and_one_with_few_rows_stays_near_what_was_said():
    probabilities = np.array([[0.0, 0.3], [1.0, 0.4], [1.0, 0.2]])
    truth = np.array([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
    platt = fit_platt(truth, probabilities)
    assert np.isfinite(platt.slope).all() and np.isfinite(platt.offset).all()
    np.testing.assert_allclose(platt(probabilities)[:, 1], probabilities[:, 1], atol=0.2)
    assert ((platt(probabilities) >= 0) & (platt(probabilities) <= 1)).all()


def test_ranks_stay_and_rows_without_truth_do_not_count():
    truth, probabilities = drawn(500, 0.4, 1)
    platt = fit_platt(truth, probabilities)
    assert (platt.slope > 0).all()
    more = fit_platt(np.vstack([truth, [np.nan] * 3]), np.vstack([probabilities, [0.5] * 3]))
    np.testing.assert_array_equal(more.slope, platt.slope)


def test_one_output_takes_plain_truth_and_other_shapes_are_refused():
    truth, probabilities = drawn(300, 2, 0, tags=1)
    np.testing.assert_array_equal(fit_platt(truth[:, 0], probabilities).slope, fit_platt(truth, probabilities).slope)
    with pytest.raises(PodiumError, match="do not fit"):
        fit_platt(truth, np.hstack([probabilities, probabilities]))
