"""Extra labelled data: folders (or zips) of pictures with a `labels.csv`, beside the competition's own raw files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from common.errors import PodiumError, UsageError
from common.options import nearest
from common.raw.files import RawFiles
from common.raw.options import ExtraOptions
from common.targets import Regression, Target

LABELS = "labels.csv"
_MARK = "extra:"


@dataclass(frozen=True)
class ExtraSource:
    """One entry of `extra` in a recipe; `name` is that of its folder, and stands before the names of its files."""

    name: str
    source: str
    files: RawFiles


@dataclass(frozen=True)
class RawAndExtra:
    """The raw files under their own names, and those of extra sources as `extra:SOURCE/NAME`."""

    raw: RawFiles
    sources: Mapping[str, RawFiles]

    def read_bytes(self, name: str) -> bytes:
        files, inside = self._place(name)
        return files.read_bytes(inside)

    def read_begin(self, name: str, most: int) -> bytes:
        files, inside = self._place(name)
        return files.read_begin(inside, most)

    def stamp(self, name: str) -> tuple[str, int]:
        files, inside = self._place(name)
        return files.stamp(inside)

    def _place(self, name: str) -> tuple[RawFiles, str]:
        if not name.startswith(_MARK):
            return self.raw, name
        source, _, inside = name.removeprefix(_MARK).partition("/")
        return self.sources[source], inside


def open_sources(options: Sequence[ExtraOptions], base: Path) -> list[ExtraSource]:
    """The sources of a recipe; a relative path starts at `base`. Raises UsageError where two are called the same."""
    sources: list[ExtraSource] = []
    for number, one in enumerate(options):
        root = (base / one.path).resolve()
        if not root.exists():
            raise UsageError(f"extra.{number}.path: no folder or zip at {root}")
        name = root.stem if root.is_file() else root.name
        if name in [source.name for source in sources]:
            raise UsageError(f"extra.{number}.path: two sources are called '{name}'; rename one of the folders")
        sources.append(ExtraSource(name, one.source, RawFiles(root)))
    return sources


def extra_rows(source: ExtraSource, targets: Mapping[str, Target], examples: pd.DataFrame) -> pd.DataFrame:
    """The labelled pictures of a source as rows of `examples`: id, part `extra`, path, targets, source.

    `labels.csv` has the column `path` (of the picture, in the folder) and a column for each target that is known of
    some; an empty cell is a missing label. The id of a row is SOURCE/path.

    Raises PodiumError naming the file, and the column or path that is wrong.
    """
    where = f"{source.files.root}: {LABELS}"
    table = source.files.read_csv(LABELS)
    for column in table:
        if column not in ("path", *targets):
            raise PodiumError(f"{where}: column '{column}' is no target{nearest(str(column), ('path', *targets))}")
    given = [name for name in targets if name in table]
    if "path" not in table or not given:
        raise PodiumError(f"{where}: expected the column path and a target ({', '.join(targets)})")
    table = table.set_index("path", drop=False)
    known = set(source.files.names())
    for bad, problem in (
        (~table["path"].isin(known), "no such picture"),
        (table["path"].duplicated(), "stands there twice"),
        (table[given].isna().all(axis=1), "no target is known"),
    ):
        if bad.any():
            raise PodiumError(f"{where}: '{table['path'][bad.to_numpy()].iloc[0]}': {problem} ({bad.sum():,} rows)")
    rows = pd.DataFrame({"id": [f"{source.name}/{path}" for path in table["path"]], "part": "extra"})
    taken = rows["id"].isin(examples.loc[examples["part"] == "train", "id"])
    if taken.any():
        raise PodiumError(f"{where}: the id '{rows['id'][taken].iloc[0]}' is a training example's; rename the folder")
    rows["path"] = _MARK + rows["id"]
    for name, target in targets.items():
        values = table[name] if name in table else pd.Series(pd.NA, index=table.index, dtype="str", name=name)
        try:
            target.encode(values)
        except PodiumError as error:
            raise PodiumError(f"{where}: {error}") from None
        is_number = isinstance(target, Regression) and pd.api.types.is_numeric_dtype(examples[name])
        rows[name] = (pd.to_numeric(values) if is_number else values).to_numpy()
    rows["source"] = source.source
    return rows
