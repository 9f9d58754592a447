"""UNIFESP's radiographs, drawn: from DICOM to a checked submission, with nothing about a person in any output."""

import contextlib
import io
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword

from common.errors import PodiumError
from common.images.store import ImageStore
from common.raw.files import RawFiles
from common.raw.manifest import make_manifest
from competitions.unifesp_xray.competition import COMPETITION, PARTS
from competitions.unifesp_xray.sample import draw
from pipelines.report import read_inputs
from pipelines.workspace import Workspace
from tests.whole_run import run_all_stages

# Attributes that tell of a person, a place or a day (PS3.15 table E.1-1), with values that no output may hold.
PLANTED = {
    **{name: f"PLANTED{number:02d}^X" for number, name in enumerate(["PatientName", "ReferringPhysicianName"])},
    **{
        name: f"PLANTED{number:02d}"
        for number, name in enumerate(
            [
                "PatientID",
                "AccessionNumber",
                "StudyID",
                "InstitutionName",
                "StationName",
                "OperatorsName",
                "StudyDescription",
                "SeriesDescription",
                "Manufacturer",
                "ManufacturerModelName",
                "DeviceSerialNumber",
                "PatientComments",
                "BodyPartExamined",
                "ImageComments",
                "ProtocolName",
                "PatientAddress",
                "RequestedProcedureDescription",
            ],
            start=10,
        )
    },
    **dict.fromkeys(["PatientBirthDate", "StudyDate", "SeriesDate", "ContentDate", "AcquisitionDate"], "19631122"),
    **dict.fromkeys(["StudyTime", "SeriesTime", "ContentTime"], "123456.654321"),
    "PatientAge": "057Y",
}
# Four letters may stand by chance in a picture that is written as text.
LEAKS = re.compile(rb"PLANTED\d\d|19631122|123456\.654321|(?<![A-Za-z0-9+/])057Y(?![A-Za-z0-9+/=])")

TINY = """
recipe: sample
source: {kind: local, path: raw}
preprocess: {max_unreadable: 5, dicom: {longest_side_px: 128}}
folds: 2
folds_to_run: [0, 1]
split: {near_duplicate_bits: 0}
extra: []
use_corrections: false
models:
  tiny:
    architecture: test_convnext
    weights: none
    channels: 1
    image_size_px: 32
    resize: pad
    augmentation: radiograph
    head_views: 1
    epochs: 0
    learning_rate: 3.0e-3
    effective_batch_size: 32
tta: {views: 1, plain_weight: 0.5}
ensemble: {probability_clip: 0.01}
submit: {min_correlation: 0.9}
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory, monkeypatch_module):
    """All stages on files in which every text is planted: the workspace, its raw files, and what was printed."""
    root, raw = tmp_path_factory.mktemp("repository"), tmp_path_factory.mktemp("raw")
    monkeypatch_module.setenv("PODIUM_SCRATCH", str(root / "scratch"))
    draw(raw, seed=6)
    files = sorted(raw.rglob("*.dcm"))
    for path in files:
        _plant(path)
    train = [path for path in files if "/train/" in str(path)]
    train[0].with_name("1.2.3-c.dcm").write_bytes(train[0].read_bytes())  # not in train.csv
    again = train[1].parent / "again"
    again.mkdir()
    shutil.copy(train[1], again)  # the same SOPInstanceUID once more
    train[2].write_bytes(b"no DICOM at all" * 20)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        workspace = run_all_stages(root, "unifesp_xray", TINY.replace("path: raw", f"path: {raw}"))
    return workspace, raw, printed.getvalue()


def _plant(path: Path) -> None:
    try:
        dataset = dcmread(path)
        for name, value in PLANTED.items():
            assert tag_for_keyword(name) is not None
            setattr(dataset, name, value)
        dataset.save_as(path)
    except Exception:
        pass  # the file that is cut short


def test_raw_files_to_a_checked_submission(finished):
    workspace, raw, _ = finished
    checks = json.loads(workspace.submission_report.read_text())
    assert checks["ok"], checks
    lines = workspace.submission.read_text().splitlines()
    sample = (raw / "sample_submission.csv").read_text().splitlines()
    assert lines[0] == "SOPInstanceUID,Target"
    assert [line.split(",")[0] for line in lines] == [line.split(",")[0] for line in sample]
    assert all(re.fullmatch(r"[\d.]+,(\d{1,2} )+", line) for line in lines[1:])  # a space after each number


def test_nothing_about_a_person_reaches_an_output(finished):
    workspace, raw, printed = finished
    planted = [path for path in raw.rglob("*.dcm") if LEAKS.search(path.read_bytes())]
    assert len(planted) > 80
    outputs = [path for path in workspace.root.rglob("*") if path.is_file()]  # the scratch cache is among them
    assert len(outputs) > 25
    for path in outputs:
        content = path.read_bytes()
        if path.suffix == ".parquet":  # packed: its text would be hidden
            content += pd.read_parquet(path).to_csv().encode()
        assert not LEAKS.search(content), path
    assert "epoch" in printed or "CV f1" in printed
    assert not LEAKS.search(printed.encode())


def test_the_groups_are_studies_and_their_names_are_hashes(finished):
    workspace, _, _ = finished
    examples = pd.read_parquet(workspace.examples)
    studies = examples["path"].str.split("/").str[-3]
    assert examples.groupby(studies)["group"].nunique().max() == 1
    assert examples["group"].nunique() == studies.nunique() < len(examples)
    assert examples["group"].str.fullmatch(r"[0-9a-f]{16}").all()
    folds = pd.read_parquet(workspace.folds).set_index("id")["fold"]
    train = examples[examples["part"] == "train"]
    assert folds[train["id"]].groupby(train["group"].to_numpy()).nunique().max() == 1


def test_what_is_amiss_is_listed_and_everything_else_goes_on(finished):
    workspace, raw, _ = finished
    traps = json.loads((raw / "_traps.json").read_text())
    listed = pd.read_csv(workspace.unreadable, dtype=str).set_index("id")
    reasons = listed["reason"]
    assert len(listed) == 5
    assert "cut short" in reasons[traps["cut_short"]]
    assert reasons[traps["no_file"]] == "no file of this SOPInstanceUID, which is in train.csv"
    assert reasons["1.2.3"] == "its SOPInstanceUID is not in train.csv"
    told = sorted(reasons.drop([traps["cut_short"], traps["no_file"], "1.2.3"]))
    assert "DICOM" in told[0]
    assert told[1].startswith("the SOPInstanceUID of train/train/") and told[1].endswith("once more")
    assert listed["path"].drop(traps["no_file"]).str.endswith("-c.dcm").all()


def test_the_table_and_the_report_say_how_pictures_were_made(finished):
    workspace, _, _ = finished
    examples = pd.read_parquet(workspace.examples)
    assert (examples["bits"] == 16).all() and (examples["channels"] == 1).all()
    assert set(examples["photometric_interpretation"]) == {"MONOCHROME1", "MONOCHROME2"}
    assert examples["transfer_syntax"].nunique() >= 5 and examples["decoder"].notna().all()
    inverted = examples["mapping"].str.contains("inverted")
    assert (inverted == (examples["photometric_interpretation"] == "MONOCHROME1")).all()
    assert examples[["width_px", "height_px"]].max(axis=None) == 128
    assert (examples["original_height_px"] > 128).any()
    page = workspace.report.read_text()
    for heading in ("Before and after", "Transfer syntax", "Photometric interpretation", "Bits stored", "Mapping"):
        assert f"<h3>{heading}</h3>" in page
    assert read_inputs(workspace).part("test")["transfer_syntax"].notna().all()
    with ImageStore(workspace.images) as store:
        row = examples[examples["photometric_interpretation"] == "MONOCHROME1"].iloc[0]
        after, before = store.read(row["file"]), store.read(f"before/{row['file'].removesuffix('.png')}.jpg")
    # Air is stored as a great number, and shown dark.
    assert after[:4].mean() < after.mean() and before[:3].mean() > before.mean()


def test_more_amiss_than_the_recipe_allows_ends_the_stage_and_a_rerun_reads_nothing_twice(tmp_path, monkeypatch):
    from pipelines.preprocess import preprocess

    workspace = Workspace(tmp_path, "unifesp_xray")
    (workspace.folder / "raw").mkdir(parents=True)
    (tmp_path / "params.yaml").write_text("seed: 5\nmachine: {workers: 1}\n")
    draw(workspace.folder / "raw", seed=5)
    text = "source: {kind: local, path: raw}\npreprocess: {max_unreadable: ALLOWED}\n"
    workspace.params_path.write_text(text.replace("ALLOWED", "1"))
    workspace.data.mkdir()
    workspace.raw_manifest.write_text(json.dumps(make_manifest(workspace.folder / "raw")))
    with pytest.raises(PodiumError, match=r"2 of 85 pictures cannot be read .*max_unreadable: 2"):
        preprocess(workspace)
    assert not workspace.examples.exists()
    assert len(pd.read_csv(workspace.unreadable)) == 2
    workspace.params_path.write_text(text.replace("ALLOWED", "2"))
    monkeypatch.setattr("common.images.ingest.examine", None)  # nothing is left to examine
    preprocess(Workspace(tmp_path, "unifesp_xray"))
    assert len(pd.read_parquet(workspace.examples)) == 83


def test_a_test_picture_without_a_file_is_still_predicted(tmp_path):
    draw(tmp_path, seed=5)
    with open(tmp_path / "sample_submission.csv", "a") as file:
        file.write("1.2.4,14 \n")
    examples = COMPETITION.read_examples(RawFiles(tmp_path))
    row = examples[examples["id"] == "1.2.4"].iloc[0]
    assert row["part"] == "test" and pd.isna(row["path"]) and row["problem"].startswith("no file")


def test_the_sample_is_distributed_as_the_real_set(tmp_path):
    draw(tmp_path, seed=5)
    traps = json.loads((tmp_path / "_traps.json").read_text())
    table = pd.read_csv(tmp_path / "train.csv", dtype=str)
    assert table["Target"].str.endswith(" ").all() and len(table) == 61
    shares = table["Target"].str.split().explode().astype(int).map(dict(enumerate(PARTS)).get).value_counts(True)
    assert shares.idxmax() == "Chest" and 0.3 < shares["Chest"] < 0.6
    files = list((tmp_path / "train").rglob("*.dcm"))
    assert all(len(path.relative_to(tmp_path).parts) == 6 for path in files)
    assert {path.name.removesuffix("-c.dcm") for path in files} == set(table["SOPInstanceUID"]) - {traps["no_file"]}
    studies = {path.parts[-3] for path in files}
    assert 1.4 < len(files) / len(studies) < 2.6
    assert len(traps["wrong_labels"]) == 3 and len(traps["test_labels"]) == 24
