"""Paddy Doctor: what ails a rice plant, from a photograph of its leaves."""

from typing import TYPE_CHECKING

import pandas as pd

from common.competition import Competition
from common.layouts import decoded_column, examples_of_table, rows_to_predict
from common.metrics import accuracy
from common.targets import Multiclass, Regression, Target

if TYPE_CHECKING:
    from common.raw.files import RawFiles

DISEASES = (
    "bacterial_leaf_blight",
    "bacterial_leaf_streak",
    "bacterial_panicle_blight",
    "blast",
    "brown_spot",
    "dead_heart",
    "downy_mildew",
    "hispa",
    "normal",
    "tungro",
)
VARIETIES = (
    "ADT45",
    "AndraPonni",
    "AtchayaPonni",
    "IR20",
    "KarnatakaPonni",
    "Onthanel",
    "Ponni",
    "RR",
    "Surya",
    "Zonal",
)
# The metric looks at the label alone. Variety and age, in days, are what a network may learn beside it; rows without
# them teach nothing about them.
TARGETS: dict[str, Target] = {
    "label": Multiclass(DISEASES),
    "variety": Multiclass(VARIETIES),
    "age": Regression(scale=10),
}


def read_examples(raw: "RawFiles") -> pd.DataFrame:
    """train.csv describes the picture train_images/LABEL/IMAGE_ID; the pictures to predict have no label."""
    test = rows_to_predict(raw, "sample_submission.csv", "image_id", "test_images")
    return examples_of_table(raw, "train.csv", "image_id", {name: name for name in TARGETS}, "train_images", test)


def submission(predictions: pd.DataFrame) -> pd.DataFrame:
    """The column `label` is the likeliest disease."""
    return decoded_column(predictions, "label", TARGETS["label"], "label")


COMPETITION = Competition(
    slug="paddy-disease-classification",
    title="Paddy Doctor: Paddy Disease Classification",
    targets=TARGETS,
    metric=accuracy,
    read_examples=read_examples,
    submission=submission,
    id_column="image_id",
)
