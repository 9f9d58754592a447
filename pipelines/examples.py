"""The tables that several stages read, and the pictures of a part at a model's size."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from common.errors import PodiumError
from common.images.cache import decode_once
from common.tables import read_table
from common.training.options import ModelOptions
from pipelines.workspace import Machine, Workspace


@dataclass(frozen=True)
class Part:
    """The rows of `train` or `test` that have a picture, and its pixels (n, side, side, 3)."""

    table: pd.DataFrame
    pixels: np.ndarray


def read_examples(workspace: Workspace, part: str) -> pd.DataFrame:
    """Rows of examples.parquet of one part, by id."""
    examples = read_table(workspace.examples, "preprocess")
    return examples[examples["part"] == part].reset_index(drop=True)


def read_training_rows(workspace: Workspace) -> pd.DataFrame:
    """Training rows with their `fold` and `group`, by id; the labels are those that were given."""
    examples, folds = read_examples(workspace, "train"), read_table(workspace.folds, "split")
    rows = examples.drop(columns="group", errors="ignore").merge(folds, on="id", how="inner", validate="one_to_one")
    if len(rows) != len(examples) or len(rows) != len(folds):
        raise PodiumError(
            f"{workspace.folds} and {workspace.examples} hold different ids ({len(folds):,} and {len(examples):,} "
            "rows): run the stage split again"
        )
    return rows


def read_part(workspace: Workspace, part: str, options: ModelOptions) -> Part:
    """Rows of a part that have a picture, decoded once to the model's size."""
    table = read_training_rows(workspace) if part == "train" else read_examples(workspace, part)
    table = table[table["file"].notna()].reset_index(drop=True)
    pixels = decode_once(
        workspace.images,
        table["file"].tolist(),
        table["content_hash"].tolist(),
        int(table["bits"].max()) if len(table) else 8,
        options.image_size_px,
        options.resize,
        Machine.of(workspace).workers,
    )
    return Part(table, pixels)
