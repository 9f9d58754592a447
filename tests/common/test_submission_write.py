"""The submission repeats the sample's ids and columns; every check can fail."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from common.competition import Competition
from common.errors import PodiumError
from common.layouts import decoded_column
from common.metrics import log_loss
from common.predictions import make_table
from common.submission.write import _compared, check_submission, write_submission
from common.targets import Binary, Multiclass, Multilabel

PETS = Competition(
    slug="pets",
    title="Pets",
    targets={"label": Binary("cat", "dog")},
    metric=log_loss,
    read_examples=lambda raw: pd.DataFrame(),
    submission=lambda table: table[["label:dog"]].rename(columns={"label:dog": "label"}),
)


def competition(targets):
    """Any competition with these targets, whose predictions are handed in as they are."""
    return Competition("any", "Any", targets, log_loss, lambda raw: pd.DataFrame(), lambda table: table)


def deciding(**target):
    """A competition that hands in the classes or tags of its target."""
    ((name, one),) = target.items()
    return replace(competition(target), submission=lambda table: decoded_column(table, name, one, name))


SAMPLE = pd.DataFrame({"id": ["10", "2", "1"], "label": ["0.5"] * 3})


def predictions(ids=("1", "2", "10"), values=(0.1, 0.25, 1 / 3)):
    return make_table(ids, "blend", {"label": np.array(values)[:, None]}, PETS.targets)


def failed(path, sample=SAMPLE, competition=PETS):
    return {check.name for check in check_submission(path, competition, sample) if not check.ok}


def test_rows_stand_in_the_order_of_the_sample(tmp_path):
    write_submission(tmp_path / "submission.csv", PETS, predictions(), SAMPLE)
    assert (tmp_path / "submission.csv").read_text() == "id,label\n10,0.3333333\n2,0.25\n1,0.1\n"
    assert failed(tmp_path / "submission.csv") == set()


def test_an_id_without_a_prediction_is_named(tmp_path):
    with pytest.raises(PodiumError, match=r"1 ids without a prediction \(first: '10'\)"):
        write_submission(tmp_path / "submission.csv", PETS, predictions(("1", "2"), (0.1, 0.2)), SAMPLE)


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("id,prediction\n10,0.1\n2,0.2\n1,0.3\n", "columns"),
        ("id,label\n2,0.1\n10,0.2\n1,0.3\n", "ids"),
        ("id,label\n10,0.1\n2,0.2\n", "ids"),
        ("id,label\n10,0.1\n2,\n1,0.3\n", "no missing value"),
        ("id,label\n10,0.1\n2,nan\n1,0.3\n", "finite numbers"),
        ("id,label\n10,0.1\n2,1.2\n1,0.3\n", "probabilities"),
        ("id,label\n10,0.5\n2,0.5\n1,0.5\n", "not constant"),
    ],
)
def test_what_kaggle_would_refuse_or_score_badly_is_found(tmp_path, text, check):
    (tmp_path / "submission.csv").write_text(text)
    assert check in failed(tmp_path / "submission.csv")


def test_rows_of_a_multiclass_submission_sum_to_one(tmp_path):
    classes = ("akita", "beagle")
    breeds = Competition(
        "breeds", "Breeds", {"breed": Multiclass(classes)}, log_loss, lambda raw: pd.DataFrame(), lambda table: table
    )
    sample = pd.DataFrame({"id": ["a", "b"], "akita": ["0.5"] * 2, "beagle": ["0.5"] * 2})
    (tmp_path / "good.csv").write_text("id,akita,beagle\na,0.3,0.7\nb,0.9,0.1\n")
    (tmp_path / "bad.csv").write_text("id,akita,beagle\na,0.3,0.7\nb,0.9,0.2\n")
    assert failed(tmp_path / "good.csv", sample, breeds) == set()
    assert failed(tmp_path / "bad.csv", sample, breeds) == {"rows sum to 1"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["akita", "beagle"], set()),
        (["akita", "akita"], {"not constant"}),
        (["akita", "dunno"], {"known labels"}),
        (["akita", ""], {"no missing value"}),
    ],
)
def test_labels_are_known_and_not_all_the_same(tmp_path, values, expected):
    breeds = deciding(breed=Multiclass(("akita", "beagle")))
    sample = pd.DataFrame({"id": ["a", "b"], "breed": ["akita", "akita"]})
    pd.DataFrame({"id": ["a", "b"], "breed": values}).to_csv(tmp_path / "labels.csv", index=False)
    assert failed(tmp_path / "labels.csv", sample, breeds) == expected


def test_tags_are_looked_up_one_by_one(tmp_path):
    weather = deciding(tags=Multilabel(("clear", "haze")))
    sample = pd.DataFrame({"id": ["a", "b"], "tags": ["clear", "clear"]})
    (tmp_path / "good.csv").write_text("id,tags\na,clear haze \nb,haze\n")
    (tmp_path / "bad.csv").write_text("id,tags\na,clear fog\nb,haze\n")
    assert failed(tmp_path / "good.csv", sample, weather) == set()
    assert failed(tmp_path / "bad.csv", sample, weather) == {"known labels"}


def test_of_many_columns_only_what_differs_is_named():
    wanted = pd.Index(["id", *(f"breed {number}" for number in range(120))])
    assert _compared(wanted, wanted) == "121, those of the sample"
    assert _compared(wanted[::-1], wanted) == "another order than the sample's"
    assert _compared(wanted[:-1], wanted) == "1 missing (first: ['breed 119']), 0 not in the sample (first: [])"
    assert _compared(wanted[:2], wanted[:2]) == "['id', 'breed 0'], sample ['id', 'breed 0']"
