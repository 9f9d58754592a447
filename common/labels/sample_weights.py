"""Weights of training rows, from a Parquet file: how often each is drawn in training."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from common.errors import PodiumError

COLUMNS = ("id", "weight")


def read_sample_weights(path: Path, ids: Sequence[str], extra_ids: Sequence[str] = ()) -> pd.DataFrame:
    """`id` and `weight` (float64) of the training rows `ids`, in that order, then of those `extra_ids` that have one.

    Extra rows may lack one here, since those that show what train or test shows are not trained on.

    Raises PodiumError naming the file and the first id that is missing, there twice or no training row's, and a
    weight that is not a number of 0 or more; some weight must be above 0.
    """
    try:
        table = pd.read_parquet(path)
    except FileNotFoundError:
        raise PodiumError(
            f"{path}: no such file; write a Parquet file with the columns {' and '.join(COLUMNS)}"
        ) from None
    except (pa.ArrowInvalid, OSError) as error:
        raise PodiumError(f"{path}: not a Parquet file that can be read: {error}") from None
    if sorted(table.columns) != sorted(COLUMNS):
        raise PodiumError(f"{path}: the columns are {list(table.columns)}; expected {list(COLUMNS)}")
    weights = pd.to_numeric(table["weight"], errors="coerce").to_numpy(dtype=np.float64)
    for bad, problem in (
        (~table["id"].map(lambda value: isinstance(value, str)).to_numpy(dtype=bool), "is not text"),
        (table["id"].duplicated().to_numpy(), "stands there twice"),
        (~table["id"].isin([*ids, *extra_ids]).to_numpy(), "is no training example with a readable picture"),
        (~np.isfinite(weights) | (weights < 0), "has a weight that is not a number of 0 or more"),
    ):
        if bad.any():
            raise PodiumError(f"{path}: id {table['id'].tolist()[int(bad.argmax())]!r} {problem} ({bad.sum():,} rows)")
    named = set(table["id"])
    found = pd.Series(weights, index=table["id"]).reindex([*ids, *(one for one in extra_ids if one in named)])
    missing = found.index[found.isna()]
    if len(missing):
        raise PodiumError(f"{path}: {len(missing):,} training examples have no weight (first: {missing[0]!r})")
    if not found.any():
        raise PodiumError(f"{path}: all weights are 0; no row would be trained on")
    return pd.DataFrame({"id": found.index.to_numpy(dtype=object), "weight": found.to_numpy()})
