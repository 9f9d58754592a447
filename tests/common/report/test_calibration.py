import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.report.calibration import reliability


def test_rows_that_come_true_as_often_as_said_are_calibrated():
    probability = np.repeat([0.25, 0.75], 4)
    came_true = np.array([1, 0, 0, 0, 1, 1, 1, 0])
    assert reliability(probability, came_true).expected_calibration_error == 0


def test_the_error_is_weighted_by_rows():
    # Three rows said 0.9 of which none came true, one row said 0.1 and did not come true.
    binned = reliability(np.array([0.9, 0.9, 0.9, 0.1]), np.zeros(4))
    assert binned.counts.tolist() == [1, 3]
    assert binned.expected_calibration_error == pytest.approx(0.25 * 0.1 + 0.75 * 0.9)


def test_intervals_are_wilsons():
    # 5 of 10: the interval as R's binom::binom.confint(5, 10, methods = "wilson") prints it.
    binned = reliability(np.full(10, 0.55), np.repeat([0, 1], 5))
    assert binned.low[0] == pytest.approx(0.2365931, abs=1e-6)
    assert binned.high[0] == pytest.approx(0.7634069, abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=50))
def test_every_row_lies_in_one_bin_and_every_share_in_its_interval(rows):
    probability, came_true = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    binned = reliability(probability, came_true)
    assert binned.counts.sum() == len(rows)
    assert (binned.low <= binned.observed).all() and (binned.observed <= binned.high).all()
    assert 0 <= binned.expected_calibration_error <= 1
