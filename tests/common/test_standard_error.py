"""The standard error of a score against what happens when the examples are drawn again and again."""

import math

import numpy as np
import pytest
from sklearn.metrics import log_loss as sklearn_log_loss

from common.errors import PodiumError
from common.metrics import Metric, accuracy, auc, log_loss, mae, rmse
from common.standard_error import paired_standard_error, standard_error


def rows(random, groups, rows_a_group, shared):
    """Binary truth and P; a part `shared` of what makes a row hard is common to its group. And the groups."""
    group = np.repeat(np.arange(groups), rows_a_group)
    hardness = np.sqrt(shared) * random.normal(size=groups)[group]
    hardness += np.sqrt(1 - shared) * random.normal(size=len(group))
    truth = (np.arange(len(group)) % 2).astype(float)
    right = 1 / (1 + np.exp(-(1 + hardness)))
    return truth, np.where(truth == 1, right, 1 - right), group


def repeated(draw, error, score, times):
    """The standard deviation of the score, the mean estimate of it, and the share of intervals that hold."""
    scores, errors = np.empty(times), np.empty(times)
    for time in range(times):
        data = draw(np.random.default_rng(time))
        scores[time], errors[time] = score(*data), error(*data)
    covered = np.abs(scores - scores.mean()) < 1.96 * errors
    return scores.std(), errors.mean(), covered.mean()


@pytest.mark.parametrize("metric", [log_loss, auc, rmse], ids=lambda metric: metric.name)
@pytest.mark.parametrize(("rows_a_group", "shared"), [(1, 0.0), (4, 0.9)], ids=["rows", "groups"])
def test_95_percent_intervals_hold_the_mean_score_as_often_as_they_say(metric, rows_a_group, shared):
    spread, error, coverage = repeated(
        lambda random: rows(random, 120, rows_a_group, shared),
        lambda truth, prediction, group: standard_error(metric, truth, prediction, group, resamples=60),
        lambda truth, prediction, group: metric(truth, prediction),
        times=300,
    )
    assert error == pytest.approx(spread, rel=0.12)
    assert 0.91 < coverage < 0.98


@pytest.mark.parametrize("metric", [log_loss, rmse], ids=lambda metric: metric.name)
def test_ignoring_the_groups_makes_the_error_too_small(metric):
    truth, prediction, group = rows(np.random.default_rng(0), 200, 8, shared=0.9)
    alone, together = (standard_error(metric, truth, prediction, groups) for groups in (None, group))
    assert together > 2 * alone


def test_the_error_of_a_mean_is_the_deviation_over_the_root_of_n():
    truth, prediction, _ = rows(np.random.default_rng(0), 50, 1, 0)
    values = [sklearn_log_loss([t], [p], labels=[0, 1]) for t, p in zip(truth, prediction, strict=True)]
    assert standard_error(log_loss, truth, prediction) == pytest.approx(np.std(values, ddof=1) / math.sqrt(50))


def test_rows_that_are_copied_whole_groups_at_a_time_add_no_certainty():
    truth, prediction, _ = rows(np.random.default_rng(1), 80, 1, 0)
    once = standard_error(log_loss, truth, prediction)
    five_times = standard_error(log_loss, np.tile(truth, 5), np.tile(prediction, 5), groups=np.tile(np.arange(80), 5))
    assert five_times == pytest.approx(once)


def test_the_bootstrap_draws_whole_groups_as_many_as_there_are():
    sizes = np.array([3, 1, 6, 2, 9])
    group = np.random.default_rng(0).permutation(np.repeat(np.arange(5), sizes))
    drawn = []

    def score(truth, prediction):
        drawn.append(np.bincount(prediction.astype(int), minlength=5) / sizes)
        return 0.0

    standard_error(Metric("whole", "minimize", score), np.zeros(21), group, group, resamples=50)
    times = np.array(drawn)
    assert np.array_equal(times, np.rint(times)) and (times.sum(axis=1) == 5).all()
    assert times.mean(axis=0) == pytest.approx(1, abs=0.45)


def test_groups_may_be_named_by_text_and_stand_in_any_order():
    truth, prediction, group = rows(np.random.default_rng(2), 40, 3, 0.5)
    names = np.array([f"patient {number}" for number in group], dtype=object)
    order = np.random.default_rng(0).permutation(len(group))
    assert standard_error(mae, truth[order], prediction[order], names[order]) == pytest.approx(
        standard_error(mae, truth, prediction, group)
    )


@pytest.mark.parametrize("metric", [mae, rmse], ids=lambda metric: metric.name)
def test_rows_without_truth_do_not_count(metric):
    truth, prediction, group = rows(np.random.default_rng(3), 30, 2, 0.5)
    error = standard_error(metric, truth, prediction, group)
    longer = standard_error(
        metric, np.append(truth, [np.nan] * 9), np.append(prediction, [0.5] * 9), np.append(group, range(9))
    )
    assert longer == error


def test_the_bootstrap_depends_on_the_seed_alone():
    truth, prediction, _ = rows(np.random.default_rng(4), 100, 1, 0)
    first = standard_error(auc, truth, prediction, seed=1)
    np.random.seed(0)
    assert standard_error(auc, truth, prediction, seed=1) == first
    assert standard_error(auc, truth, prediction, seed=2) != first


def test_many_rows_are_drawn_in_part_and_the_error_is_scaled_to_all():
    random = np.random.default_rng(5)
    truth, prediction = random.normal(size=400_000), np.zeros(400_000)
    # Of normal errors, the root mean square of n has the standard deviation 1 / sqrt(2 n).
    assert standard_error(rmse, truth, prediction) == pytest.approx(1 / math.sqrt(800_000), rel=0.15)


@pytest.mark.parametrize("metric", [log_loss, accuracy, rmse], ids=lambda metric: metric.name)
def test_the_paired_error_is_that_of_the_difference(metric):
    def draw(random):
        truth, first, group = rows(random, 100, 2, 0.7)
        logit = np.log(first / (1 - first)) + random.normal(scale=0.5, size=len(truth))
        return truth, first, 1 / (1 + np.exp(-logit)), group

    spread, error, coverage = repeated(
        draw,
        lambda truth, first, second, group: paired_standard_error(metric, truth, first, second, group),
        lambda truth, first, second, group: metric(truth, first) - metric(truth, second),
        times=200,
    )
    assert error == pytest.approx(spread, rel=0.15)
    assert 0.9 < coverage < 0.99


@pytest.mark.parametrize("metric", [log_loss, rmse], ids=lambda metric: metric.name)
def test_two_equal_predictions_differ_by_nothing(metric):
    truth, prediction, _ = rows(np.random.default_rng(6), 50, 1, 0)
    assert paired_standard_error(metric, truth, prediction, prediction) == 0


@pytest.mark.parametrize("metric", [mae, rmse], ids=lambda metric: metric.name)
def test_one_group_alone_has_no_error(metric):
    assert math.isnan(standard_error(metric, np.array([1.0, 2.0]), np.zeros(2), groups=["a", "a"]))


def test_a_row_without_group_and_a_wrong_number_of_groups_are_refused():
    truth, prediction = np.array([1.0, 0.0]), np.array([0.4, 0.6])
    with pytest.raises(PodiumError, match="row 1 has no group"):
        standard_error(mae, truth, prediction, groups=["a", None])
    with pytest.raises(PodiumError, match="3 groups for 2 rows"):
        standard_error(mae, truth, prediction, groups=["a", "b", "c"])
