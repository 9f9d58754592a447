"""Dogs vs. Cats Redux: Kernels Edition: the probability that a photograph shows a dog."""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pandas as pd

from common.competition import Competition
from common.metrics import log_loss
from common.targets import Binary

if TYPE_CHECKING:
    from common.raw.files import RawFiles


def read_examples(raw: "RawFiles") -> pd.DataFrame:
    """`train/cat.0.jpg` is the cat with id `cat.0`, `test/1.jpg` the test picture with id `1`."""
    rows = []
    for part in ("train", "test"):
        for path in raw.under(part):
            name = PurePosixPath(path)
            if name.suffix == ".jpg":
                label = name.stem.partition(".")[0] if part == "train" else None
                rows.append((name.stem, part, path, label))
    return pd.DataFrame(rows, columns=["id", "part", "path", "label"])


def submission(predictions: pd.DataFrame) -> pd.DataFrame:
    """The column `label` is the probability of a dog."""
    return predictions.rename(columns={"label:dog": "label"})[["label"]]


COMPETITION = Competition(
    slug="dogs-vs-cats-redux-kernels-edition",
    title="Dogs vs. Cats Redux: Kernels Edition",
    targets={"label": Binary("cat", "dog")},
    metric=log_loss,
    read_examples=read_examples,
    submission=submission,
)
