"""The prediction store: what goes in comes out, keyed by id and class, and nothing else goes in."""

import numpy as np
import pandas as pd
import pytest

from common.errors import PodiumError
from common.predictions import (
    align,
    make_table,
    prediction_columns,
    read_predictions,
    read_provenance,
    validate_predictions,
    write_predictions,
)
from common.targets import Binary, Multiclass, Regression

TARGETS = {
    "label": Multiclass(("blast", "hispa", "normal")),
    "ripe": Binary("no", "yes"),
    "age": Regression(),
}
IDS = ["1", "10", "2", "03"]


def table(view="plain", ids=IDS):
    random = np.random.default_rng(0)
    label = random.dirichlet(np.ones(3), len(ids))
    numbers = {
        "label": label,
        "ripe": random.random((len(ids), 1)),
        "age": random.normal(50, 9, (len(ids), 1)),
    }
    return make_table(ids, view, numbers, TARGETS)


def test_columns_are_named_by_target_and_class():
    expected = ["label:blast", "label:hispa", "label:normal", "ripe:yes", "age"]
    assert prediction_columns(TARGETS) == expected
    assert list(table().columns) == ["id", "view", *expected]


def test_a_table_comes_back_exactly_with_its_provenance_in_the_order_asked_for(tmp_path):
    path, plain = tmp_path / "oof.parquet", table()
    provenance = {"model": "small", "folds": [0, 1], "weights": {"0": "ab12"}}
    write_predictions(path, pd.concat([table("tta"), plain]), TARGETS, provenance)
    read = read_predictions(path, TARGETS, view="plain", ids=IDS)
    pd.testing.assert_frame_equal(read, plain.astype({"id": object, "view": object}))
    assert read_provenance(path) == provenance
    assert len(read_predictions(path, TARGETS)) == 2 * len(IDS)


def test_equal_tables_in_another_row_order_are_equal_bytes(tmp_path):
    whole = pd.concat([table("plain"), table("tta")])
    variants = [whole, whole.iloc[::-1], whole.astype({"id": "string"}).sample(frac=1, random_state=0)]
    for number, variant in enumerate(variants):
        provenance = {"b": 1, "a": 2} if number else {"a": 2, "b": 1}
        write_predictions(tmp_path / f"{number}.parquet", variant, TARGETS, provenance)
    first, *others = [(tmp_path / f"{number}.parquet").read_bytes() for number in range(len(variants))]
    assert all(other == first for other in others)


def test_numbers_of_float32_are_kept_as_float64(tmp_path):
    target, numbers = {"age": Regression()}, np.array([[0.1], [0.7]], dtype=np.float32)
    write_predictions(tmp_path / "p.parquet", make_table(["a", "b"], "plain", {"age": numbers}, target), target, {})
    read = read_predictions(tmp_path / "p.parquet", target)["age"]
    assert read.dtype == np.float64 and np.array_equal(read, numbers[:, 0])


def changed(column, value, row=2):
    given = table()
    given[column] = given[column].astype(object)
    given.loc[row, column] = value
    return given.infer_objects()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (table().drop(columns="label:hispa"), r"missing \['label:hispa'\]"),
        (table().assign(extra=1.0), r"not expected \['extra'\]"),
        (table().iloc[:, ::-1], "another order"),
        (table("fancy"), "unknown view 'fancy'"),
        (table(ids=[1, 2, 3, 4]), "ids must be text"),
        (changed("id", "1"), "id '1' stands there twice"),
        (changed("id", "1").set_index(pd.Index([3, 2, 1, 0])), "id '1' stands there twice"),
        (changed("age", np.nan), r"'age' is not finite for 1 rows \(first: id '2'\)"),
        (changed("age", np.inf), "'age' is not finite"),
        (changed("age", "old"), "column 'age' holds no numbers"),
        (changed("ripe:yes", 1.2), r"'ripe' is no probability \(outside 0..1\)"),
        (changed("ripe:yes", -0.1), "'ripe' is no probability"),
        (changed("label:blast", 0.999), "probabilities of 'label' do not sum to 1"),
    ],
)
def test_a_table_that_holds_no_predictions_is_refused_and_nothing_is_written(tmp_path, wrong, message):
    path = tmp_path / "oof.parquet"
    with pytest.raises(PodiumError, match=message) as raised:
        write_predictions(path, wrong, TARGETS, {})
    assert str(path) in str(raised.value)
    assert not list(tmp_path.iterdir())


def test_one_id_may_stand_in_two_views():
    validate_predictions(pd.concat([table("plain"), table("tta")]), TARGETS, "here")


def test_align_names_the_first_ids_that_differ():
    ids = [f"{number}" for number in range(10)]
    with pytest.raises(PodiumError) as raised:
        align(table(ids=[*ids, "x", "y"]), ["a", "b", "c", "d", *ids], "oof.parquet")
    message = str(raised.value)
    assert message.startswith("oof.parquet: 4 ids are missing (first: 'a', 'b', 'c')")
    assert "2 ids should not be there (first: 'x', 'y')" in message


def test_align_refuses_ids_that_stand_twice():
    with pytest.raises(PodiumError, match="id '2' stands among the rows that are asked for twice"):
        align(table(), [*IDS, "2"], "oof.parquet")
    with pytest.raises(PodiumError, match="id '1' stands in the table twice"):
        align(pd.concat([table("plain"), table("tta")]), IDS, "oof.parquet")


def test_text_that_looks_like_a_number_stays_the_text_it_is(tmp_path):
    write_predictions(tmp_path / "p.parquet", table(), TARGETS, {})
    assert sorted(read_predictions(tmp_path / "p.parquet", TARGETS)["id"]) == sorted(IDS)
    with pytest.raises(PodiumError, match="first: '3'"):
        read_predictions(tmp_path / "p.parquet", TARGETS, ids=["1", "10", "2", "3"])


def test_a_file_that_is_missing_cut_short_or_without_the_view_is_named(tmp_path):
    path = tmp_path / "oof.parquet"
    with pytest.raises(PodiumError, match=r"oof\.parquet: no such prediction file"):
        read_predictions(path, TARGETS)
    write_predictions(path, table(), TARGETS, {})
    with pytest.raises(PodiumError, match="no predictions of the view 'tta'"):
        read_predictions(path, TARGETS, view="tta")
    with pytest.raises(PodiumError, match="columns are not those"):
        read_predictions(path, {"age": Regression()})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(PodiumError, match="not a whole Parquet file"):
        read_predictions(path, TARGETS)
