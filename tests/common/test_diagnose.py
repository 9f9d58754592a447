"""Every cause is named: on a corrupted copy of the known-good file, and on a corrupted other, honest model."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.corruptions import CORRUPTIONS, applicable
from benchmarks.drawn_submissions import FORMATS, draw
from common.submission.correlate import correlate

ROSSMANN = Path(__file__).resolve().parents[3] / "shared" / "data" / "rossmann_kaggle_test"
by_name = pytest.mark.parametrize("format_", FORMATS, ids=lambda format_: format_.name)
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def compared(tmp_path):
    """Write two tables and compare them."""

    def run(new, known, minimum=0.9):
        for name, table in (("new", new), ("known", known)):
            table.to_csv(tmp_path / f"{name}.csv", index=False)
        return correlate(tmp_path / "new.csv", tmp_path / "known.csv", minimum)

    return run


def table(values, columns=("p",), ids=None):
    values = np.asarray(values).reshape(len(values), -1)
    made = pd.DataFrame(values, columns=list(columns))
    made.insert(0, "id", [str(i + 1) for i in range(len(values))] if ids is None else ids)
    return made


def probabilities(rows=300, seed=0):
    return np.random.default_rng(seed).beta(0.5, 0.5, size=rows).clip(0.001, 0.999)


@by_name
@pytest.mark.parametrize("code", CORRUPTIONS)
def test_the_cause_is_named(compared, format_, code):
    rng = np.random.default_rng(len(format_.name))
    known, other = draw(format_, 700, rng, (0.1, 0.15))
    for honest in (known, other):
        for name, bad in applicable(honest, code, rng):
            found = compared(bad, known)
            assert (found.diagnosis, found.ok) == (code, False), (name, found.correlation, found.explanation)


@by_name
def test_honest_models_are_never_alarmed(compared, format_):
    for seed in range(6):
        rng = np.random.default_rng([seed, len(format_.name)])
        noises = tuple(rng.uniform(0.02, 0.8, size=2))
        known, other = draw(format_, int(rng.integers(30, 1_500)), rng, noises)
        found = compared(other.sample(frac=1, random_state=seed), known)
        expected = "ok" if found.correlation >= 0.9 else "unrelated"
        assert found.diagnosis == expected, (noises, found.explanation)


@few
@given(rows=st.integers(20, 400), share=st.floats(-0.45, 0.45), cyclic=st.booleans(), seed=st.integers(0, 99))
def test_any_shift_is_found_with_its_size_and_direction(compared, rows, share, cyclic, seed):
    shift = int(rows * share) or 1
    values = probabilities(rows, seed)
    places = np.arange(rows) - shift
    moved = values[places % rows if cyclic else places.clip(0, rows - 1)]
    found = compared(table(moved), table(values))
    assert found.diagnosis == "rows_shifted"
    direction = "down" if shift > 0 else "up"
    assert f"shifted {direction} by {abs(shift)} row" in found.explanation


@few
@given(order=st.permutations(range(6)), seed=st.integers(0, 99))
def test_any_permutation_of_columns_is_found(compared, order, seed):
    values = np.random.default_rng(seed).dirichlet(np.full(6, 0.3), size=200)
    names = [f"c{j}" for j in range(6)]
    found = compared(table(values[:, list(order)], names), table(values, names))
    moved = sum(place != j for j, place in enumerate(order))
    if moved == 0:
        assert found.ok
    else:
        assert found.diagnosis == "classes_permuted"
        assert f"{moved} of 6 columns" in found.explanation


@few
@given(order=st.permutations(["cat", "dog", "hen", "owl"]), seed=st.integers(0, 99))
def test_any_permutation_of_labels_is_found(compared, order, seed):
    labels = np.random.default_rng(seed).choice(["cat", "dog", "hen", "owl"], size=200)
    renamed = np.array([dict(zip(["cat", "dog", "hen", "owl"], order, strict=True))[label] for label in labels])
    expected = "ok" if list(order) == ["cat", "dog", "hen", "owl"] else "classes_permuted"
    assert compared(table(renamed), table(labels)).diagnosis == expected


def test_two_of_120_classes_that_changed_places_are_found_though_the_correlation_is_high(compared):
    rng = np.random.default_rng(0)
    truth = 3 * rng.normal(size=(1500, 120))
    known, other = (np.exp(truth + 0.4 * rng.normal(size=truth.shape)) for _ in range(2))
    known, other = (p / p.sum(axis=1, keepdims=True) for p in (known, other))
    names = [f"breed_{j}" for j in range(120)]
    assert compared(table(other, names), table(known, names)).ok
    swapped = other.copy()
    swapped[:, [3, 7]] = other[:, [7, 3]]
    found = compared(table(swapped, names), table(known, names))
    assert found.correlation > 0.9 and found.diagnosis == "classes_permuted"
    assert "'breed_3' is 'breed_7'" in found.explanation


def test_a_copy_of_a_slow_curve_shifted_by_a_row_is_found_though_the_correlation_is_high(compared):
    curve = 1000 + np.cumsum(np.random.default_rng(0).normal(size=400))
    found = compared(table(np.roll(curve, 1)), table(curve))
    assert found.correlation > 0.95 and found.diagnosis == "rows_shifted" and not found.ok


def test_a_file_in_percent_is_wrong_though_the_correlation_is_1(compared):
    found = compared(table(100 * probabilities()), table(probabilities()))
    assert found.correlation == pytest.approx(1) and found.diagnosis == "rescaled"
    assert "100 * known good" in found.explanation


def test_clipping_rounding_and_a_little_more_confidence_keep_the_meaning(compared):
    p = probabilities()
    sharper = 1 / (1 + (1 / p - 1) ** 1.5)
    for honest in (p.clip(0.02, 0.98), p.round(1), sharper):
        assert compared(table(honest), table(p)).ok


def test_one_column_of_1_minus_p_is_inverted_and_two_swapped_columns_are_permuted(compared):
    p = probabilities()
    assert compared(table(1 - p), table(p)).diagnosis == "inverted"
    both = np.stack([p, 1 - p], axis=1)
    assert compared(table(1 - both, "ab"), table(both, "ab")).diagnosis == "classes_permuted"


def test_classes_by_number_may_be_permuted_too(compared):
    digits = np.random.default_rng(0).integers(0, 10, size=400)
    assert compared(table((digits + 3) % 10), table(digits)).diagnosis == "classes_permuted"
    assert compared(table(9 - digits), table(digits)).diagnosis == "inverted"


def test_labels_that_are_called_otherwise_are_named(compared):
    labels = np.random.default_rng(0).choice(["cat", "dog", "hen"], size=200)
    found = compared(table([label.upper() for label in labels]), table(labels))
    assert found.diagnosis == "classes_permuted" and "'CAT' is 'cat'" in found.explanation


@pytest.mark.parametrize(
    "change, kind",
    [(np.log, "logarithms"), (lambda p: -np.log(p), "negative log"), (lambda p: np.log(p / (1 - p)), "log-odds")],
)
def test_the_kind_of_logarithm_is_said(compared, change, kind):
    found = compared(table(change(probabilities())), table(probabilities()))
    assert found.diagnosis == "log_probabilities" and kind in found.explanation


def test_the_logarithm_of_zero_is_still_one(tmp_path):
    (tmp_path / "known.csv").write_text("id,p\n" + "".join(f"{i},{i % 7 / 7}\n" for i in range(50)))
    with np.errstate(divide="ignore"):
        logs = [float(np.log(i % 7 / 7)) for i in range(50)]
    (tmp_path / "new.csv").write_text("id,p\n" + "".join(f"{i},{value}\n" for i, value in enumerate(logs)))
    assert correlate(tmp_path / "new.csv", tmp_path / "known.csv").diagnosis == "log_probabilities"


def test_ids_come_first_and_repeated_ones_before_missing_ones(compared):
    known = table(probabilities(50))
    ids = known["id"].tolist()
    ids[4] = ids[9]  # id 5 is missing, id 10 is there twice
    found = compared(known.assign(id=ids), known)
    assert found.diagnosis == "ids_duplicated" and "'10' in lines 6 and 11" in found.explanation
    found = compared(known.assign(id=["0", *known["id"][1:]], p=1 - known["p"]), known)
    assert found.diagnosis == "ids_missing"
    assert "1 of 50 ids is missing ('1') and 1 id is not known ('0')" in found.explanation


def test_ids_in_another_spelling_are_recognised(compared):
    known = table(probabilities(50))
    found = compared(known.assign(id=known["id"] + ".0"), known)
    assert found.diagnosis == "ids_missing" and "another spelling ('1.0' for '1')" in found.explanation
    numbered = compared(known.assign(id=[f"new{i}" for i in range(50)]), known)
    assert "the values do agree (1.000)" in numbered.explanation


def test_columns_of_other_units_do_not_hide_shuffled_rows(compared):
    rng = np.random.default_rng(0)
    values = np.stack([rng.normal(1e6, 10, size=300), rng.normal(5, 1, size=300)], axis=1)
    found = compared(table(values[rng.permutation(300)], "ab"), table(values, "ab"))
    assert found.correlation > 0.99 and found.diagnosis == "rows_permuted"


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 9])
def test_a_handful_of_rows_is_compared_without_far_fetched_causes(compared, rows):
    rng = np.random.default_rng(rows)
    found = compared(table(rng.random(rows)), table(rng.random(rows)))
    assert found.diagnosis in ("unrelated", "constant", "rows_permuted", "ok")


@pytest.mark.skipif(not ROSSMANN.is_dir(), reason="real submissions are not at hand")
@pytest.mark.parametrize("code", CORRUPTIONS)
def test_the_cause_is_named_for_real_submissions(compared, code):
    files = sorted(ROSSMANN.glob("submission_*.csv"))
    first, second = (pd.read_csv(path, dtype={"Id": str}).rename(columns={"Id": "id"}) for path in files)
    for name, bad in applicable(second, code, np.random.default_rng(0)):
        assert compared(bad, first).diagnosis == code, name
