"""Every target gets a score, each over the rows whose truth is known."""

import numpy as np
import pandas as pd
import pytest

from common.competition import Competition
from common.metrics import log_loss
from common.scoring import further_figures
from common.targets import Binary, Multiclass, Multilabel, Regression

COMPETITION = Competition(
    slug="pets",
    title="Pets",
    targets={
        "label": Binary("cat", "dog"),
        "coat": Multiclass(("short", "long", "curly")),
        "marks": Multilabel(("spots", "stripes")),
        "age": Regression(),
    },
    metric=log_loss,
    read_examples=lambda raw: pd.DataFrame(),
    submission=lambda predictions: predictions,
)
TRUTH = {
    "label": np.array([0.0, 1, 1, 0]),
    "coat": np.array([0.0, 2, np.nan, 1]),
    "marks": np.array([[1.0, 0], [np.nan, np.nan], [0, 1], [1, 1]]),
    "age": np.array([3.0, np.nan, 5, np.nan]),
}
PREDICTIONS = {
    "label": np.full((4, 1), 0.5),
    "coat": np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8], [0, 0, 1], [0.5, 0.3, 0.2]]),
    "marks": np.array([[0.9, 0.1], [0.9, 0.9], [0.1, 0.9], [0.9, 0.1]]),
    "age": np.array([[4.0], [9], [5], [9]]),
}


def test_the_kind_of_a_target_says_how_it_is_scored_and_missing_truth_does_not_count():
    found = further_figures(COMPETITION, TRUTH, PREDICTIONS)
    assert {name: (entry["metric"], entry["rows"]) for name, entry in found.items()} == {
        "coat": ("accuracy", 3), "marks": ("f1", 3), "age": ("mae", 2),
    }  # fmt: skip
    assert found["coat"]["score"] == pytest.approx(2 / 3)
    assert found["marks"]["score"] == pytest.approx((1 + 1 + 2 / 3) / 3)
    assert found["age"]["score"] == pytest.approx(0.5)
    assert found["age"]["standard_error"] == pytest.approx(np.std([1, 0], ddof=1) / np.sqrt(2))


def test_targets_that_were_left_out_or_are_never_known_have_no_score():
    unknown = {**TRUTH, "age": np.full(4, np.nan)}
    assert list(further_figures(COMPETITION, unknown, PREDICTIONS, left_out=["coat"])) == ["marks"]


def test_a_single_row_has_a_score_without_an_error():
    one = {**TRUTH, "age": np.array([3.0, np.nan, np.nan, np.nan])}
    age = further_figures(COMPETITION, one, PREDICTIONS)["age"]
    assert (age["score"], age["standard_error"], age["rows"]) == (1.0, None, 1)
