"""Extra labelled data joins every fold's training, and nothing that train or test shows gets in by it."""

import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from dvc.repo import Repo

from common.errors import PodiumError, UsageError
from common.files import read_json, write_json
from common.raw.extra import extra_rows
from common.raw.manifest import make_manifest
from common.validation.extra import NO_FOLD
from competitions.dogs_vs_cats.sample import draw
from pipelines.examples import read_extra_rows, read_training_rows
from pipelines.extra import checked_sources, extra
from pipelines.labels import labels
from pipelines.preprocess import preprocess
from pipelines.split import split
from pipelines.workspace import Workspace
from tests.copied_repository import TINY_RECIPE, copy_repository, environment

RECIPE = """\
source: {kind: local, path: raw}
preprocess: {max_unreadable: 1}
folds: 3
split: {near_duplicate_bits: 4}
models: {}
"""
WITH_EXTRA = RECIPE + "extra: [{path: ../../shelter, source: photographs of the city's shelter}]\n"


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Workspace:
    """The sample as raw files, and a folder `shelter`: three new pictures, one of train, and one of test saved anew."""
    root = tmp_path_factory.mktemp("repository")
    folder = root / "competitions" / "dogs_vs_cats"
    (folder / "raw").mkdir(parents=True)
    (folder / "competition.py").touch()
    (root / "params.yaml").write_text("seed: 5\nmachine: {workers: 1}\n")
    draw(folder / "raw", seed=5)
    shelter = root / "shelter"
    (shelter / "new").mkdir(parents=True)
    for seed, name in enumerate(("cat.1", "cat.2", "dog.1")):
        coarse = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
        cv2.imwrite(str(shelter / "new" / f"{name}.jpg"), cv2.resize(coarse, (80, 60), interpolation=cv2.INTER_CUBIC))
    shutil.copy(folder / "raw" / "train" / "dog.3.jpg", shelter / "copied.jpg")
    cv2.imwrite(str(shelter / "saved_anew.png"), cv2.imread(str(folder / "raw" / "test" / "4.jpg")))
    (shelter / "labels.csv").write_text(
        "path,label\nnew/cat.1.jpg,cat\nnew/cat.2.jpg,cat\nnew/dog.1.jpg,dog\ncopied.jpg,dog\nsaved_anew.png,cat\n"
    )
    workspace = Workspace(root, "dogs_vs_cats")
    write_json(workspace.raw_manifest, make_manifest(folder / "raw"))
    return workspace


def with_recipe(workspace: Workspace, recipe: str) -> Workspace:
    workspace.params_path.write_text(recipe)
    return Workspace.open(workspace.name, workspace.root)


@pytest.fixture(scope="module")
def joined(repository) -> tuple[Workspace, pd.DataFrame]:
    """After the stages up to labels, with the training rows as they would be without extra data."""
    workspace = with_recipe(repository, WITH_EXTRA)
    extra(workspace, "source0")
    preprocess(workspace)
    everything = pd.read_parquet(workspace.examples)
    everything[everything["part"] != "extra"].to_parquet(workspace.examples)
    split(workspace)
    alone = read_training_rows(workspace)
    everything.to_parquet(workspace.examples)
    split(workspace)
    labels(workspace)
    return workspace, alone


def test_new_pictures_join_every_fold_and_validate_none(joined):
    workspace, alone = joined
    rows = read_extra_rows(workspace)
    assert rows["id"].tolist() == ["shelter/new/cat.1.jpg", "shelter/new/cat.2.jpg", "shelter/new/dog.1.jpg"]
    assert (rows["fold"] == NO_FOLD).all() and rows["label"].tolist() == ["cat", "cat", "dog"]
    learned = pd.read_parquet(workspace.labels).set_index("id")
    assert learned.loc["shelter/new/dog.1.jpg", "label"] == "dog"
    pd.testing.assert_frame_equal(read_training_rows(workspace)[alone.columns], alone)


def test_what_train_or_test_shows_is_left_out_and_the_source_is_written_down(joined):
    workspace, _ = joined
    assert read_json(workspace.split_report)["extra"] == [
        {
            "name": "shelter",
            "source": "photographs of the city's shelter",
            "rows": 5,
            "joining": 3,
            "left_out_as_duplicates": 2,
            "left_out_first": ["shelter/copied.jpg", "shelter/saved_anew.png"],
        }
    ]


def test_extra_pictures_count_as_neither_train_nor_test(joined):
    workspace, alone = joined
    report = read_json(workspace.split_report)
    assert sum(fold["rows"] for fold in report["folds"].values()) == len(alone)
    found = [id_ for group in report["duplicates"]["across_train_and_test"] for id_ in group["train"] + group["test"]]
    assert not any(id_.startswith("shelter") for id_ in found)


def test_files_that_changed_since_they_were_listed_are_refused(joined):
    workspace, _ = joined
    picture = workspace.root / "shelter" / "new" / "cat.1.jpg"
    content = picture.read_bytes()
    picture.write_bytes(content + b"0")
    with pytest.raises(PodiumError, match=r"cat.1.jpg' has another size .* run the stage extra@source0 again"):
        preprocess(workspace)
    picture.write_bytes(content)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("path,breed\na.jpg,cat\n", "column 'breed' is no target"),
        ("path\na.jpg\n", "expected the column path and a target"),
        ("path,label\nb.jpg,cat\n", "'b.jpg': no such picture"),
        ("path,label\na.jpg,\n", "'a.jpg': no target is known"),
        ("path,label\na.jpg,cat\na.jpg,dog\n", "'a.jpg': stands there twice"),
        ("path,label\na.jpg,cow\n", "'cow' is none of the 2 classes"),
    ],
)
def test_a_table_of_labels_that_is_wrong_is_an_error_that_names_the_place(repository, tmp_path, table, message):
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"")
    (folder / "labels.csv").write_text(table)
    workspace = with_recipe(repository, RECIPE + f"extra: [{{path: {folder}, source: a shelf}}]\n")
    extra(workspace, "source0")
    with pytest.raises(PodiumError, match=f"labels.csv: .*{message}"):
        preprocess(workspace)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("[{path: ../../shelter, source: ''}]", "extra.0: source: "),
        ("[{path: ~/shelter, source: s}]", "extra.0: path: write the folder out"),
        ("[{path: nowhere, source: s}]", "extra.0.path: no folder or zip at .*nowhere"),
        ("[{path: ../../shelter, source: s}, {path: ../../shelter, source: t}]", "two sources are called 'shelter'"),
        ("shelter", "extra: expected a list"),
    ],
)
def test_a_source_needs_a_folder_and_where_it_comes_from(repository, given, message):
    with pytest.raises(UsageError, match=message):
        extra(with_recipe(repository, RECIPE + f"extra: {given}\n"), "source0")


def test_a_zip_will_do(repository, tmp_path):
    archive = Path(shutil.make_archive(str(tmp_path / "shelter"), "zip", repository.root / "shelter"))
    workspace = with_recipe(repository, RECIPE + f"extra: [{{path: {archive}, source: a zip}}]\n")
    extra(workspace, "source0")
    sources = checked_sources(workspace)
    rows = extra_rows(sources[0], workspace.competition.targets, pd.DataFrame({"part": [], "id": []}))
    assert rows["id"].tolist()[3:] == ["shelter/copied.jpg", "shelter/saved_anew.png"]


def test_dvc_watches_the_folder_of_a_source_and_trains_on_all_rows_beside_the_folds(tmp_path):
    recipe = TINY_RECIPE.replace("extra: []", "extra: [{path: ../../shelter, source: a shelter}]")
    folder = tmp_path / "copy"
    copy_repository(folder, recipe.replace("folds_to_run: [0, 1]", "folds_to_run: [0, all-1]"))
    subprocess.run(["dvc", "init", "-q", "--force"], cwd=folder, env=environment(folder), check=True)
    (folder / "shelter").mkdir()
    with Repo(str(folder)) as repo:
        stages = {
            stage.name: stage for stage in repo.index.stages if stage.path_in_repo.startswith("competitions/dogs")
        }
    inputs = {name: [Path(one.fs_path) for one in stage.deps] for name, stage in stages.items()}
    assert folder / "shelter" in inputs["extra@source0"]
    competition = folder / "competitions" / "dogs_vs_cats"
    assert competition / "extra" in inputs["preprocess"]
    assert [out.fs_path for out in stages["extra@source0"].outs] == [str(competition / "extra" / "source0.json")]
    assert stages["train@tiny-all-1"].cmd.endswith("--model tiny --fold all-1")
    assert competition / "data" / "sample_weights" / "tiny.parquet" in inputs["train@tiny-all-1"]
