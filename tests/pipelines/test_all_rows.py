"""A recipe may ask for trainings on all rows: they predict the test set, and no score is theirs."""

import numpy as np
import pandas as pd
import pytest

from common.errors import PodiumError, UsageError
from common.files import read_json
from common.predictions import read_predictions, read_provenance
from pipelines.ensemble import ensemble
from pipelines.labels import labels
from pipelines.train import train
from pipelines.tta import tta
from pipelines.workspace import Workspace
from tests.pipelines.drawn_workspace import NOT_DRAWN, RECIPE, opened, prepared_workspace

PLAIN = RECIPE[: RECIPE.index("  weighted:")] + RECIPE[RECIPE.index("tta:") :]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Workspace:
    return prepared_workspace(tmp_path_factory.mktemp("repository"))


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
    rows = (folds["fold"] == 1) & ~folds["id"].str.fullmatch(NOT_DRAWN)
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
