"""What each kind of target promises: encoding, loss, activation, first bias and decoding that fit."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from common.errors import PodiumError
from common.targets import Binary, Multiclass, Multilabel, Regression, columns_of

BINARY = Binary(negative="cat", positive="dog")
MULTICLASS = Multiclass(("blast", "hispa", "normal"))
MULTILABEL = Multilabel(("clear", "haze", "road"))
CLASSIFIERS = pytest.mark.parametrize("target", [BINARY, MULTICLASS, MULTILABEL], ids=lambda t: type(t).__name__)
TARGETS = pytest.mark.parametrize(
    "target",
    [BINARY, MULTICLASS, MULTILABEL, Regression(), Regression(log=True, scale=2.0)],
    ids=["binary", "multiclass", "multilabel", "regression", "log regression"],
)


def draw(target, random, n):
    """Truth as the target encodes it, and logits (n, outputs)."""
    logits = random.normal(size=(n, len(target.outputs)))
    if isinstance(target, Multiclass):
        return random.integers(0, len(target.classes), n).astype(float), logits
    if isinstance(target, Multilabel):
        return random.integers(0, 2, logits.shape).astype(float), logits
    high = 2 if isinstance(target, Binary) else 60
    return random.integers(0, high, n).astype(float), logits


def loss(target, logits, truth, **keywords):
    return target.loss(torch.tensor(logits), torch.tensor(truth), **keywords).numpy()


def test_binary_encodes_its_positive_class_as_one():
    assert np.array_equal(BINARY.encode(pd.Series(["dog", None, "cat"])), [1, np.nan, 0], equal_nan=True)


@pytest.mark.parametrize("kind", ["str", "object", "string", "category"])
def test_multiclass_encodes_the_position_of_the_class_whatever_the_column_is_made_of(kind):
    values = pd.Series(["normal", None, "blast"], dtype=kind)
    assert np.array_equal(MULTICLASS.encode(values), [2, np.nan, 0], equal_nan=True)


def test_multilabel_encodes_tags_in_any_order_and_an_empty_list_is_not_a_missing_one():
    truth = MULTILABEL.encode(pd.Series(["road clear", "", None]))
    assert np.array_equal(truth, [[1, 0, 1], [0, 0, 0], [np.nan] * 3], equal_nan=True)


def test_tags_may_be_separated_by_what_the_competition_writes():
    target = Multilabel(("partly cloudy", "road"), separator="|")
    assert target.encode(pd.Series(["road|partly cloudy"])).tolist() == [[1, 1]]
    assert target.decode(np.array([[0.9, 0.8]])).tolist() == ["partly cloudy|road"]


def test_regression_reads_numbers_written_as_text():
    assert np.array_equal(Regression().encode(pd.Series(["1.5", None, "-2"])), [1.5, np.nan, -2], equal_nan=True)


def test_regression_refuses_text_by_column_and_value():
    with pytest.raises(PodiumError, match=r"'age' should hold numbers.*'old'"):
        Regression().encode(pd.Series(["45", "old"], name="age"))


@CLASSIFIERS
@pytest.mark.parametrize(("index", "row"), [(["a.jpg", "b.jpg"], "b.jpg"), ([7, 9], "9")])
def test_an_unknown_class_is_named_with_its_row_its_column_and_the_classes(target, index, row):
    values = pd.Series([target.classes[0], "bird"], index=index, name="label")
    with pytest.raises(PodiumError) as raised:
        target.encode(values)
    message = str(raised.value)
    assert f"row {row}, column 'label': 'bird'" in message
    assert ", ".join(target.classes) in message


@CLASSIFIERS
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None, derandomize=True)
def test_decoding_certain_predictions_gives_back_what_was_encoded(target, seed):
    truth, _ = draw(target, np.random.default_rng(seed), 20)
    certain = np.eye(len(target.classes))[truth.astype(int)] if target is MULTICLASS else truth.reshape(20, -1)
    assert np.array_equal(target.encode(pd.Series(target.decode(certain))), truth)


@pytest.mark.parametrize("target", [Regression(), Regression(log=True, scale=0.3)])
@given(numbers=st.lists(st.floats(0, 1e6), min_size=1, max_size=20))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_activating_what_the_loss_wants_gives_back_the_number(target, numbers):
    truth = np.array(numbers)
    wanted = (np.log1p(truth) if target.log else truth) / target.scale
    assert loss(target, wanted[:, None], truth) == pytest.approx(0, abs=1e-12)
    assert target.decode(target.activate(wanted[:, None])) == pytest.approx(truth, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("target", [BINARY, MULTICLASS], ids=["binary", "multiclass"])
def test_the_loss_of_one_true_class_is_the_log_loss_of_the_activation(target):
    truth, logits = draw(target, np.random.default_rng(0), 50)
    expected = log_loss(truth, target.activate(logits).squeeze(), labels=range(len(target.classes)))
    assert loss(target, logits, truth).mean() == pytest.approx(expected)


def test_the_loss_of_a_row_of_tags_is_the_mean_log_loss_of_its_known_tags():
    truth, logits = draw(MULTILABEL, np.random.default_rng(0), 1)
    columns = [log_loss(truth[:, k], MULTILABEL.activate(logits)[:, k], labels=[0, 1]) for k in range(3)]
    assert loss(MULTILABEL, logits, truth)[0] == pytest.approx(np.mean(columns))
    truth[0, 1] = np.nan
    assert loss(MULTILABEL, logits, truth)[0] == pytest.approx((columns[0] + columns[2]) / 2)
    truth[0, 0] = np.nan
    assert loss(MULTILABEL, logits, truth)[0] == pytest.approx(columns[2])


def test_the_loss_of_a_number_is_its_squared_error_in_units_of_the_scale():
    target = Regression(log=True, scale=2.0)
    assert loss(target, [[0.5]], [3.0]) == pytest.approx((0.5 - np.log(4) / 2) ** 2)


@TARGETS
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_row_without_truth_has_no_loss_and_no_gradient(target, smoothing):
    random = np.random.default_rng(1)
    truth, values = draw(target, random, 4)
    truth[2] = np.nan
    logits = torch.tensor(values, requires_grad=True)
    losses = target.loss(logits, torch.tensor(truth), smoothing=smoothing)
    losses.sum().backward()
    assert losses.shape == (4,)
    assert losses[2] == 0 and torch.isfinite(losses).all()
    assert torch.equal(logits.grad.abs().sum(dim=1) > 0, torch.tensor([True, True, False, True]))


@CLASSIFIERS
def test_smoothing_moves_a_share_of_the_truth_to_all_classes(target):
    truth, logits = draw(target, np.random.default_rng(2), 30)
    probability = target.activate(logits)
    if target is MULTICLASS:
        smooth = 0.9 * np.eye(3)[truth.astype(int)] + 0.1 / 3
        expected = -(smooth * np.log(probability)).sum(axis=1)
    else:
        smooth = (0.9 * truth + 0.05).reshape(probability.shape)
        each = smooth * np.log(probability) + (1 - smooth) * np.log(1 - probability)
        expected = -each.mean(axis=1)
    assert loss(target, logits, truth, smoothing=0.1) == pytest.approx(expected)


@CLASSIFIERS
@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([1.0, 1e2, 1e4, 1e30]))
@settings(max_examples=25, deadline=None, derandomize=True)
def test_large_logits_give_finite_losses_and_probabilities(target, seed, size):
    truth, logits = draw(target, np.random.default_rng(seed), 10)
    with np.errstate(all="raise", under="ignore"):
        probability = target.activate((logits * size).astype(np.float32))
    assert np.isfinite(probability).all() and (probability >= 0).all() and (probability <= 1).all()
    assert np.isfinite(loss(target, (logits * size).astype(np.float32), truth.astype(np.float32))).all()
    if target is MULTICLASS:
        assert probability.sum(axis=1) == pytest.approx(1, abs=1e-5)


@CLASSIFIERS
def test_an_untrained_head_starts_at_the_class_shares(target):
    random = np.random.default_rng(3)
    truth = (random.random((5000, 3) if target is MULTILABEL else 5000) < 0.2).astype(float)
    truth[:500] = np.nan
    start = target.activate(target.initial_bias(truth)[None])[0]
    known = truth[500:]
    shares = [(known == 0).mean(), (known == 1).mean(), 0] if target is MULTICLASS else known.mean(axis=0)
    assert start == pytest.approx(np.atleast_1d(shares), abs=1e-3)


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
@CLASSIFIERS
def test_the_first_bias_is_finite_even_where_one_class_is_all_there_is(target, value):
    truth = np.full((6, 3) if target is MULTILABEL else 6, value)
    assert np.isfinite(target.initial_bias(truth)).all()


@pytest.mark.parametrize("target", [Regression(scale=4.0), Regression(log=True, scale=0.5)])
def test_regression_starts_where_its_loss_is_smallest(target):
    truth = np.random.default_rng(4).gamma(2, 10, 200)
    start = target.initial_bias(np.append(truth, np.nan))[0]
    here, below, above = (loss(target, np.full((200, 1), start + step), truth).mean() for step in (0, -0.01, 0.01))
    assert here < below and here < above


@TARGETS
def test_each_output_has_a_column(target):
    columns = columns_of("age", target)
    assert len(columns) == len(target.outputs)
    assert columns == ["age"] if isinstance(target, Regression) else all(c.startswith("age:") for c in columns)


SIGMOIDS = Multiclass(("blast", "hispa", "normal"), sigmoids=True)


def test_with_sigmoids_each_class_is_learned_against_all_others():
    truth, logits = draw(SIGMOIDS, np.random.default_rng(3), 50)
    by_class = [log_loss(truth == k, sigmoid_of(logits[:, k]), labels=[False, True]) for k in range(3)]
    assert loss(SIGMOIDS, logits, truth).mean() == pytest.approx(sum(by_class))
    truth[4] = np.nan
    assert loss(SIGMOIDS, logits, truth)[4] == 0
    assert np.allclose(sigmoid_of(SIGMOIDS.initial_bias(truth)).sum(), 1)


@given(st.lists(st.floats(-40, 40), min_size=3, max_size=3))
def test_nothing_is_the_case_in_which_no_class_holds_out_of_those_with_at_most_one(logits):
    held = sigmoid_of(np.array(logits))
    alone = [np.prod([held[j] if j == k else 1 - held[j] for j in range(3)]) for k in range(3)]
    none = np.prod(1 - held)
    if none + sum(alone) > 1e-200:
        nothing = SIGMOIDS.nothing(np.array([logits]))[0]
        assert nothing == pytest.approx(none / (none + sum(alone)), rel=1e-6, abs=1e-12)


def sigmoid_of(logits):
    return 1 / (1 + np.exp(-logits))
