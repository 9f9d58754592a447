"""People's decisions about labels: an overlay on the labels as given, which themselves never change.

corrections.csv has one row a decision:

id        the training row
decision  `keep`: looked at, the label is right. `relabel`: `new` is right. `exclude`: do not train on it.
          `unsure`: looked at, undecided; nothing changes
old       the label as given, to notice a decision that was made about other data
new       the right label, for `relabel` alone
who, when, note  for people
"""

import io
from pathlib import Path

import numpy as np
import pandas as pd

from common.errors import PodiumError
from common.targets import Target

COLUMNS = ("id", "decision", "old", "new", "who", "when", "note")
DECISIONS = ("keep", "relabel", "exclude", "unsure")


def read_corrections(path: Path) -> pd.DataFrame:
    """The table, all columns text, empty cells missing; the index is the line in the file.

    Raises PodiumError naming the line and column of what cannot be right, whatever the labels are.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False, na_values=[""])
    except FileNotFoundError:
        raise PodiumError(f"{path}: no such file; write one with the line {','.join(COLUMNS)}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise PodiumError(f"{path}: not a CSV file that can be read: {str(error).strip()}") from None
    if tuple(table.columns) != COLUMNS:
        raise PodiumError(f"{path}: the columns are {list(table.columns)}; expected {list(COLUMNS)}")
    table.index = pd.RangeIndex(2, len(table) + 2)
    for line, row in table.iterrows():
        where = f"{path}, line {line}"
        if pd.isna(row["id"]):
            raise PodiumError(f"{where}, column 'id': is empty")
        if row["decision"] not in DECISIONS:
            raise PodiumError(f"{where}, column 'decision': '{row['decision']}' is none of {', '.join(DECISIONS)}")
        if row["decision"] != "relabel" and pd.notna(row["new"]):
            raise PodiumError(f"{where}, column 'new': '{row['new']}', but the decision is '{row['decision']}'")
    several = table.groupby("id")[["decision", "new"]].nunique(dropna=False).max(axis=1)
    for id_ in several[several > 1].index:
        lines = ", ".join(map(str, table.index[table["id"] == id_]))
        raise PodiumError(f"{path}, lines {lines}: different decisions about id '{id_}'; keep one of them")
    return table


def apply_corrections(
    labels: pd.DataFrame, corrections: pd.DataFrame, target_name: str, target: Target, where: str
) -> pd.DataFrame:
    """Lay `corrections` over `labels`.

    labels       `id` and target columns, one row a training example
    corrections  see `read_corrections`; about the column `target_name`
    where        the file's name, for messages

    Returns the same rows with the new labels and the column `excluded` (bool). Raises PodiumError naming
    line and column: an unknown id, a label that the target does not know, an `old` that is not the label
    as given, a `new` that is the same as the old.
    """
    labels = labels.assign(excluded=False)
    position = {id_: row for row, id_ in enumerate(labels["id"])}
    given = target.encode(labels[target_name])
    for line, row in corrections.iterrows():
        at = f"{where}, line {line}"
        if row["id"] not in position:
            raise PodiumError(f"{at}, column 'id': '{row['id']}' is no training example with a readable picture")
        index = position[row["id"]]
        old = _encode(target, row["old"], labels[target_name], f"{at}, column 'old'")
        if not np.array_equal(old, given[index], equal_nan=True):
            raise PodiumError(
                f"{at}, column 'old': '{row['old']}', but the label of '{row['id']}' as given is "
                f"'{labels[target_name].iloc[index]}'; decide anew about this row"
            )
        if row["decision"] == "exclude":
            labels.loc[labels.index[index], "excluded"] = True
        elif row["decision"] == "relabel":
            new = _encode(target, row["new"], labels[target_name], f"{at}, column 'new'")
            if np.isnan(new).any():
                raise PodiumError(f"{at}, column 'new': is empty, but the decision is 'relabel'")
            if np.array_equal(new, old):
                raise PodiumError(f"{at}, column 'new': '{row['new']}' is the label as given; then decide 'keep'")
            value = row["new"] if target.classes else float(row["new"])
            labels.loc[labels.index[index], target_name] = value
    return labels


def _encode(target: Target, text: object, like: pd.Series, where: str) -> np.ndarray:
    """One cell of the file as the target encodes it; the message of a bad one starts with `where`."""
    try:
        return target.encode(pd.Series([text], name=like.name, dtype=object))[0]
    except PodiumError:
        known = ", ".join(target.classes[:8]) or "numbers"
        raise PodiumError(f"{where}: '{text}' is not a label; known: {known}") from None
