"""The rows of a part that have a picture, and their pixels at a model's size."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from common.images.cache import decode_once
from common.images.pictures import Pictures
from common.tables import read_table
from common.training.options import ModelOptions
from pipelines.examples import read_examples, read_extra_rows, read_training_rows
from pipelines.workspace import Machine, Workspace


@dataclass(frozen=True)
class Part:
    """The rows of `train` (then extra ones) or `test` that have a picture; its pixels (n, side, side, channels)."""

    table: pd.DataFrame
    pixels: Pictures


def read_part(workspace: Workspace, part: str, options: ModelOptions) -> Part:
    """Rows of a part that have a picture, decoded once to the model's largest size.

    Not to the largest of all models: a picture made smaller twice is another one than made smaller once, and no model
    should change with its neighbours in the recipe. Models of equal size, `resize` and `channels` share a map.
    """
    if part == "train":
        table = pd.concat([read_training_rows(workspace), read_extra_rows(workspace)])
    else:
        table = read_examples(workspace, part)
    table = table[table["file"].notna()].reset_index(drop=True)
    everything = read_table(workspace.examples, "preprocess").dropna(subset="file")  # both parts share one map
    machine = Machine.of(workspace)
    pixels = decode_once(
        workspace.images,
        everything["file"].tolist(),
        everything["content_hash"].tolist(),
        int(everything["bits"].max()) if len(everything) else 8,
        max(options.image_sizes_px),
        options.resize,
        machine.workers,
        options.channels,
        machine.cache_bytes,
    )
    row_of = pd.Series(np.arange(len(everything)), index=everything["file"])
    return Part(table, pixels.take(row_of.loc[table["file"]].to_numpy()))
