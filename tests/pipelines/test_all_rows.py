"""A recipe may ask for trainings on all rows: they predict the test set, and no score is theirs."""

import numpy as np
import pandas as pd
import pytest

from common.errors import PodiumError, UsageError
from common.files import read_json, write_json
from common.predictions import read_predictions, read_provenance
from common.raw.manifest import make_manifest
from competitions.dogs_vs_cats.sample import draw
from pipelines.ensemble import ensemble
from pipelines.labels import labels
from pipelines.preprocess import preprocess
from pipelines.split import split
from pipelines.train import train
from pipelines.tta import tta
from pipelines.workspace import Workspace

RECIPE = """\
recipe: sample
source: {kind: local, path: raw}
preprocess: {max_unreadable: 1}
folds: 2
folds_to_run: [0, 1, all-1, all-2]
split: {near_duplicate_bits: 4}
extra: []
use_corrections: false
models:
  plain: &plain
    architecture: test_resnet
    weights: none
    image_size_px: 16
    epochs: 2
    learning_rate: 3.0e-3
    effective_batch_size: 16
  weighted:
    <<: *plain
    sample_weights: sample_weights/some.parquet
    sample_replacement: true
tta: {views: 0}
ensemble: {probability_clip: 0.01}
"""
PLAIN = RECIPE[: RECIPE.index("  weighted:")] + RECIPE[RECIPE.index("tta:") :]


def opened(workspace: Workspace, recipe: str) -> Workspace:
    workspace.params_path.write_text(recipe)
    return Workspace.open(workspace.name, workspace.root)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Workspace:
    """The sample after the stages up to labels, with a weight for every row: none for the cats whose id ends in 1."""
    root = tmp_path_factory.mktemp("repository")
    folder = root / "competitions" / "dogs_vs_cats"
    (folder / "raw").mkdir(parents=True)
    (folder / "sample_weights").mkdir()
    (folder / "competition.py").touch()
    (root / "params.yaml").write_text("seed: 5\nmachine: {workers: 1, device: cpu, threads: 1}\n")
    draw(folder / "raw", seed=5)
    workspace = opened(Workspace(root, "dogs_vs_cats"), RECIPE)
    write_json(workspace.raw_manifest, make_manifest(folder / "raw"))
    preprocess(workspace)
    split(workspace)
    ids = pd.read_parquet(workspace.folds)["id"]
    weights = np.where(ids.str.fullmatch(r"cat\..*1"), 0.0, 1.0 + ids.str.startswith("dog"))
    pd.DataFrame({"id": ids, "weight": weights}).to_parquet(folder / "sample_weights" / "some.parquet")
    labels(workspace)
    return workspace


@pytest.fixture(scope="module")
def trained(prepared) -> Workspace:
    alone = opened(prepared, PLAIN)
    for fold in alone.trainings:
        train(alone, "plain", fold)
    tta(alone, "plain")
    ensemble(alone)
    return opened(prepared, RECIPE)


def test_a_training_on_all_rows_has_no_score(trained):
    rows = len(pd.read_parquet(trained.folds))
    found = read_json(trained.fold_run("plain", "all-1") / "metrics.json")
    assert found["training_rows"] == rows and not {"score", "standard_error", "rows"} & found.keys()
    history = pd.read_csv(trained.fold_run("plain", "all-1") / "history.csv")
    assert len(history) == 2 and not any(column.startswith("validation") for column in history)
    of_fold = read_json(trained.fold_run("plain", 0) / "metrics.json")
    assert of_fold["training_rows"] + of_fold["rows"] == rows and 0 < of_fold["score"] < 2


def test_the_seeds_give_different_networks(trained):
    weights = [(trained.fold_run("plain", name) / "weights.safetensors").read_bytes() for name in ("all-1", "all-2")]
    assert weights[0] != weights[1]


def test_the_score_is_of_the_folds_and_the_test_set_is_predicted_by_the_trainings_on_all_rows(trained):
    cv = read_json(trained.ensemble("cv.json"))
    assert sorted(cv["folds"]) == ["0", "1"] and cv["test_predictions_from"] == ["all-1", "all-2"]
    oof, test = (trained.predictions("plain", part) for part in ("oof", "test"))
    assert read_provenance(oof)["folds"] == [0, 1] and read_provenance(test)["folds"] == ["all-1", "all-2"]


def test_the_test_predictions_are_the_mean_over_the_seeds(trained):
    def predicted(*items: object) -> pd.Series:
        tta(opened(trained, RECIPE.replace("[0, 1, all-1, all-2]", str([0, 1, *items]).replace("'", ""))), "plain")
        table = read_predictions(trained.predictions("plain", "test"), trained.competition.targets, "plain")
        return table.set_index("id")["label:dog"]

    first, second, both = predicted("all-1"), predicted("all-2"), predicted("all-1", "all-2")
    np.testing.assert_allclose(both, (first + second) / 2, rtol=1e-12)
    assert np.abs(predicted() - both).max() > 1e-4  # of the folds' networks


def test_weights_are_checked_for_each_model_apart(trained):
    plain, weighted = (pd.read_parquet(trained.sample_weights(model)) for model in ("plain", "weighted"))
    assert plain.empty and len(weighted) == len(pd.read_parquet(trained.folds))
    before = [trained.sample_weights(model).read_bytes() for model in ("plain", "weighted")]
    path = trained.sample_weights_folder / "some.parquet"
    table = pd.read_parquet(path)
    table.assign(weight=table["weight"] + 1).to_parquet(path)
    labels(trained)
    after = [trained.sample_weights(model).read_bytes() for model in ("plain", "weighted")]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False]
    table.to_parquet(path)
    labels(trained)


def test_rows_of_weight_zero_are_not_trained_on(prepared, capsys):
    train(prepared, "weighted", 0)
    told = capsys.readouterr().out
    folds = pd.read_parquet(prepared.folds)
    rows = (folds["fold"] == 1) & ~folds["id"].str.fullmatch(r"cat\..*1")
    assert "rows are drawn by weight, with replacement" in told and f"{rows.sum()} rows and " in told


def test_weights_that_dvc_would_not_see_are_refused(prepared):
    recipe = RECIPE.replace("sample_weights/some.parquet", "some.parquet")
    with pytest.raises(UsageError, match=r"'some.parquet' does not lie in the folder sample_weights/"):
        labels(opened(prepared, recipe))
    opened(prepared, RECIPE)


def test_a_training_that_has_not_run_is_named(prepared):
    with pytest.raises(PodiumError, match=r"run the stage train@plain-all-3"):
        tta(opened(prepared, RECIPE.replace("all-2", "all-3")), "plain")
    opened(prepared, RECIPE)
