"""`podium predict`: a picture of the test part gets the numbers of the ensemble, any other one is treated like it."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from common.errors import PodiumError
from common.files import write_json
from common.raw.manifest import make_manifest
from competitions.dogs_vs_cats.sample import draw
from pipelines.ensemble import ensemble
from pipelines.labels import labels
from pipelines.predict import predict_command
from pipelines.preprocess import preprocess
from pipelines.split import split
from pipelines.train import train
from pipelines.tta import tta
from pipelines.workspace import Workspace

# Two kinds of training, augmented views, calibration and a clip: each is a step that prediction has to repeat.
RECIPE = """\
recipe: sample
source: {kind: local, path: raw}
preprocess: {max_unreadable: 1}
folds: 2
folds_to_run: [0, 1]
split: {near_duplicate_bits: 4}
extra: []
use_corrections: false
models:
  whole:
    architecture: test_resnet
    weights: none
    image_size_px: 48
    resize: pad
    epochs: 1
    learning_rate: 3.0e-3
    effective_batch_size: 16
  head:
    architecture: test_convnext
    weights: none
    image_size_px: 32
    augmentation: mirror
    head_views: 2
    epochs: 0
    learning_rate: 3.0e-3
    effective_batch_size: 16
tta: {views: 1, plain_weight: 0.4}
ensemble: {calibration: platt, probability_clip: 0.01}
submit: {min_correlation: 0.9}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Workspace:
    """A repository in which all stages up to the ensemble have run on some of the drawn pictures."""
    root = tmp_path_factory.mktemp("repository")
    folder = root / "competitions" / "dogs_vs_cats"
    folder.mkdir(parents=True)
    (folder / "competition.py").touch()
    (folder / "corrections.csv").write_text("id,decision,old,new,who,when,note\n")
    (folder / "params.yaml").write_text(RECIPE)
    (root / "params.yaml").write_text("seed: 5\nmachine: {device: cpu, workers: 1, threads: 1}\n")
    draw(folder / "drawn", seed=5)
    traps = json.loads((folder / "drawn" / "_traps.json").read_text())
    for part in ("train", "test"):
        (folder / "raw" / part).mkdir(parents=True)
    for number in range(16):
        for kind in ("cat", "dog"):
            shutil.copy(folder / "drawn" / "train" / f"{kind}.{number}.jpg", folder / "raw" / "train")
    # Odd encodings among those to predict, since these are where a second way of reading would differ.
    shutil.copy(folder / "drawn" / "train" / f"{traps['cmyk']}.jpg", folder / "raw" / "test" / "1.jpg")
    shutil.copy(folder / "drawn" / "train" / f"{traps['exif_rotated']}.jpg", folder / "raw" / "test" / "2.jpg")
    shutil.copy(folder / "drawn" / "train" / f"{traps['greyscale']}.jpg", folder / "raw" / "test" / "3.jpg")
    for number in range(4, 9):
        shutil.copy(folder / "drawn" / "test" / f"{number}.jpg", folder / "raw" / "test")
    workspace = Workspace.open("dogs_vs_cats", root)
    write_json(workspace.raw_manifest, make_manifest(folder / "raw"))
    preprocess(workspace)
    split(workspace)
    labels(workspace)
    for model in workspace.models:
        for fold in workspace.folds_to_run:
            train(workspace, model, fold)
        tta(workspace, model)
    ensemble(workspace)
    return workspace


def picture(workspace: Workspace, name: str) -> Path:
    return workspace.folder / "raw" / name


def predicted(workspace: Workspace, files: list[Path], csv: Path) -> pd.DataFrame:
    assert predict_command(workspace, files, False, csv) == 0
    return pd.read_csv(csv, dtype={"id": str}, keep_default_na=False)


def test_test_pictures_get_the_numbers_of_the_ensemble(trained, tmp_path):
    files = sorted((trained.folder / "raw" / "test").iterdir(), reverse=True)
    table = predicted(trained, files, tmp_path / "test.csv").set_index("id")
    expected = pd.read_parquet(trained.ensemble("test.parquet")).set_index("id")["label:dog"]
    assert set(table["part"]) == {"test"}
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(table["label:dog"].loc[expected.index], expected, rtol=0, atol=1e-6)


def test_one_picture_alone_gets_the_same_as_among_others(trained, tmp_path):
    file = picture(trained, "test/2.jpg")
    alone = predicted(trained, [file], tmp_path / "alone.csv")
    among = predicted(trained, [picture(trained, "test/8.jpg"), file], tmp_path / "among.csv")
    assert alone["label:dog"][0] == pytest.approx(among["label:dog"][1], abs=1e-6)


def test_a_new_picture_is_predicted_and_a_training_picture_is_named_as_such(trained, tmp_path, capsys):
    new = tmp_path / "new.png"
    Image.open(picture(trained, "train/cat.3.jpg")).convert("RGB").rotate(5).save(new)
    assert predict_command(trained, [new, picture(trained, "train/cat.3.jpg")], False, None) == 0
    shown = capsys.readouterr()
    assert shown.out.count("trained on it") == 1
    assert "fold 0" in shown.err and "fold 0" not in shown.out


def test_json_has_the_decision_and_all_probabilities(trained, capsys):
    assert predict_command(trained, [picture(trained, "test/4.jpg")], True, None) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["file"].endswith("test/4.jpg") and (row["part"], row["id"]) == ("test", "4")
    assert row["label"] == ("dog" if row["label:dog"] > 0.5 else "cat")


def test_unreadable_pictures_are_named_and_the_others_predicted(trained, tmp_path, capsys):
    cut, none, deep = tmp_path / "cut.jpg", tmp_path / "none.jpg", tmp_path / "deep.png"
    cut.write_bytes(picture(trained, "test/5.jpg").read_bytes()[:600])
    data = io.BytesIO()
    Image.fromarray(np.full((40, 40), 40_000, np.uint16)).save(data, "PNG")
    deep.write_bytes(data.getvalue())
    assert predict_command(trained, [cut, picture(trained, "test/4.jpg"), none, deep], True, None) == 1
    shown = capsys.readouterr()
    assert [Path(row["file"]).name for row in json.loads(shown.out)] == ["4.jpg"]
    assert "cut.jpg: cannot be read: cut short" in shown.err
    assert "none.jpg: cannot be read: No such file" in shown.err
    assert "deep.png: cannot be read: has 16 bits; the networks were trained on 8" in shown.err
    with pytest.raises(PodiumError, match="none of the pictures can be read"):
        predict_command(trained, [none], False, None)


def test_what_is_not_trained_says_how_to_train_it(trained, tmp_path):
    shutil.copytree(trained.root, tmp_path / "copy")
    workspace = Workspace.open("dogs_vs_cats", tmp_path / "copy")
    (workspace.fold_run("whole", 1) / "weights.safetensors").unlink()
    message = r"dogs_vs_cats is not trained: no competitions/.*/1/weights\.safetensors; run: dvc repro dogs_vs_cats"
    with pytest.raises(PodiumError, match=message):
        predict_command(workspace, [picture(workspace, "test/4.jpg")], False, None)
    shutil.rmtree(workspace.folder / "ensemble")
    with pytest.raises(PodiumError, match=r"is not trained: no competitions/dogs_vs_cats/ensemble/weights\.json"):
        predict_command(workspace, [picture(workspace, "test/4.jpg")], False, None)
