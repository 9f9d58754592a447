"""Ids find their pictures however Kaggle writes them, and labels are read from wherever they are."""

import numpy as np
import pandas as pd
import pytest

from common.errors import PodiumError
from common.layouts import (
    class_columns,
    decoded_column,
    examples_of_folders,
    examples_of_names,
    examples_of_table,
    find_pictures,
    label_in_name,
    rows_to_predict,
)
from common.raw.files import RawFiles
from common.targets import Multiclass, Multilabel, Regression


@pytest.fixture
def raw(tmp_path):
    """A delivery with every kind of name; the pictures are empty, since nobody opens them here."""
    for name in (
        "train/cat/1.jpg",
        "train/cat/2.JPG",
        "train/dog/1.png",
        "train/notes.txt",
        "test/8.jpg",
        "test/9.jpg",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "sample_submission.csv").write_text("id,label\n9,0\n8,0\n")
    return RawFiles(tmp_path)


@pytest.mark.parametrize("id_", ["cat/2.JPG", "cat/2", "2.JPG", "2"])
def test_an_id_is_a_path_or_a_name_with_or_without_suffix(raw, id_):
    assert find_pictures(raw, [id_], "train") == ["train/cat/2.JPG"]


def test_the_longer_way_to_write_an_id_decides(tmp_path):
    for name in ("1.jpg", "a/1.jpg", "b/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_pictures(RawFiles(tmp_path), ["1", "a/1", "1.png"], "") == ["1.jpg", "a/1.jpg", "b/1.png"]


def test_an_id_of_several_pictures_or_of_none_is_refused_by_name(raw):
    with pytest.raises(PodiumError, match="several pictures may be that of id '1' below train"):
        find_pictures(raw, ["2", "1"], "train")
    with pytest.raises(PodiumError, match="no picture of id '7' below test or train"):
        find_pictures(raw, ["8", "7"], "test", "train")


def test_test_rows_are_those_of_the_sample_submission(raw):
    rows = rows_to_predict(raw, "sample_submission.csv", "id", "test")
    assert rows.to_dict(orient="list") == {
        "id": ["9", "8"],
        "part": ["test", "test"],
        "path": ["test/9.jpg", "test/8.jpg"],
    }
    with pytest.raises(PodiumError, match=r"sample_submission\.csv: no column 'image', only id, label"):
        rows_to_predict(raw, "sample_submission.csv", "image", "test")


def test_labels_in_folders(raw):
    examples = examples_of_folders(raw, "train", rows_to_predict(raw, "sample_submission.csv", "id", "test"))
    train = examples[examples["part"] == "train"]
    assert train[["id", "label"]].to_numpy().tolist() == [
        ["cat/1.jpg", "cat"],
        ["cat/2.JPG", "cat"],
        ["dog/1.png", "dog"],
    ]
    assert examples["label"].isna().sum() == 2


def test_labels_in_a_table(raw, tmp_path):
    (tmp_path / "train.csv").write_text("image,kind,age\ndog/1,yes no,7\n2.JPG,,\n")
    examples = examples_of_table(
        RawFiles(tmp_path),
        "train.csv",
        "image",
        {"tags": "kind", "age": "age"},
        "train",
        rows_to_predict(raw, "sample_submission.csv", "id", "test"),
    )
    assert examples["path"].tolist() == ["train/dog/1.png", "train/cat/2.JPG", "test/9.jpg", "test/8.jpg"]
    assert examples["tags"].tolist()[:1] == ["yes no"] and examples["tags"].isna().sum() == 3
    assert examples["age"].tolist()[:1] == ["7"]


def test_labels_in_names(tmp_path):
    for name in ("cat.0.jpg", "dog.11.jpg"):
        (tmp_path / name).touch()
    examples = examples_of_names(RawFiles(tmp_path), "", pd.DataFrame({"id": ["x"], "part": "test", "path": "x"}))
    assert examples["label"].tolist()[:2] == ["cat", "dog"]
    names = ["cat.0", "brown_spot_12", "cat (3)", "b2b-7", "17", "cat", "cat0"]
    assert [label_in_name(name) for name in names] == ["cat", "brown_spot", "cat", "b2b", None, None, "cat"]


def test_submissions_of_class_columns_and_of_one_column():
    index = pd.Index(["1", "2"], name="id")
    predictions = pd.DataFrame({"label:a": [0.9, 0.2], "label:b": [0.1, 0.8], "age": [3.0, 4.0]}, index=index)
    assert class_columns(predictions, "label").columns.tolist() == ["a", "b"]
    kinds = decoded_column(predictions, "label", Multiclass(("a", "b")), "kind")
    assert kinds["kind"].tolist() == ["a", "b"] and kinds.index.tolist() == ["1", "2"]
    assert decoded_column(predictions, "label", Multilabel(("a", "b")), "t")["t"].tolist() == ["a", "b"]
    assert np.array_equal(decoded_column(predictions, "age", Regression(), "years")["years"], [3.0, 4.0])
