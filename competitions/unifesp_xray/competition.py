"""UNIFESP X-ray Body Part Classifier: which parts of the body a radiograph shows; scored by the mean F1 of pictures.

A file is `train/train/NUMBER/STUDY/SERIES/ID-c.dcm`, the id its SOPInstanceUID. The pictures of a study are of one
person on one day, so they stay together. What is amiss with the files is listed, not hidden: see `problem` below.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pandas as pd

from common.competition import Competition
from common.decoding.expected_fbeta import ExpectedFbeta
from common.layouts import decoded_column
from common.metrics import fbeta
from common.targets import Multilabel

if TYPE_CHECKING:
    from common.raw.files import RawFiles

# Kaggle writes their positions.
PARTS = (
    *("Abdomen", "Ankle", "Cervical Spine", "Chest", "Clavicles", "Elbow", "Feet", "Finger", "Forearm", "Hand", "Hip"),
    *("Knee", "Lower Leg", "Lumbar Spine", "Others", "Pelvis", "Shoulder", "Sinus", "Skull", "Thigh"),
    *("Thoracic Spine", "Wrist"),
)
by_expected_f1 = ExpectedFbeta(1, never_empty=True)  # every radiograph shows something
body_parts = Multilabel(PARTS, separator="|", decide=by_expected_f1)
TABLES = {"train": "train.csv", "test": "sample_submission.csv"}


def read_examples(raw: "RawFiles") -> pd.DataFrame:
    """The rows of train.csv and of the sample submission, each with its file; and a row for each thing amiss."""
    columns = ["id", "part", "path", "parts", "group", "problem"]
    rows = [row for part, table in TABLES.items() for row in _rows(raw, part, table)]
    return pd.DataFrame(rows, columns=columns)


Row = tuple[str, str, str | None, str | None, str | None, str | None]


def _rows(raw: "RawFiles", part: str, table: str) -> Iterator[Row]:
    files: dict[str, list[str]] = {}
    for path in raw.under(part):
        if path.endswith(".dcm"):
            files.setdefault(PurePosixPath(path).stem.removesuffix("-c"), []).append(path)
    listed = raw.read_csv(table)
    for id_, written in zip(listed["SOPInstanceUID"], listed["Target"], strict=True):
        names = "|".join(PARTS[int(number)] for number in written.split()) if part == "train" else None
        paths = files.pop(id_, [])
        if not paths:
            yield id_, part, None, names, None, f"no file of this SOPInstanceUID, which is in {table}"
            continue
        yield id_, part, paths[0], names, PurePosixPath(paths[0]).parts[-3], None
        for path in paths[1:]:
            yield id_, part, path, names, None, f"the SOPInstanceUID of {paths[0]} once more"
    for id_, paths in files.items():
        for path in paths:
            yield id_, part, path, None, None, f"its SOPInstanceUID is not in {table}"


def submission(predictions: pd.DataFrame) -> pd.DataFrame:
    """The set of parts with the highest expected F1, as numbers with a space after each."""
    named = decoded_column(predictions, "parts", body_parts, "Target")
    return named.assign(Target=[_numbers(names) for names in named["Target"]])


def _numbers(names: str) -> str:
    return "".join(f"{PARTS.index(name)} " for name in names.split("|") if name)


COMPETITION = Competition(
    slug="unifesp-x-ray-body-part-classifier",
    title="UNIFESP X-ray Body Part Classifier",
    targets={"parts": body_parts},
    metric=fbeta(1, by_expected_f1),
    read_examples=read_examples,
    submission=submission,
    id_column="SOPInstanceUID",
)
