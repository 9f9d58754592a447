"""Weights of targets: as the recipe says, 1 where it says nothing, and refused where they mean nothing."""

import pytest

from common.errors import UsageError
from common.options import parse
from common.targets import Binary, Regression
from common.training.options import ModelOptions
from common.training.target_weights import weights_of_targets

TARGETS = {"label": Binary("no", "yes"), "variety": Binary("a", "b"), "age": Regression()}
GIVEN = {
    "architecture": "resnet18", "weights": "none", "image_size_px": 32, "epochs": 1, "learning_rate": 1e-3,
    "effective_batch_size": 8,
}  # fmt: skip


def options(**weights: float) -> ModelOptions:
    return parse(ModelOptions, {**GIVEN, "target_weights": weights}, "recipe")


def test_an_unlisted_target_weighs_one():
    assert weights_of_targets(options(age=0.2, variety=0), TARGETS) == {"label": 1.0, "variety": 0.0, "age": 0.2}


def test_a_target_that_the_competition_lacks_is_an_error_that_names_the_nearest():
    with pytest.raises(UsageError, match="no target 'varety'; did you mean 'variety'"):
        weights_of_targets(options(varety=1), TARGETS)


def test_the_scored_target_cannot_be_left_out():
    with pytest.raises(UsageError, match="label: 0 leaves out the target that the metric scores"):
        weights_of_targets(options(label=0), TARGETS)


@pytest.mark.parametrize("weight", [-0.1, float("inf"), float("nan")])
def test_a_weight_is_a_number_of_zero_or_more(weight):
    with pytest.raises(UsageError, match="target_weights: age: a weight is a number of 0 or more"):
        options(age=weight)
