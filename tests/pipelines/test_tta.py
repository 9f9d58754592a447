"""The stage tta: what it takes over from training, and which views it makes of the test set."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common.errors import PodiumError
from common.files import read_json, write_json, write_text
from common.predictions import read_predictions, read_provenance
from common.report.blocks import Gallery
from common.report.page import report_sections
from common.training.network import make_network
from common.training.options import ModelOptions
from common.training.snapshots import save_weights
from pipelines import tta as stage
from pipelines.ensemble import ensemble
from pipelines.report import read_inputs
from pipelines.tta import trained_batch_size, tta
from pipelines.workspace import Workspace
from tests.pipelines.repository import make_repository
from tests.report_fixture import finished_run

RECIPE = """
models:
  small: {architecture: test_convnext, weights: none, image_size_px: 32, epochs: 2, learning_rate: 1e-3,
          effective_batch_size: 8}
tta: {views: 2, plain_weight: 0.5}
ensemble: {}
"""


def test_the_batch_size_that_fitted_into_memory_in_training_is_used_again(tmp_path: Path) -> None:
    workspace = make_repository(tmp_path)
    with pytest.raises(PodiumError, match=r"metrics.json: no such file; run the stage train@first-0"):
        trained_batch_size(workspace, "first")
    metrics = workspace.fold_run("first", 0) / "metrics.json"
    metrics.parent.mkdir(parents=True)
    metrics.write_text(json.dumps({"micro_batch_size": 3}))
    assert trained_batch_size(workspace, "first") == 3


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Drawn weights for each fold of one tiny model."""
    made = finished_run(tmp_path, "binary", monkeypatch)
    text = made.params_path.read_text()
    write_text(made.params_path, text[: text.index("models:")] + RECIPE.lstrip())
    workspace = Workspace(made.root, made.name)
    options = workspace.section(ModelOptions, "models", "small")
    for fold in workspace.folds_to_run:
        network = make_network(options, workspace.competition.targets, workspace.folder, seed=fold)
        save_weights(workspace.fold_run("small", fold) / "weights.safetensors", network)
        write_json(workspace.fold_run("small", fold) / "metrics.json", {"micro_batch_size": 8})
    return workspace


@pytest.mark.parametrize("chosen", ["plain", "tta"])
def test_the_test_set_is_seen_in_the_views_that_help_and_the_ensemble_takes_the_same(
    trained: Workspace, chosen: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    choose = stage.choose_view
    monkeypatch.setattr(stage, "choose_view", lambda *given: {**choose(*given), "chosen": chosen})
    tta(trained, "small")
    targets = trained.competition.targets
    oof, test = (read_predictions(trained.predictions("small", part), targets) for part in ("oof", "test"))
    assert set(oof["view"]) == {"plain", "tta"}
    assert set(test["view"]) == ({"plain", "tta"} if chosen == "tta" else {"plain"})
    assert read_provenance(trained.predictions("small", "test"))["chosen"] == chosen
    found = read_json(trained.tta_report("small"))
    assert [one["plain_weight"] for one in found["blends"]] == [0, 0.25, 0.5, 0.75] and found["views"] == 2
    assert f"small: {chosen} is used for the test set" in capsys.readouterr().out

    ensemble(trained)
    assert read_json(trained.ensemble("weights.json"))["members"] == [{"model": "small", "view": chosen, "weight": 1.0}]
    blended = read_predictions(trained.ensemble("test.parquet"), targets, "blend")
    own = test[test["view"] == chosen].set_index("id").loc[blended["id"]].reset_index()
    pd.testing.assert_series_equal(blended["label:dog"], own["label:dog"], check_names=False)


def test_it_shows_where_the_network_looked_in_its_most_wrong_pictures(trained: Workspace) -> None:
    tta(trained, "small")
    looked = pd.read_parquet(trained.looking("small"))
    targets = trained.competition.targets
    oof = read_predictions(trained.predictions("small", "oof"), targets, "plain").set_index("id")["label:dog"]
    truth = pd.read_parquet(trained.examples).set_index("id")["label"].loc[oof.index]
    loss = -np.log(np.where(truth == "dog", oof, 1 - oof))
    assert len(looked) == 12
    np.testing.assert_allclose(looked["loss"], np.sort(loss)[::-1][:12])
    row = looked.iloc[0]
    assert row["looked_for"] == ("dog" if oof[row["id"]] > 0.5 else "cat")
    assert row["fold"] == pd.read_parquet(trained.folds).set_index("id")["fold"][row["id"]]
    assert len(row["map"]) == row["rows"] * row["columns"]

    section = next(one for one in report_sections(read_inputs(trained)) if one.anchor == "looking")
    gallery = section.blocks[0]
    assert isinstance(gallery, Gallery) and gallery.pairs and len(gallery.pictures) == 12
    first = gallery.pictures[0]
    assert first.lines == (f"given {truth[row['id']]}", f"decided for {row['looked_for']}, loss {row['loss']:.3g}")
    assert (first.width_px, first.height_px) == (324, 160)
