"""Rice leaves from drawn raw files to a checked submission: turned copies stay together, three targets are learned."""

import pandas as pd
import pytest

from common.files import read_json
from competitions.paddy.competition import DISEASES
from competitions.paddy.sample import LABELLED_OF_EACH, TEST_IDS, draw
from tests.whole_run import RECIPE, run_all_stages

MODEL = """epochs: 1
    target_weights: {variety: 0.2, age: 0.2}
    class_outputs: sigmoid"""
OWN_RECIPE = RECIPE.replace("epochs: 0", MODEL) + "abstain: {above: 0.02}\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory, monkeypatch_module):
    root = tmp_path_factory.mktemp("repository")
    monkeypatch_module.setenv("PODIUM_SCRATCH", str(root / "scratch"))
    return run_all_stages(root, "paddy", OWN_RECIPE)


@pytest.fixture(scope="module")
def traps(run):
    return read_json(run.raw_folder / "sample" / "_traps.json")


@pytest.fixture(scope="module")
def examples(run):
    return pd.read_parquet(run.examples).set_index("id")


def test_the_same_seed_draws_the_same_bytes(run, tmp_path):
    draw(tmp_path, run.seed)
    drawn = run.raw_folder / "sample"
    names = [path.relative_to(drawn) for path in sorted(drawn.rglob("*")) if path.is_file()]
    assert len(names) == LABELLED_OF_EACH * len(DISEASES) + len(TEST_IDS) + 3
    assert all((tmp_path / name).read_bytes() == (drawn / name).read_bytes() for name in names)


def test_pictures_are_portraits_but_for_the_odd_ones(examples, traps):
    sizes = examples.loc[[id_ for id_ in examples.index if id_ != traps["truncated"]]]
    lying = sizes.index[(sizes["width_px"] > sizes["height_px"])]
    assert traps["landscape"] in lying
    # The camera's note turns this one back.
    assert traps["exif_rotated"] not in lying
    assert sizes.loc[traps["png_with_alpha"], "file"].str.endswith(".png").all()
    assert (sizes.loc[traps["png_with_alpha"], "channels"] == 3).all()


def test_turned_copies_are_found_and_stay_together(run, traps):
    found = read_json(run.split_report)["duplicates"]
    within = traps["exact_duplicates"] + traps["turned_copies"]
    assert sorted(sorted(entry["ids"]) for entry in found["in_train"]) == sorted(sorted(pair) for pair in within)
    assert sorted(entry["train"] + entry["test"] for entry in found["across_train_and_test"]) == sorted(
        traps["near_duplicates_across_train_and_test"]
    )
    folds = pd.read_parquet(run.folds).set_index("id")["fold"]
    assert all(folds[pair].nunique() == 1 for pair in within)


def test_rows_without_variety_or_age_count_for_the_targets_that_they_have(run, traps, examples):
    train = examples[examples["part"] == "train"]
    assert set(train.index[train["variety"].isna()]) == set(traps["without_variety"])
    scored = read_json(run.ensemble("cv.json"))
    assert scored["metric"] == "accuracy" and scored["rows"] == len(train)
    assert {name: entry["rows"] for name, entry in scored["targets"].items()} == {
        "variety": len(train) - len(traps["without_variety"]),
        "age": len(train) - len(traps["without_age"]),
    }


def test_the_submission_names_a_disease_for_every_picture(run):
    written = pd.read_csv(run.submission)
    assert list(written.columns) == ["image_id", "label"]
    assert written["image_id"].tolist() == TEST_IDS
    assert set(written["label"]) <= set(DISEASES)
    assert all(check["ok"] for check in read_json(run.submission_report)["checks"])


def test_pictures_in_which_no_disease_is_recognised_are_left_to_a_person(run, examples):
    triage = pd.read_csv(run.triage)
    readable = examples[examples["file"].notna()]
    assert set(triage["id"]) == set(readable.index)
    assert triage["probability_of_nothing"].between(0, 1).all() and triage["probability_of_nothing"].nunique() > 50
    assert (triage["abstained"] == (triage["probability_of_nothing"] >= 0.02)).all() and triage["abstained"].any()
    assert '<section id="triage">' in run.report.read_text()
