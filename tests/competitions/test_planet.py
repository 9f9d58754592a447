"""The drawn chips have Kaggle's layout in both forms and the flaws that they say; both forms become a submission."""

import io
import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import load_file

from common.decoding.expected_fbeta import expected_fbeta
from common.errors import PodiumError
from common.files import read_json, write_json
from common.images.decode import UnreadablePicture, decode, decode_bands
from common.metrics import fbeta
from common.predictions import read_predictions
from common.raw.files import RawFiles
from common.raw.manifest import make_manifest
from competitions.planet import sample
from competitions.planet.competition import COMPETITION, TAGS, WEATHER
from competitions.planet.sample import LABELLED, RARE_SETS, TAG_SETS, draw
from pipelines.ensemble import ensemble
from pipelines.labels import labels
from pipelines.preprocess import preprocess
from pipelines.report import report
from pipelines.split import split
from pipelines.submit import submit
from pipelines.train import train
from pipelines.tta import tta
from pipelines.workspace import Workspace

RECIPE = """
recipe: tiny
source: {kind: local, path: RAW}
preprocess: {input: INPUT, max_unreadable: 1}
folds: 2
folds_to_run: FOLDS
split: {near_duplicate_bits: 4}
use_corrections: false
extra: []
models:
  tiny:
    architecture: test_efficientnet
    weights: none
    image_size_px: 32
    epochs: 3
    learning_rate: 1.0e-2
    effective_batch_size: 16
    MORE
tta: {views: 1, plain_weight: 0.5}
ensemble: {calibration: platt, probability_clip: 0.001}
submit: {min_correlation: 0.9}
"""
AS_JPEG = {"INPUT": "default", "FOLDS": "[0, 1]", "MORE": "augmentation: top_down"}
AS_TIFF = {
    "INPUT": "tif",
    "FOLDS": "[0]",
    "MORE": "augmentation: bands\n    channels: 4\n    mean: [.05, .07, .08, .1]\n    std: [.01, .01, .01, .02]",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    draw(folder, seed=3)
    return folder


@pytest.fixture(scope="module")
def traps(folder):
    return json.loads((folder / "_traps.json").read_text())


@pytest.fixture(scope="module")
def inputs(folder):
    """The examples by either form of the pictures, by id."""
    readers = {"jpg": COMPETITION.reader("default"), "tif": COMPETITION.reader("tif")}
    return {name: read(RawFiles(folder)).set_index("id") for name, read in readers.items()}


def jpeg(folder, inputs, id_: str) -> bytes:
    return (folder / inputs["jpg"].loc[id_, "path"]).read_bytes()


def similarity(folder, inputs, id_: str) -> float:
    """Correlation of a chip's red channel in its JPEG and in its TIFF."""
    reds = (
        decode(jpeg(folder, inputs, id_)).pixels[:, :, 0],
        decode_bands((folder / inputs["tif"].loc[id_, "path"]).read_bytes(), "BGRN").pixels[:, :, 0],
    )
    return float(np.corrcoef(*(red.ravel().astype(float) for red in reds))[0, 1])


@pytest.mark.parametrize("form", ["jpg", "tif"])
def test_both_forms_have_the_same_rows(inputs, form):
    examples = inputs[form]
    assert examples["part"].value_counts().to_dict() == {"train": LABELLED, "test": 80}
    assert Counter(id_.split("_")[0] for id_ in examples.index) == {"train": LABELLED, "test": 60, "file": 20}
    assert examples["path"].str.endswith(form).all() and examples["path"].is_unique
    pd.testing.assert_series_equal(examples["tags"], inputs["jpg"]["tags"])
    truth = COMPETITION.targets["tags"].encode(examples.loc[examples["part"] == "train", "tags"])
    weather = truth[:, [TAGS.index(tag) for tag in WEATHER]]
    assert (weather.sum(axis=1) == 1).all()
    assert (truth.sum(axis=0) >= 6).all()
    assert (truth[truth[:, TAGS.index("cloudy")] == 1].sum(axis=1) == 1).all()


def test_tags_go_together_as_in_the_real_table(inputs):
    """Without the rows that were added for the rare tags, shares are those of the table, within their errors."""
    tags = inputs["jpg"]["tags"].dropna()
    usual = tags[~tags.isin(RARE_SETS)].str.get_dummies(" ").mean()
    entries = [entry.split(" ", 1) for line in TAG_SETS.split("\n") if line for entry in line.split("|")]
    table = pd.DataFrame(entries, columns=["rows", "tags"]).astype({"rows": int})
    table = table[~table["tags"].isin(RARE_SETS)]
    shares = table["tags"].str.get_dummies(" ").mul(table["rows"], axis=0).sum() / table["rows"].sum()
    for tag in ("clear", "partly_cloudy", "haze", "primary", "agriculture", "road", "water"):
        error = np.sqrt(shares[tag] * (1 - shares[tag]) / 190)
        assert abs(usual[tag] - shares[tag]) < 4 * error, tag


def test_the_same_seed_draws_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(sample, "LABELLED", 80)
    monkeypatch.setattr(sample, "TEST", 25)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        draw(tmp_path / name, seed=3)
    names = [path.relative_to(tmp_path / "one") for path in sorted((tmp_path / "one").rglob("*")) if path.is_file()]
    assert len(names) == 2 * (80 + 45) + 4
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_jpegs_are_of_four_components_but_for_one_and_one_is_truly_cmyk(folder, inputs, traps):
    def image(id_: str) -> Image.Image:
        return Image.open(io.BytesIO(jpeg(folder, inputs, id_)))

    modes = Counter(image(id_).mode for id_ in inputs["jpg"].index)
    assert modes == {"CMYK": LABELLED + 80 - 1, "RGB": 1}
    assert image(traps["three_components"]).mode == "RGB"
    marked = [id_ for id_ in inputs["jpg"].index if b"Adobe" in jpeg(folder, inputs, id_)[:200]]
    assert marked == [traps["cmyk"]]
    for id_ in (traps["cmyk"], traps["three_components"], "test_5"):
        assert similarity(folder, inputs, id_) > 0.8, id_


def test_one_chip_is_cut_short_in_both_forms(folder, inputs, traps):
    for form, decoder in (("jpg", decode), ("tif", lambda data: decode_bands(data, "BGRN"))):
        with pytest.raises(UnreadablePicture, match="cut short"):
            decoder((folder / inputs[form].loc[traps["truncated"], "path"]).read_bytes())


def test_the_mapping_puts_the_additional_tiffs_right(folder, inputs, traps):
    """Each lies under another one's name; the id is that of the JPEG, so the TIFF must show what the JPEG shows."""
    misnamed = [name for name, under in traps["tifs_under_wrong_names"].items() if name != under]
    assert len(misnamed) > 15
    for id_ in misnamed:
        assert inputs["tif"].loc[id_, "path"] == f"test-tif-v2/{traps['tifs_under_wrong_names'][id_]}.tif"
        assert similarity(folder, inputs, id_) > 0.8, id_


def test_water_is_dark_in_near_infrared_and_forest_is_bright(folder, inputs, traps):
    def near_infrared(tags: str) -> float:
        wrong = {
            traps["truncated"],
            *traps["wrong_labels"],
            *(pair[1] for pair in traps["near_duplicates_across_tags"]),
        }
        chips = inputs["tif"][(inputs["tif"]["tags"] == tags) & ~inputs["tif"].index.isin(wrong)]
        content = [(folder / path).read_bytes() for path in chips["path"][:5]]
        return min(np.quantile(decode_bands(data, "BGRN").pixels[:, :, 3], 0.02) for data in content)

    assert near_infrared("clear primary water") < 4500 < near_infrared("clear primary")


def test_pairs_are_what_they_say_and_no_chip_is_in_two_traps(folder, inputs, traps):
    tags = inputs["jpg"]["tags"]
    assert all(jpeg(folder, inputs, one) == jpeg(folder, inputs, other) for one, other in traps["exact_duplicates"])
    assert all(tags[one] != tags[other] for one, other in traps["near_duplicates_across_tags"])
    for one, other in traps["near_duplicates_across_train_and_test"]:
        assert tags[one] == traps["test_tags"][other]
    pairs = [pair for name in traps if "duplicates" in name for pair in traps[name]]
    singles = [traps[name] for name in ("three_components", "cmyk", "truncated")]
    ids = [*traps["wrong_labels"], *singles, *(id_ for pair in pairs for id_ in pair)]
    assert len(ids) == len(set(ids)) == 6 + 3 + 2 * (3 + 3 + 2)


def test_archives_that_are_not_unpacked_are_named(tmp_path):
    (tmp_path / "train-jpg.tar.7z").touch()
    with pytest.raises(PodiumError, match=r"unpack train-jpg\.tar\.7z"):
        COMPETITION.read_examples(RawFiles(tmp_path))


def test_an_input_that_does_not_exist_is_refused():
    with pytest.raises(PodiumError, match="'tiff' is none of default, tif"):
        COMPETITION.reader("tiff")


@pytest.fixture(scope="module", params=["jpg", "tif"])
def finished(folder, request, tmp_path_factory):
    """The workspace after all stages, by a recipe that takes seconds."""
    root = tmp_path_factory.mktemp("repository")
    workspace = Workspace(root, "planet")
    workspace.known_good.mkdir(parents=True)
    (workspace.folder / "corrections.csv").write_text("id,decision,old,new,who,when,note\n")
    (root / "params.yaml").write_text("seed: 5\nmachine: {device: cpu, workers: 1, loader_workers: 0, threads: 1}\n")
    text = RECIPE.replace("RAW", str(folder))
    for key, value in {"jpg": AS_JPEG, "tif": AS_TIFF}[request.param].items():
        text = text.replace(key, value)
    workspace.params_path.write_text(text)
    write_json(workspace.raw_manifest, make_manifest(folder))
    for stage in (preprocess, split, labels):
        stage(workspace)
    for fold in workspace.folds_to_run:
        train(workspace, "tiny", fold)
    tta(workspace, "tiny")
    for stage in (ensemble, submit, report):
        stage(workspace)
    return workspace


def test_from_raw_files_to_a_checked_submission(finished, folder):
    assert read_json(finished.submission_report)["ok"]
    submission = pd.read_csv(finished.submission, dtype=str, keep_default_na=False)
    sample_submission = pd.read_csv(folder / "sample_submission_v2.csv", dtype=str)
    assert list(submission.columns) == ["image_name", "tags"]
    assert submission["image_name"].tolist() == sample_submission["image_name"].tolist()
    assert (submission["tags"] != "").all()


def test_planted_pairs_are_found_in_both_forms_and_no_others(finished, traps):
    found = read_json(finished.split_report)["duplicates"]
    in_train = [*traps["near_duplicates_across_tags"], *traps["exact_duplicates"]]
    assert sorted(entry["ids"] for entry in found["in_train"]) == sorted(map(sorted, in_train))
    across = sorted(entry["train"] + entry["test"] for entry in found["across_train_and_test"])
    assert across == sorted(traps["near_duplicates_across_train_and_test"])


def test_the_pictures_reach_the_network_with_all_their_bands(finished):
    examples = pd.read_parquet(finished.examples)
    channels, bits = (4, 16) if finished.params["preprocess"]["input"] == "tif" else (3, 8)
    assert set(examples["channels"].dropna()) == {channels} and set(examples["bits"].dropna()) == {bits}
    assert "bands" not in examples
    weights = load_file(finished.fold_run("tiny", 0) / "weights.safetensors")
    assert weights["body.conv_stem.weight"].shape[1] == channels


def test_the_submission_is_decided_as_the_score_was(finished):
    """Both by the highest expected F2 of the probabilities that are stored."""
    target = COMPETITION.targets["tags"]
    table = read_predictions(finished.ensemble("test.parquet"), COMPETITION.targets, "blend").set_index("id")
    submission = pd.read_csv(finished.submission, dtype=str, keep_default_na=False).set_index("image_name")["tags"]
    decided = target.decode(table.loc[submission.index, [f"tags:{tag}" for tag in TAGS]].to_numpy())
    assert submission.tolist() == decided.tolist()

    oof = read_predictions(finished.ensemble("oof.parquet"), COMPETITION.targets, "blend").set_index("id")
    truth = target.encode(pd.read_parquet(finished.examples).set_index("id")["tags"].loc[oof.index])
    tags = expected_fbeta(oof[[f"tags:{tag}" for tag in TAGS]].to_numpy(), 2, target.decide.exclusive)[0]
    cv = read_json(finished.ensemble("cv.json"))
    assert cv["metric"] == "f2" and cv["score"] == pytest.approx(fbeta(2)(truth, tags.astype(float)))
    assert cv["decisions"]["expected"]["score"] == pytest.approx(cv["score"])
    assert set(read_json(finished.ensemble("weights.json"))["calibration"]) == set(TAGS)


def test_the_report_compares_the_ways_to_decide(finished):
    page = finished.report.read_text(encoding="utf-8")
    for words in ("From probabilities to tags", "one threshold", "a threshold a tag", "not calibrated"):
        assert words in page
