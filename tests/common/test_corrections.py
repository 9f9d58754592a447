"""Corrections lie over the labels as given, and say which line is wrong."""

import pandas as pd
import pytest

from common.errors import PodiumError
from common.labels.corrections import apply_corrections, read_corrections
from common.targets import Binary, Multilabel, Regression

HEADER = "id,decision,old,new,who,when,note\n"
ANIMAL = Binary("cat", "dog")


def labels(**more: list) -> pd.DataFrame:
    return pd.DataFrame({"id": ["a", "b", "c", "d"], "label": ["cat", "dog", "cat", None], **more})


def corrected(tmp_path, text: str, table: pd.DataFrame | None = None, target=ANIMAL) -> pd.DataFrame:
    path = tmp_path / "corrections.csv"
    path.write_text(HEADER + text)
    table = labels() if table is None else table
    return apply_corrections(table, read_corrections(path), "label", target, "corrections.csv")


def test_each_decision_does_what_it_says(tmp_path):
    given = labels()
    text = "a,relabel,cat,dog,Ann,2026-01-01,looks like one\nb,exclude,dog,,,,\nc,keep,cat,,,,\nd,unsure,,,,,\n"
    result = corrected(tmp_path, text, given)
    assert result["label"].fillna("-").tolist() == ["dog", "dog", "cat", "-"]
    assert result["excluded"].tolist() == [False, True, False, False]
    pd.testing.assert_frame_equal(given, labels())


def test_no_corrections_change_nothing(tmp_path):
    result = corrected(tmp_path, "")
    pd.testing.assert_frame_equal(result.drop(columns="excluded"), labels())
    assert not result["excluded"].any()


def test_a_missing_label_can_be_given(tmp_path):
    assert corrected(tmp_path, "d,relabel,,dog,,,\n")["label"].tolist() == ["cat", "dog", "cat", "dog"]


def test_tags_are_compared_as_sets_and_numbers_as_numbers(tmp_path):
    tags = pd.DataFrame({"id": ["a"], "label": ["haze primary"]})
    result = corrected(tmp_path, "a,relabel,primary haze,primary,,,\n", tags, Multilabel(("haze", "primary")))
    assert result["label"].tolist() == ["primary"]
    numbers = pd.DataFrame({"id": ["a"], "label": [45.0]})
    assert corrected(tmp_path, "a,relabel,45,50,,,\n", numbers, Regression())["label"].tolist() == [50.0]


def test_ids_are_text_as_they_stand_there(tmp_path):
    table = pd.DataFrame({"id": ["007", "NA"], "label": ["cat", "cat"]})
    result = corrected(tmp_path, "007,exclude,cat,,,,\nNA,relabel,cat,dog,,,\n", table)
    assert result["label"].tolist() == ["cat", "dog"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,delete,cat,,,,\n", "line 2, column 'decision': 'delete' is none of keep"),
        ("b,keep,dog,,,,\nz,keep,cat,,,,\n", "line 3, column 'id': 'z'"),
        (",keep,cat,,,,\n", "line 2, column 'id'"),
        ("a,keep,dog,,,,\n", "line 2, column 'old': 'dog'.*as given is 'cat'"),
        ("a,relabel,cow,dog,,,\n", "line 2, column 'old': 'cow' is not a label; known: cat, dog"),
        ("a,relabel,cat,cow,,,\n", "line 2, column 'new': 'cow' is not a label"),
        ("a,relabel,cat,,,,\n", "line 2, column 'new': is empty"),
        ("a,relabel,cat,cat,,,\n", "line 2, column 'new'.*decide 'keep'"),
        ("a,keep,cat,dog,,,\n", "line 2, column 'new': 'dog'"),
        ("a,keep,cat,,,,\na,exclude,cat,,,,\n", "lines 2, 3: different decisions about id 'a'"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, text, message):
    with pytest.raises(PodiumError, match=message):
        corrected(tmp_path, text)


def test_two_people_may_agree(tmp_path):
    assert corrected(tmp_path, "a,exclude,cat,,Ann,,\na,exclude,cat,,Ben,,\n")["excluded"].sum() == 1


@pytest.mark.parametrize("text", ["", "id,decision\na,keep\n", HEADER + "a,keep,cat,,,,,,,\n"])
def test_another_kind_of_file_is_refused(tmp_path, text):
    path = tmp_path / "corrections.csv"
    path.write_text(text)
    with pytest.raises(PodiumError, match=r"corrections\.csv"):
        read_corrections(path)
    with pytest.raises(PodiumError, match="no such file"):
        read_corrections(tmp_path / "other.csv")
