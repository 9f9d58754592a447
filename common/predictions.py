"""The prediction store: one Parquet file, keyed by id, view and class, never by position.

Columns: `id` (text, as Kaggle writes it), `view` (`plain`, `tta` or `blend`), then `TARGET:CLASS` for each
class (`TARGET` for a number), float64. Provenance lies in the file's metadata under `podium`.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from common.errors import PodiumError
from common.files import replacing
from common.targets import Multiclass, Target, columns_of

VIEWS = ("plain", "tta", "blend")
_METADATA_KEY = b"podium"


def prediction_columns(targets: Mapping[str, Target]) -> list[str]:
    """Every prediction column of `targets`, in order."""
    return [column for name, target in targets.items() for column in columns_of(name, target)]


def make_table(
    ids: Sequence[str], view: str, predictions: Mapping[str, np.ndarray], targets: Mapping[str, Target]
) -> pd.DataFrame:
    """A table of the store from arrays (n, outputs) a target, of any float, rows in the order of `ids`."""
    parts = [pd.DataFrame({"id": np.asarray(ids, dtype=object), "view": view})]
    for name, target in targets.items():
        parts.append(pd.DataFrame(np.asarray(predictions[name], dtype=np.float64), columns=columns_of(name, target)))
    return pd.concat(parts, axis=1)


def write_predictions(
    path: Path, table: pd.DataFrame, targets: Mapping[str, Target], provenance: Mapping[str, Any]
) -> None:
    """Validate `table` and write it, sorted by view and id, so that equal predictions are equal bytes."""
    validate_predictions(table, targets, str(path))
    table = table.sort_values(["view", "id"], kind="stable").reset_index(drop=True)
    types = {"id": "string", "view": "string"} | dict.fromkeys(prediction_columns(targets), "float64")
    arrow = pa.Table.from_pandas(table.astype(types), preserve_index=False)
    arrow = arrow.replace_schema_metadata({_METADATA_KEY: json.dumps(dict(provenance), sort_keys=True)})
    with replacing(path) as beside:
        pq.write_table(arrow, beside, compression="zstd")


def read_predictions(
    path: Path,
    targets: Mapping[str, Target],
    view: str | None = None,
    ids: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Read and validate a prediction file; with `view`, its rows of that view; with `ids`, in that order.

    Raises PodiumError naming the file and the first ids that are missing or not wanted.
    """
    if not Path(path).is_file():
        raise PodiumError(f"{path}: no such prediction file; run the stage that writes it (dvc repro)")
    try:
        table = pq.read_table(path).to_pandas()
    except pa.ArrowInvalid as error:
        raise PodiumError(f"{path}: not a whole Parquet file; run the stage that writes it again") from error
    for column in ("id", "view"):
        table[column] = table[column].astype(object)
    validate_predictions(table, targets, str(path))
    if view is not None:
        table = table[table["view"] == view].reset_index(drop=True)
        if table.empty:
            raise PodiumError(f"{path}: holds no predictions of the view '{view}'")
    if ids is not None:
        table = align(table, ids, str(path))
    return table


def read_provenance(path: Path) -> dict[str, Any]:
    """What `write_predictions` was told about where the predictions come from."""
    metadata = pq.read_schema(path).metadata or {}
    return json.loads(metadata.get(_METADATA_KEY, b"{}"))


def align(table: pd.DataFrame, ids: Sequence[str], what: str) -> pd.DataFrame:
    """The rows of `table` (one view) in the order of `ids`; refuses another set of ids, and repeated ones."""
    wanted, found = (pd.Index(np.asarray(values, dtype=object), dtype="object") for values in (ids, table["id"]))
    for index, where in ((wanted, "among the rows that are asked for"), (found, "in the table")):
        if index.has_duplicates:
            raise PodiumError(f"{what}: id {index[index.duplicated()][0]!r} stands {where} twice")
    missing, extra = wanted.difference(found, sort=False), found.difference(wanted, sort=False)
    if len(missing) or len(extra):
        parts = []
        if len(missing):
            parts.append(f"{len(missing):,} ids are missing (first: {_first(missing)})")
        if len(extra):
            parts.append(f"{len(extra):,} ids should not be there (first: {_first(extra)})")
        raise PodiumError(
            f"{what}: {' and '.join(parts)}. It was made from other rows: run the stage that writes it again."
        )
    return table.iloc[found.get_indexer(wanted)].reset_index(drop=True)


def validate_predictions(table: pd.DataFrame, targets: Mapping[str, Target], what: str) -> None:
    """Refuse a table with wrong columns, repeated ids, or values that are no predictions.

    Probabilities must be finite and within 0..1, those of a multiclass target must sum to 1 within 1e-4.
    """
    expected = ["id", "view", *prediction_columns(targets)]
    if list(table.columns) != expected:
        missing = [column for column in expected if column not in table.columns]
        extra = [column for column in table.columns if column not in expected]
        detail = f"missing {missing[:3]}, not expected {extra[:3]}" if missing or extra else "another order"
        raise PodiumError(f"{what}: the columns are not those of the competition's targets: {detail}")
    unknown = sorted(set(table["view"]) - set(VIEWS))
    if unknown:
        raise PodiumError(f"{what}: unknown view '{unknown[0]}' (known: {', '.join(VIEWS)})")
    if not table["id"].map(lambda value: isinstance(value, str)).all():
        raise PodiumError(f"{what}: ids must be text, as Kaggle writes them")
    repeated = table.duplicated(["id", "view"])
    if repeated.any():
        raise PodiumError(f"{what}: id {table['id'].iloc[repeated.to_numpy().argmax()]!r} stands there twice")
    for name, target in targets.items():
        columns = columns_of(name, target)
        text = [column for column in columns if not pd.api.types.is_numeric_dtype(table[column].dtype)]
        if text:
            raise PodiumError(f"{what}: column '{text[0]}' holds no numbers ({table[text[0]].dtype})")
        values: np.ndarray = table[columns].to_numpy(dtype=np.float64)
        _check_rows(np.isfinite(values).all(axis=1), table, what, f"'{name}' is not finite")
        if target.is_probability:
            inside: np.ndarray = np.all((values >= 0) & (values <= 1), axis=1)
            _check_rows(inside, table, what, f"'{name}' is no probability (outside 0..1)")
        if isinstance(target, Multiclass):
            sums = np.abs(values.sum(axis=1) - 1) < 1e-4
            _check_rows(sums, table, what, f"the probabilities of '{name}' do not sum to 1")


def _check_rows(good: np.ndarray, table: pd.DataFrame, what: str, problem: str) -> None:
    if not good.all():
        row = int((~good).argmax())
        raise PodiumError(f"{what}: {problem} for {int((~good).sum()):,} rows (first: id {table['id'].iloc[row]!r})")


def _first(ids: pd.Index) -> str:
    return ", ".join(repr(value) for value in ids[:3])
