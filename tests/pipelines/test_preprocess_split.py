"""From the drawn raw files to examples, folds and labels: every planted trap comes to light."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from common.errors import PodiumError
from common.files import read_json, write_json
from common.images.store import ImageStore
from common.raw.manifest import make_manifest
from competitions.dogs_vs_cats.sample import draw
from pipelines.labels import labels
from pipelines.preprocess import preprocess
from pipelines.split import split
from pipelines.workspace import Workspace

RECIPE = """\
source: {kind: local, path: raw}
preprocess: {max_unreadable: MAX_UNREADABLE}
folds: 5
split: {near_duplicate_bits: 4}
models: {}
use_corrections: USE_CORRECTIONS
"""


def write_recipe(workspace: Workspace, max_unreadable: int = 1, use_corrections: bool = False) -> Workspace:
    text = RECIPE.replace("MAX_UNREADABLE", str(max_unreadable))
    workspace.params_path.write_text(text.replace("USE_CORRECTIONS", str(use_corrections).lower()))
    return Workspace.open(workspace.name, workspace.root)


@pytest.fixture(scope="module")
def preprocessed(tmp_path_factory):
    """A repository with the sample as its raw files, after the stages preprocess and split."""
    root = tmp_path_factory.mktemp("repository")
    folder = root / "competitions" / "dogs_vs_cats"
    (folder / "raw").mkdir(parents=True)
    (folder / "competition.py").touch()
    (folder / "corrections.csv").write_text("id,decision,old,new,who,when,note\n")
    (root / "params.yaml").write_text("seed: 5\nmachine: {workers: 1}\n")
    draw(folder / "raw", seed=5)
    workspace = write_recipe(Workspace(root, "dogs_vs_cats"))
    write_json(workspace.raw_manifest, make_manifest(folder / "raw"))
    preprocess(workspace)
    split(workspace)
    return workspace


@pytest.fixture
def workspace(preprocessed, tmp_path):
    """A copy to change."""
    shutil.copytree(preprocessed.root, tmp_path / "copy")
    return Workspace.open("dogs_vs_cats", tmp_path / "copy")


@pytest.fixture(scope="module")
def examples(preprocessed):
    return pd.read_parquet(preprocessed.examples).set_index("id", drop=False)


@pytest.fixture(scope="module")
def traps(preprocessed):
    return json.loads((preprocessed.folder / "raw" / "_traps.json").read_text())


def test_every_readable_example_is_in_the_table_and_in_the_store(preprocessed, examples):
    assert examples["part"].value_counts().to_dict() == {"train": 239, "test": 80}
    assert list(zip(examples["part"], examples["id"], strict=True)) == sorted(
        zip(examples["part"], examples["id"], strict=True)
    )
    assert examples.loc[examples["part"] == "train", "label"].notna().all()
    assert examples.loc[examples["part"] == "test", "label"].isna().all()
    with ImageStore(preprocessed.images) as store:
        assert store.names() == sorted(examples["file"])
        for row in examples.iloc[::40].itertuples():
            assert store.read(row.file).shape[:2] == (row.height_px, row.width_px)


def test_the_cut_picture_is_listed_with_its_reason(preprocessed, examples, traps):
    unreadable = pd.read_csv(preprocessed.unreadable, dtype=str)
    assert unreadable["id"].tolist() == [traps["truncated"]]
    assert unreadable["path"].tolist() == [f"train/{traps['truncated']}.jpg"]
    assert "cut short" in unreadable["reason"][0]
    assert traps["truncated"] not in examples.index


def test_odd_encodings_are_stored_upright_in_grey_or_rgb(preprocessed, examples, traps):
    assert examples.loc[traps["greyscale"], "channels"] == 1
    assert examples.loc[traps["greyscale"], "file"].endswith(".jpg")
    assert examples.loc[traps["cmyk"], "channels"] == 3
    assert examples.loc[traps["exif_rotated"], "file"].endswith(".png")
    assert examples["file"].str.endswith(".png").sum() == 1


def test_planted_duplicates_are_found_and_nothing_else(preprocessed, traps):
    found = read_json(preprocessed.split_report)["duplicates"]

    def pairs(*names: str) -> list[list[str]]:
        return sorted(sorted(pair) for name in names for pair in traps[name])

    assert sorted(entry["ids"] for entry in found["in_train"]) == pairs(
        "exact_duplicates", "near_duplicates_across_classes"
    )
    assert [entry["ids"] for entry in found["in_train"] if entry["same_bytes"]] == pairs("exact_duplicates")
    assert sorted(entry["train"] + entry["test"] for entry in found["across_train_and_test"]) == sorted(
        traps["near_duplicates_across_train_and_test"]
    )
    conflicting = found["conflicting_labels"]
    assert sorted(entry["ids"] for entry in conflicting) == pairs("near_duplicates_across_classes")
    assert all(entry["labels"] == {"label": ["cat", "dog"]} for entry in conflicting)


def test_the_split_is_even_and_keeps_duplicates_together(preprocessed, traps):
    folds = pd.read_parquet(preprocessed.folds).set_index("id")
    assert len(folds) == 239
    for pair in traps["exact_duplicates"] + traps["near_duplicates_across_classes"]:
        assert folds.loc[pair, "fold"].nunique() == 1
        assert set(folds.loc[pair, "group"]) == {min(pair)}
    alone = folds[folds["group"] == folds.index]
    assert len(alone) == 239 - len(traps["exact_duplicates"]) - len(traps["near_duplicates_across_classes"])
    report = read_json(preprocessed.split_report)
    assert sum(entry["rows"] for entry in report["folds"].values()) == 239
    ok = {check["name"]: check["ok"] for check in report["checks"]}
    assert ok == {
        "fold sizes": True,
        "class balance": True,
        "groups whole": True,
        "no near-duplicates across train and test": False,
        "no near-duplicates with conflicting labels": False,
        "test looks like train": True,
    }
    assert all(check["detail"] for check in report["checks"])


def test_a_second_run_gives_the_same_bytes(workspace, preprocessed):
    workspace.images.unlink()
    preprocess(workspace)
    split(workspace)
    for path in ("examples", "images", "unreadable", "folds", "split_report"):
        assert Path(getattr(workspace, path)).read_bytes() == Path(getattr(preprocessed, path)).read_bytes()


def test_more_unreadable_pictures_than_allowed_stop_the_stage_and_leave_the_list(workspace, traps):
    for path in (workspace.examples, workspace.images, workspace.unreadable):
        path.unlink()
    strict = write_recipe(workspace, max_unreadable=0)
    with pytest.raises(
        PodiumError, match=r"1 of 320 pictures cannot be read .*data/unreadable\.csv.*max_unreadable: 1"
    ):
        preprocess(strict)
    assert traps["truncated"] in strict.unreadable.read_text()
    assert not strict.examples.exists()


def test_where_every_picture_can_be_read_the_list_is_empty(workspace, traps):
    (workspace.folder / "raw" / "train" / f"{traps['truncated']}.jpg").unlink()
    write_json(workspace.raw_manifest, make_manifest(workspace.folder / "raw"))
    preprocess(write_recipe(workspace, max_unreadable=0))
    assert pd.read_csv(workspace.unreadable).empty


def test_an_unreadable_test_picture_keeps_its_row_without_a_file(workspace):
    (workspace.folder / "raw" / "test" / "7.jpg").write_bytes(b"no picture")
    write_json(workspace.raw_manifest, make_manifest(workspace.folder / "raw"))
    workspace = write_recipe(workspace, max_unreadable=2)
    preprocess(workspace)
    split(workspace)
    row = pd.read_parquet(workspace.examples).query("part == 'test' and id == '7'")
    assert len(row) == 1
    assert row[["file", "width_px", "perceptual_hash"]].isna().all(axis=None)


def test_labels_are_those_given_until_the_recipe_asks_for_corrections(workspace, traps):
    wrong = traps["wrong_labels"][0]
    given, right = wrong[:3], "dog" if wrong[:3] == "cat" else "cat"
    folds = workspace.folds.read_bytes()
    with workspace.corrections.open("a") as file:
        file.write(f"{wrong},relabel,{given},{right},me,2026-01-01,\n")
        file.write(f"{traps['wrong_labels'][1]},exclude,{traps['wrong_labels'][1][:3]},,me,2026-01-01,\n")
    labels(workspace)
    table = pd.read_parquet(workspace.labels)
    assert list(table.columns) == ["id", "label", "excluded"]
    assert len(table) == 239
    assert (table["label"] == table["id"].str[:3]).all()
    assert not table["excluded"].any()

    labels(write_recipe(workspace, use_corrections=True))
    table = pd.read_parquet(workspace.labels).set_index("id")
    assert table.loc[wrong, "label"] == right
    assert table.index[table["excluded"]].tolist() == [traps["wrong_labels"][1]]
    split(workspace)
    assert workspace.folds.read_bytes() == folds


def test_a_wrong_correction_names_file_line_and_column(workspace):
    with workspace.corrections.open("a") as file:
        file.write("cat.0,exclude,dog,,,,\n")
    message = r"competitions/dogs_vs_cats/corrections\.csv, line 2, column 'old'"
    with pytest.raises(PodiumError, match=message):
        labels(write_recipe(workspace, use_corrections=True))


def test_a_source_without_pictures_says_so(workspace):
    shutil.rmtree(workspace.folder / "raw" / "test")
    write_json(workspace.raw_manifest, make_manifest(workspace.folder / "raw"))
    with pytest.raises(PodiumError, match="finds no test row"):
        preprocess(workspace)
