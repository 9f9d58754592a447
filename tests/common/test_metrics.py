"""The laws that all metrics keep, and what each does at its edges."""

import math
import pickle

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from common import metrics
from common.errors import PodiumError
from common.metrics import Metric, mean_over_rows
from tests.common.metric_data import binary, multiclass, multilabel, numbers, ratings

LAW = settings(max_examples=40, deadline=None, derandomize=True)


# Metric, how its data are drawn, its lowest and its highest value.
ALL = [
    (metrics.log_loss, binary, 0, 35),
    (metrics.log_loss, multiclass, 0, 35),
    (metrics.multilabel_log_loss, multilabel, 0, 35),
    (metrics.accuracy, binary, 0, 1),
    (metrics.accuracy, multiclass, 0, 1),
    (metrics.fbeta(2), multilabel, 0, 1),
    (metrics.fbeta(0.5), multilabel, 0, 1),
    (metrics.macro_f1, binary, 0, 1),
    (metrics.macro_f1, multiclass, 0, 1),
    (metrics.mcc, binary, -1, 1),
    (metrics.mcc, multiclass, -1, 1),
    (metrics.auc, binary, 0, 1),
    (metrics.quadratic_weighted_kappa, multiclass, -1, 1),
    (metrics.quadratic_weighted_kappa, ratings, -1, 1),
    (metrics.map_at_k(3), multiclass, 0, 1),
    (metrics.mae, numbers, 0, 50),
    (metrics.rmse, numbers, 0, 50),
    (metrics.rmsle, numbers, 0, math.log(51)),
    (metrics.rmspe, numbers, 0, 50),
]
every_metric = pytest.mark.parametrize(
    ("metric", "draw", "lowest", "highest"), ALL, ids=[f"{case[0].name}-{case[1].__name__}" for case in ALL]
)
drawn = given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60))


def perfect(truth, prediction):
    """The prediction of one who knows `truth`, shaped like `prediction`."""
    if truth.shape == prediction.shape:
        return truth
    return np.eye(prediction.shape[1])[truth.astype(int)]


@every_metric
@drawn
@LAW
def test_a_score_lies_within_its_bounds_and_none_is_better_than_the_perfect_prediction(
    metric, draw, lowest, highest, seed, n
):
    truth, prediction = draw(np.random.default_rng(seed), n)
    score, best = metric(truth, prediction), metric(truth, perfect(truth, prediction))
    assume(not math.isnan(best))
    assert lowest - 1e-9 <= score <= highest + 1e-9
    if metric.name != "mcc" or len(np.unique(truth)) > 1:  # with one class alone it is 0 by definition
        assert best == pytest.approx(lowest if metric.direction == "minimize" else highest, abs=1e-12)


@every_metric
@drawn
@LAW
def test_the_order_of_the_rows_does_not_matter(metric, draw, lowest, highest, seed, n):
    random = np.random.default_rng(seed)
    truth, prediction = draw(random, n)
    order = random.permutation(n)
    assert metric(truth[order], prediction[order]) == pytest.approx(metric(truth, prediction), nan_ok=True)


@every_metric
@drawn
@LAW
def test_rows_without_truth_do_not_count(metric, draw, lowest, highest, seed, n):
    random = np.random.default_rng(seed)
    truth, prediction = draw(random, n)
    score = metric(truth, prediction)
    unknown = draw(random, 7)
    missing = np.full_like(unknown[0], np.nan)
    place = random.permutation(n + 7)
    assert metric(
        np.concatenate([truth, missing])[place], np.concatenate([prediction, unknown[1]])[place]
    ) == pytest.approx(score, nan_ok=True)


@pytest.mark.parametrize(
    ("metric", "draw"), [(case[0], case[1]) for case in ALL if case[0].per_row], ids=lambda x: str(x)[:24]
)
@drawn
@LAW
def test_the_score_is_the_mean_of_its_row_values(metric, draw, seed, n):
    truth, prediction = draw(np.random.default_rng(seed), n)
    values = metric.per_row(truth, prediction)
    assert values.shape == (n,)
    assert metric(truth, prediction) == pytest.approx(values.mean())


def test_a_row_of_tags_counts_only_when_all_of_them_are_known():
    truth = np.array([[1.0, 0.0], [1.0, np.nan]])
    assert metrics.fbeta(2)(truth, np.array([[0.9, 0.1], [0.1, 0.9]])) == 1.0


def test_roots_of_means_do_not_pretend_to_be_means():
    assert all(m.per_row is None for m in (metrics.rmse, metrics.rmsle, metrics.rmspe, metrics.auc, metrics.mcc))


def test_log_loss_is_clipped_as_kaggle_clips_it_also_for_float32():
    wrong = np.array([0.0, 1.0], dtype=np.float32)
    assert metrics.log_loss(np.array([1.0, 0.0]), wrong) == pytest.approx(-math.log(1e-15))
    assert metrics.log_loss(np.array([1.0]), np.zeros((1, 3))) == pytest.approx(-math.log(1e-15))


def test_multiclass_rows_are_rescaled_before_the_log():
    assert metrics.log_loss(np.array([1.0]), np.array([[1.0, 3.0]])) == pytest.approx(-math.log(0.75))


def test_a_row_with_neither_true_nor_predicted_tags_scores_one():
    truth = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    prediction = np.array([[0.1, 0.5], [0.2, 0.1], [0.9, 0.1]])
    assert metrics.fbeta(2).per_row(truth, prediction).tolist() == [1.0, 0.0, 0.0]


def test_tied_scores_count_half_in_auc_and_one_class_alone_has_none():
    assert metrics.auc(np.array([0.0, 1, 0, 1]), np.full(4, 0.3)) == 0.5
    assert math.isnan(metrics.auc(np.ones(3), np.array([0.1, 0.2, 0.3])))


def test_rows_of_truth_zero_are_left_out_of_rmspe():
    assert metrics.rmspe(np.array([0.0, 10.0]), np.array([99.0, 5.0])) == 0.5
    assert math.isnan(metrics.rmspe(np.zeros(2), np.ones(2)))


def test_rmsle_refuses_numbers_without_a_logarithm():
    with pytest.raises(PodiumError, match=r"-1\.5 has no log"):
        metrics.rmsle(np.array([1.0, 2.0]), np.array([3.0, -1.5]))


def test_the_first_of_one_ranked_class_is_the_decision():
    truth, prediction = multiclass(np.random.default_rng(0), 200)
    assert metrics.map_at_k(1)(truth, prediction) == metrics.accuracy(truth, prediction)


@pytest.mark.parametrize(("direction", "better", "worse"), [("minimize", 0.1, 0.2), ("maximize", 0.2, 0.1)])
def test_better_goes_the_way_that_the_metric_declares(direction, better, worse):
    metric = Metric("any", direction, lambda truth, prediction: 0.0)
    assert metric.better(better, worse)
    assert not metric.better(worse, better)
    assert not metric.better(better, better)
    assert metric.better(worse, float("nan"))
    assert not metric.better(float("nan"), worse)


def test_an_unknown_direction_is_refused():
    with pytest.raises(PodiumError, match="'down' is not minimize or maximize"):
        Metric("mine", "down", lambda truth, prediction: 0.0)


@pytest.mark.parametrize(
    ("truth", "prediction"),
    [
        (np.zeros(3), np.zeros(2)),
        (np.zeros(3), np.zeros((3, 1))),
        (np.zeros((3, 1)), np.zeros(3)),
        (np.zeros((3, 2)), np.zeros((3, 4))),
    ],
    ids=["lengths", "column for a row", "row for a column", "classes"],
)
def test_shapes_that_numpy_would_stretch_are_refused(truth, prediction):
    with pytest.raises(PodiumError, match="do not fit"):
        metrics.rmse(truth, prediction)


def test_a_prediction_that_is_nan_is_refused_by_its_row():
    with pytest.raises(PodiumError, match="row 1 is NaN"):
        metrics.accuracy(np.zeros(3), np.array([0.0, np.nan, 0.0]))


def test_no_known_truth_at_all_is_an_error():
    with pytest.raises(PodiumError, match="none of the 4 rows"):
        metrics.mae(np.full(4, np.nan), np.zeros(4))


def test_ready_metrics_can_be_sent_to_another_process():
    truth, prediction = multilabel(np.random.default_rng(0), 20)
    metric = metrics.fbeta(2)
    assert pickle.loads(pickle.dumps(metric))(truth, prediction) == metric(truth, prediction)


def test_a_metric_of_ones_own_is_a_few_lines_of_a_competition():
    def pinball_rows(truth, prediction):
        """Loss of the 90 % quantile."""
        return np.maximum(0.9 * (truth - prediction), 0.1 * (prediction - truth))

    pinball = mean_over_rows("pinball_90", "minimize", pinball_rows)

    truth, prediction = np.array([10.0, np.nan, 10.0]), np.array([8.0, 7.0, 12.0])
    assert pinball(truth, prediction) == pytest.approx((0.9 * 2 + 0.1 * 2) / 2)
    assert pinball.better(0.5, 1.0)
