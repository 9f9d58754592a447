"""Raw files as competitions lay them out: labels in a table, in folders or in names, and the forms of a submission.

The rows of the test part are those that the sample submission asks for. An id is found among the pictures of a
folder as Kaggle writes it: as a path, with or without the suffix, or as the bare name of a file anywhere below.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pandas as pd

from common.errors import PodiumError
from common.targets import Target, columns_of

if TYPE_CHECKING:  # else every stage's code would include the reading of archives
    from common.raw.files import RawFiles

PICTURE_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
_NUMBERED = re.compile(r"(?P<label>.*[^\W\d_])[._ -]*\(?\d+\)?")


def pictures_under(raw: "RawFiles", folder: str) -> list[str]:
    """The pictures anywhere below `folder`, by suffix, in text order; `""` is the whole delivery."""
    names = raw.under(folder) if folder else raw.names()
    return [name for name in names if PurePosixPath(name).suffix.lower() in PICTURE_SUFFIXES]


def index_pictures(paths: Iterable[str], folder: str) -> dict[str, str | None]:
    """Every way to write the id of each picture, to its path; None where it stands for several."""
    paths = list(paths)
    written: list[list[str]] = []  # from the longest way to the shortest
    for path in paths:
        below = PurePosixPath(path[len(folder) + 1 :] if folder else path)
        written.append([below.as_posix(), below.with_suffix("").as_posix(), below.name, below.stem])
    index: dict[str, str | None] = {}
    for ways in zip(*written, strict=True):
        # A longer way decides: `a/1` is the picture a/1.jpg, whatever else is called 1.
        found: dict[str, str | None] = {}
        for way, path in zip(ways, paths, strict=True):
            found[way] = path if found.get(way, path) == path else None
        index = found | index
    return index


def find_pictures(raw: "RawFiles", ids: Iterable[str], *folders: str) -> list[str]:
    """The path of the picture of each id, looked for below each of `folders` in turn.

    Raises PodiumError naming the first id without a picture, or with several.
    """
    indices = [index_pictures(pictures_under(raw, folder), folder) for folder in folders]
    where = " or ".join(folder or "the raw files" for folder in folders)
    paths = []
    for id_ in ids:
        found = [index[id_] for index in indices if id_ in index]
        if not found:
            raise PodiumError(f"{raw.root}: no picture of id '{id_}' below {where}")
        if found[0] is None:
            raise PodiumError(f"{raw.root}: several pictures may be that of id '{id_}' below {where}")
        paths.append(found[0])
    return paths


def rows_to_predict(raw: "RawFiles", sample: str, id_column: str, *folders: str) -> pd.DataFrame:
    """`id`, `part` and `path` of the rows that the sample submission asks for."""
    ids = _column(raw.read_csv(sample), id_column, sample)
    return pd.DataFrame({"id": ids, "part": "test", "path": find_pictures(raw, ids, *folders)})


def examples_of_table(
    raw: "RawFiles", table: str, id_column: str, columns: Mapping[str, str], train: str, test: pd.DataFrame
) -> pd.DataFrame:
    """Labels in a CSV: a row a training picture.

    id_column  the table's column that names the picture
    columns    name in the result to column of the table: the targets, and `group` where rows belong together
    train      the folder of the training pictures
    test       see `rows_to_predict`

    Returns what a competition's `read_examples` gives, all of it text; empty cells are missing.
    """
    labels = raw.read_csv(table)
    ids = _column(labels, id_column, table)
    rows = pd.DataFrame({"id": ids, "part": "train", "path": find_pictures(raw, ids, train)})
    for name, column in columns.items():
        rows[name] = _column(labels, column, table)
    return pd.concat([rows, test.reindex(columns=rows.columns)], ignore_index=True)


def examples_of_folders(raw: "RawFiles", train: str, test: pd.DataFrame, target: str = "label") -> pd.DataFrame:
    """Labels are folders: `train/CLASS/anything/1.jpg`. The id is the path below `train`: `CLASS/anything/1.jpg`."""
    paths = pictures_under(raw, train)
    ids = [path[len(train) + 1 :] if train else path for path in paths]
    labels = [id_.partition("/")[0] for id_ in ids]
    rows = pd.DataFrame({"id": ids, "part": "train", "path": paths, target: labels})
    return pd.concat([rows, test.reindex(columns=rows.columns)], ignore_index=True)


def examples_of_names(raw: "RawFiles", train: str, test: pd.DataFrame, target: str = "label") -> pd.DataFrame:
    """Labels are in the names, before a number: `train/cat.0.jpg` is the cat with id `cat.0`."""
    paths = pictures_under(raw, train)
    stems = [PurePosixPath(path).stem for path in paths]
    rows = pd.DataFrame({"id": stems, "part": "train", "path": paths, target: [label_in_name(stem) for stem in stems]})
    return pd.concat([rows, test.reindex(columns=rows.columns)], ignore_index=True)


def label_in_name(stem: str) -> str | None:
    """`cat` of `cat.0`, `cat_12` or `cat (3)`; None where the name does not end in a number."""
    match = _NUMBERED.fullmatch(stem)
    return match["label"] if match else None


def class_columns(predictions: pd.DataFrame, name: str) -> pd.DataFrame:
    """A submission of one column a class, called as the class: its probability."""
    columns = {column: str(column).partition(":")[2] for column in predictions if str(column).startswith(f"{name}:")}
    return predictions[list(columns)].rename(columns=columns)


def decoded_column(predictions: pd.DataFrame, name: str, target: Target, column: str) -> pd.DataFrame:
    """A submission of one column `column`: the class, the tags or the number that the predictions stand for."""
    return pd.DataFrame(
        {column: target.decode(predictions[columns_of(name, target)].to_numpy())}, index=predictions.index
    )


def _column(table: pd.DataFrame, column: str, where: str) -> pd.Series:
    if column not in table:
        raise PodiumError(f"{where}: no column '{column}', only {', '.join(map(str, table.columns))}")
    return table[column]
