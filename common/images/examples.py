"""The table of examples as a competition gives it: checked before any picture is opened."""

from collections.abc import Collection, Mapping

import pandas as pd

from common.errors import PodiumError
from common.targets import Target

PARTS = ("train", "test")


def check_examples(
    table: pd.DataFrame, targets: Mapping[str, Target], raw_names: Collection[str], where: str
) -> pd.DataFrame:
    """`table` (id, part, path, targets, optional group, bands and problem), sorted by part and id, columns so ordered.

    raw_names  names of the raw files
    where      the competition's module, for messages

    A row with a `problem` (text) has no picture to be opened: only its part and labels are checked.

    Raises PodiumError naming the first bad id: not text, there twice in a part, without a file, a training
    row without any target, a label that its target does not know.
    """
    columns = ["id", "part", "path", *targets, *(name for name in ("group", "bands", "problem") if name in table)]
    if sorted(table.columns) != sorted(columns):
        raise PodiumError(f"{where}: read_examples gives {list(table.columns)}; expected {columns}")
    for part in PARTS:
        if not (table["part"] == part).any():
            raise PodiumError(
                f"{where}: read_examples finds no {part} row in {len(raw_names):,} raw files. "
                "Does source.path hold them in Kaggle's layout?"
            )
    unknown = table.loc[~table["part"].isin(PARTS), "part"]
    if len(unknown):
        raise PodiumError(f"{where}: the part '{unknown.iloc[0]}' is none of {', '.join(PARTS)}")

    def refuse(bad: pd.Series, problem: str) -> None:
        if bad.any():
            first = table[bad].iloc[0]
            raise PodiumError(
                f"{where}: {problem} ({int(bad.sum()):,} rows, first: {first['part']} id {first['id']!r})"
            )

    refuse(~table["id"].map(lambda value: isinstance(value, str) and value != ""), "an id is not text")
    sound = table["problem"].isna() if "problem" in table else pd.Series(True, index=table.index)
    twice = table[sound].duplicated(["part", "id"]).reindex(table.index, fill_value=False)
    refuse(twice, "an id stands there twice")
    known = set(raw_names)
    refuse(sound & ~table["path"].isin(known), "a picture is not among the raw files")
    train = sound & (table["part"] == "train")
    refuse(train & table[list(targets)].isna().all(axis=1), "a training row has no target")
    for name, target in targets.items():
        target.encode(table.loc[train].set_index("id")[name])
    return table[columns].sort_values(["part", "id"], kind="stable", ignore_index=True)
