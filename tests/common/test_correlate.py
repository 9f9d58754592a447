"""Comparing two submissions by id, whatever their format; what is wrong with one that cannot be compared."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from common.errors import PodiumError, UsageError
from common.submission.correlate import correlate

ROSSMANN = Path(__file__).resolve().parents[3] / "shared" / "data" / "rossmann_kaggle_test"


def write(path, text):
    path.write_text(text)
    return path


@pytest.fixture
def files(tmp_path):
    """Write two tables; return their paths."""

    def written(new, known):
        paths = tmp_path / "new.csv", tmp_path / "known.csv"
        for path, table in zip(paths, (new, known), strict=True):
            pd.DataFrame(table).to_csv(path, index=False)
        return paths

    return written


def numbers(rows=200, seed=0, noise=0.0):
    rng = np.random.default_rng(seed)
    values = rng.random((rows, 2))
    values = values + noise * np.random.default_rng(seed + 1).normal(size=values.shape)
    return pd.DataFrame(values, columns=["a", "b"]).assign(id=[f"x{i}" for i in range(rows)])[["id", "a", "b"]]


def test_numbers_give_pearson_and_spearman_as_scipy_computes_them(files):
    new, known = numbers(noise=0.05).round(1), numbers().round(1)  # with ties
    found = correlate(*files(new, known))
    assert found.kind == "numbers" and found.rows == 200 and found.ok and found.diagnosis == "ok"
    assert found.correlation == pytest.approx(np.corrcoef(new[["a", "b"]].stack(), known[["a", "b"]].stack())[0, 1])
    assert found.spearman == pytest.approx(stats.spearmanr(new[["a", "b"]].stack(), known[["a", "b"]].stack())[0])
    for column in ("a", "b"):
        assert found.per_column[column]["pearson"] == pytest.approx(np.corrcoef(new[column], known[column])[0, 1])
        assert found.per_column[column]["spearman"] == pytest.approx(stats.spearmanr(new[column], known[column])[0])


def test_labels_give_agreement_and_cramers_v(files):
    rng = np.random.default_rng(0)
    labels = rng.choice(["cat", "dog", "hen"], size=300)
    other = np.where(rng.random(300) < 0.05, rng.choice(["cat", "dog", "hen"], size=300), labels)
    found = correlate(*files({"id": range(300), "label": other}, {"id": range(300), "label": labels}))
    assert found.kind == "labels" and found.ok and found.spearman is None
    assert found.correlation == (labels == other).mean()
    table = pd.crosstab(pd.Series(other), pd.Series(labels)).to_numpy()
    expected = stats.contingency.association(table, method="cramer")
    assert found.per_column["label"] == {"agreement": found.correlation, "cramers_v": pytest.approx(expected)}


def test_tag_lists_give_the_mean_jaccard_index_whatever_the_order_of_tags(tmp_path):
    new = write(tmp_path / "new.csv", "id,tags\n1,clear primary\n2,primary water\n3,\n4,haze\n")
    known = write(tmp_path / "known.csv", "id,tags\n4,haze \n1,primary clear \n2,primary road water \n3,\n")
    found = correlate(new, known, minimum=0.5)
    assert found.kind == "tags"
    assert found.correlation == pytest.approx((1 + 2 / 3 + 1 + 1) / 4)
    assert found.per_column == {"tags": {"mean_jaccard": found.correlation}}


def test_numbered_tags_are_no_numbers(tmp_path):
    new = write(tmp_path / "new.csv", "SOPInstanceUID,Target\n1.2.3,0 \n1.2.4,15 \n")
    known = write(tmp_path / "known.csv", "SOPInstanceUID,Target\n1.2.3,0 \n1.2.4,3 15 \n")
    found = correlate(new, known, minimum=0.5)
    assert (found.kind, found.correlation) == ("tags", 0.75)


def test_labels_may_have_spaces(files):
    names = ["bacterial leaf blight", "bacterial leaf streak", "brown spot", "normal"] * 10
    assert correlate(*files({"id": range(40), "label": names}, {"id": range(40), "label": names})).kind == "labels"


def test_what_leaves_every_rows_meaning_right_is_ok(files):
    known = numbers()
    shuffled = known.sample(frac=1, random_state=1)
    for new in (shuffled, known[["b", "id", "a"]], shuffled.round(3), known.round(2)[["a", "b", "id"]]):
        found = correlate(*files(new, known))
        assert found.diagnosis == "ok" and found.correlation > 0.999
        assert correlate(*files(known, new)).ok


def test_ids_are_text_exactly_as_written(tmp_path):
    known = write(tmp_path / "known.csv", "id,p\n01,0.1\n1,0.9\n1.0,0.5\n")
    assert correlate(known, known).correlation == pytest.approx(1)
    new = write(tmp_path / "new.csv", "id,p\n1,0.1\n2,0.9\n3.0,0.5\n")
    assert correlate(new, known).diagnosis == "ids_missing"


def test_the_id_column_is_the_one_that_names_every_row_once(files):
    known = pd.DataFrame({"label": [0.25, 0.75] * 50, "id": [f"r{i}" for i in range(100)]})
    assert correlate(*files(known.sample(frac=1, random_state=0), known)).correlation == pytest.approx(1)


def test_the_correlation_is_0_where_it_is_undefined(files):
    known = numbers()
    found = correlate(*files(known.assign(a=0.5, b=0.5), known))
    assert (found.correlation, found.ok, found.diagnosis) == (0.0, False, "constant")
    constant = correlate(*files(known, known.assign(a=0.5, b=0.5)))
    assert (constant.correlation, constant.diagnosis) == (0.0, "constant")
    assert "known-good" in constant.explanation
    json.dumps(asdict(found), allow_nan=False)


def test_no_shared_row_is_correlation_0(files):
    known = numbers()
    found = correlate(*files(known.assign(id=[f"other{i}" for i in range(len(known))]), known))
    assert (found.correlation, found.rows, found.diagnosis) == (0.0, 0, "ids_missing")


@pytest.mark.parametrize("minimum, ok", [(0.5, True), (0.9999, False)])
def test_ok_needs_the_minimum(files, minimum, ok):
    found = correlate(*files(numbers(noise=0.05), numbers()), minimum=minimum)
    assert found.ok == ok and (found.diagnosis == "ok") == ok


@pytest.mark.parametrize(
    "content, words",
    [
        ("", "the file is empty"),
        ("id,p\n", "a header and no rows"),
        ("id,p\n1,0.5\n2,\n3,0.1\n", r"line 3 \(id '2'\), column 'p': the cell is empty or NaN"),
        ("id,p\n1,0.5\n2,0.2\n3,oops\n", r"line 4 \(id '3'\), column 'p': the cell is 'oops', not a number"),
        ("id,p\n1,0.5\n2,inf\n3,0.1\n", r"line 3 \(id '2'\), column 'p': the cell is inf"),
        ("id,q\n1,0.5\n2,0.5\n3,0.1\n", r"missing \['p'\], not expected \['q'\]"),
        ("key,q\n1,0.5\n", "no column in common"),
        ("id,p,p\n1,0.5,1\n", "the column 'p' stands there twice"),
        ("id,p\n1,0.5,7\n", "not a readable CSV file"),
    ],
)
def test_a_file_that_is_no_submission_is_refused_by_line_and_column(tmp_path, content, words):
    known = write(tmp_path / "known.csv", "id,p\n1,0.5\n2,0.7\n3,0.1\n")
    new = write(tmp_path / "new.csv", content)
    with pytest.raises(PodiumError, match=words) as error:
        correlate(new, known)
    assert "new.csv" in str(error.value)


def test_an_empty_label_is_refused(tmp_path):
    known = write(tmp_path / "known.csv", "image_id,label\n1.jpg,blast\n2.jpg,normal\n")
    new = write(tmp_path / "new.csv", "image_id,label\n1.jpg,blast\n2.jpg,\n")
    with pytest.raises(PodiumError, match=r"new\.csv: line 3 \(id '2\.jpg'\), column 'label': the cell is empty"):
        correlate(new, known)


def test_a_missing_file_is_a_wrong_command(tmp_path):
    with pytest.raises(UsageError, match=r"nowhere\.csv: no such file"):
        correlate(tmp_path / "nowhere.csv", tmp_path / "nowhere.csv")


def test_a_known_good_file_that_repeats_an_id_is_refused(files):
    known = numbers()
    with pytest.raises(PodiumError, match="'x3' stands there more than once"):
        correlate(*files(known, pd.concat([known, known.iloc[3:4]])))


@pytest.mark.skipif(not ROSSMANN.is_dir(), reason="real submissions are not at hand")
def test_two_real_submissions_in_different_row_orders_are_ok():
    first, second = sorted(ROSSMANN.glob("submission_*.csv"))
    found = correlate(first, second)
    assert found.ok and found.rows == 41_088
    assert found.correlation == pytest.approx(0.988693, abs=1e-6)
