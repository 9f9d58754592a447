"""The rows of a part that have a picture, and their pixels at a model's size."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from common.images.cache import decode_once
from common.training.options import ModelOptions
from pipelines.examples import read_examples, read_training_rows
from pipelines.workspace import Machine, Workspace


@dataclass(frozen=True)
class Part:
    """The rows of `train` or `test` that have a picture, and its pixels (n, side, side, channels)."""

    table: pd.DataFrame
    pixels: np.ndarray


def read_part(workspace: Workspace, part: str, options: ModelOptions) -> Part:
    """Rows of a part that have a picture, decoded once to the model's largest size."""
    table = read_training_rows(workspace) if part == "train" else read_examples(workspace, part)
    table = table[table["file"].notna()].reset_index(drop=True)
    pixels = decode_once(
        workspace.images,
        table["file"].tolist(),
        table["content_hash"].tolist(),
        int(table["bits"].max()) if len(table) else 8,
        max(options.image_sizes_px),
        options.resize,
        Machine.of(workspace).workers,
        options.channels,
    )
    return Part(table, pixels)
