"""Tables between stages: Parquet files that are whole or absent, equal content in equal bytes."""

from pathlib import Path

import pandas as pd

from common.errors import PodiumError
from common.files import replacing


def write_table(path: Path, table: pd.DataFrame) -> None:
    """Write the columns of `table` (not its index), compressed with zstd."""
    with replacing(path) as beside:
        table.to_parquet(beside, index=False, compression="zstd")


def read_table(path: Path, stage: str) -> pd.DataFrame:
    """Read a table that the stage `stage` writes; PodiumError naming it when there is none."""
    if not path.is_file():
        raise PodiumError(f"{path}: no such table; the stage `{stage}` writes it (dvc repro)")
    return pd.read_parquet(path)
