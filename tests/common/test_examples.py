"""What a competition gives as its examples is checked before any picture is opened."""

import pandas as pd
import pytest

from common.errors import PodiumError
from common.images.examples import check_examples
from common.targets import Binary, Regression

TARGETS = {"label": Binary("cat", "dog"), "age": Regression()}
NAMES = ["a.jpg", "b.jpg", "c.jpg"]


def table(**columns: list) -> pd.DataFrame:
    good = {
        "path": NAMES,
        "id": ["2", "10", "10"],
        "part": ["train", "train", "test"],
        "label": ["dog", "cat", None],
        "age": [3.0, None, None],
    }
    return pd.DataFrame(good | columns)


def checked(**columns: list) -> pd.DataFrame:
    return check_examples(table(**columns), TARGETS, NAMES, "competition.py")


def test_a_good_table_is_sorted_by_part_and_id_as_text():
    result = checked(group=["x", "y", None], bands=["BGRN"] * 3)
    assert list(result.columns) == ["id", "part", "path", "label", "age", "group", "bands"]
    assert result["path"].tolist() == ["c.jpg", "b.jpg", "a.jpg"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"id": [2, 10, 10]}, r"an id is not text \(3 rows, first: train id"),
        ({"id": ["2", "2", "10"]}, "stands there twice .*train id '2'"),
        ({"path": ["a.jpg", "z.jpg", "c.jpg"]}, "not among the raw files .*train id '10'"),
        ({"label": ["dog", None, None]}, "no target .*train id '10'"),
        ({"label": ["dog", "cow", None]}, "10.*, column 'label': 'cow'"),
        ({"part": ["train", "train", "valid"]}, "no test row"),
        ({"part": ["train", "test", "valid"]}, "the part 'valid'"),
        ({"more": [1, 2, 3]}, "more"),
    ],
)
def test_the_first_bad_id_is_named(columns, message):
    with pytest.raises(PodiumError, match=message):
        checked(**columns)
