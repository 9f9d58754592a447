"""A file of sample weights fits the training rows, or the message says which row it does not fit."""

import pandas as pd
import pytest

from common.errors import PodiumError
from common.labels.sample_weights import read_sample_weights

IDS = ["a", "b", "c"]


def write(path, ids=("c", "a", "b"), weights=(0.0, 1.0, 2.5)):
    pd.DataFrame({"id": list(ids), "weight": list(weights)}).to_parquet(path)
    return path


def test_weights_are_joined_by_id(tmp_path):
    table = read_sample_weights(write(tmp_path / "w.parquet"), IDS)
    assert table["id"].tolist() == IDS and table["weight"].tolist() == [1.0, 2.5, 0.0]


def test_extra_rows_need_no_weight_here(tmp_path):
    path = write(tmp_path / "w.parquet", ("a", "x", "b", "c"), (1, 4, 1, 1))
    table = read_sample_weights(path, IDS, extra_ids=["x", "y"])
    assert table["id"].tolist() == ["a", "b", "c", "x"] and table["weight"].tolist() == [1, 1, 1, 4]


@pytest.mark.parametrize(
    ("ids", "weights", "message"),
    [
        (("a", "b"), (1, 1), r"1 training examples have no weight \(first: 'c'\)"),
        (("a", "b", "c", "d"), (1, 1, 1, 1), "id 'd' is no training example"),
        (("a", "b", "c", "c"), (1, 1, 1, 1), "id 'c' stands there twice"),
        ((1, 2, 3), (1, 1, 1), "id 1 is not text"),
        (IDS, (1, -1, 1), "id 'b' has a weight that is not a number of 0 or more"),
        (IDS, (1, float("nan"), 1), "id 'b' has a weight"),
        (IDS, (1, float("inf"), 1), "id 'b' has a weight"),
        (IDS, (0, 0, 0), "all weights are 0"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, ids, weights, message):
    with pytest.raises(PodiumError, match=f"w.parquet: .*{message}"):
        read_sample_weights(write(tmp_path / "w.parquet", ids, weights), IDS)


def test_a_file_that_is_no_table_of_weights_is_named(tmp_path):
    with pytest.raises(PodiumError, match=r"none\.parquet: no such file"):
        read_sample_weights(tmp_path / "none.parquet", IDS)
    (tmp_path / "text.parquet").write_text("id,weight\n")
    with pytest.raises(PodiumError, match=r"text.parquet: not a Parquet file"):
        read_sample_weights(tmp_path / "text.parquet", IDS)
    pd.DataFrame({"id": IDS, "weights": 1.0}).to_parquet(tmp_path / "w.parquet")
    with pytest.raises(PodiumError, match=r"the columns are \['id', 'weights'\]; expected \['id', 'weight'\]"):
        read_sample_weights(tmp_path / "w.parquet", IDS)
