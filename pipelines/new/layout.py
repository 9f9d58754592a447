"""How raw files lie: which table is the sample submission, where the labels are, and which pictures they mean."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import PurePosixPath
from typing import Literal

import pandas as pd

from common.errors import PodiumError
from common.layouts import index_pictures, label_in_name, pictures_under
from common.raw.files import RawFiles
from pipelines.new.undecided import Answers, Undecided

LIKELY_LABELS = ("label", "labels", "target", "class", "category", "tags", "breed", "species")
_MATCHED_SHARE = 0.8  # of a column's values that are pictures, for a column of ids
_HOW_TO_LAY = (
    "a folder a class (train/CLASS/1.jpg), a CSV with an id and a label, tags or a number, or a class in each name"
    " (train/CLASS.1.jpg)"
)


@dataclass(frozen=True)
class Layout:
    """Where what a competition consists of lies in its raw files.

    labels_in  `table`: a CSV; `folders`: a folder a class; `names`: before the number in each name
    train      the folder of the training pictures; `test`: of those to predict; "" is the whole delivery
    labels     one text a training picture, missing where empty
    """

    labels_in: Literal["table", "folders", "names"]
    train: str
    test: str
    sample: str
    sample_id: str
    values: pd.DataFrame  # the sample submission without its ids
    labels: pd.Series
    test_pictures: int
    table: str = ""
    table_id: str = ""
    label_column: str = ""


class Delivery:
    """Raw files as they were delivered: pictures, folders of pictures, tables."""

    def __init__(self, raw: RawFiles) -> None:
        self.raw = raw
        self.pictures = pictures_under(raw, "")
        if not self.pictures:
            raise PodiumError(f"{raw.root}: holds no pictures")

    @cached_property
    def tables(self) -> dict[str, pd.DataFrame]:
        return {name: self.raw.read_csv(name) for name in self.raw.names() if name.lower().endswith(".csv")}

    @cached_property
    def folders(self) -> dict[str, list[str]]:
        """Each folder with pictures anywhere below it, and these; the deepest first."""
        found: dict[str, list[str]] = {}
        for path in self.pictures:
            for folder in PurePosixPath(path).parents:
                found.setdefault("" if str(folder) == "." else str(folder), []).append(path)
        return dict(sorted(found.items(), key=lambda item: (-item[0].count("/") - bool(item[0]), item[0])))

    @cached_property
    def written(self) -> set[str]:
        """Every text that may be the id of a picture."""
        ways: set[str] = set()
        for path in self.pictures:
            parts = PurePosixPath(path).parts
            for begin in range(len(parts)):
                below = PurePosixPath(*parts[begin:])
                ways |= {str(below), str(below.with_suffix(""))}
        return ways

    def share_of_pictures(self, column: pd.Series) -> float:
        return float(column.isin(self.written).mean()) if len(column) else 0.0

    def holding(self, ids: Iterable[str]) -> list[str]:
        """The folders in which each id is one picture, without those that have such a folder inside."""
        wanted = set(ids)
        found: list[str] = []
        for folder, pictures in self.folders.items():
            if any(inner.startswith(f"{folder}/") or not folder for inner in found):
                continue
            index = index_pictures(pictures, folder)
            if all(index.get(id_) for id_ in wanted):
                found.append(folder)
        return found


def look(raw: RawFiles, answers: Answers) -> Layout:
    """The layout of raw files; raises Undecided where they do not say, PodiumError where they fit none."""
    delivery = Delivery(raw)
    sample, sample_id = _sample(delivery, answers)
    rows = delivery.tables[sample]
    test = _folder(delivery, answers, "test", rows[sample_id], sample, "")
    found = Layout("table", "", test, sample, sample_id, rows.drop(columns=sample_id), pd.Series(dtype=str), len(rows))
    table = _table(delivery, answers, sample, set(rows[sample_id]))
    if table:
        rows = delivery.tables[table]
        id_column = _id_column(delivery, answers, table, sample_id)
        label_column = _label_column(answers, table, rows, id_column, list(map(str, found.values)))
        train = _folder(delivery, answers, "train", rows[id_column], table, test)
        found = replace(found, table=table, table_id=id_column, label_column=label_column)
        return replace(found, train=train, labels=rows[label_column])
    by_class = _folder_of_classes(delivery, answers, test)
    if by_class is not None:
        below = [path[len(by_class) + 1 :] for path in delivery.folders[by_class]]
        labels = pd.Series([path.partition("/")[0] for path in below])
        return replace(found, labels_in="folders", train=by_class, labels=labels)
    named = _folder_of_names(delivery, answers, test)
    if named is not None:
        labels = pd.Series([label_in_name(PurePosixPath(path).stem) for path in delivery.folders[named]])
        return replace(found, labels_in="names", train=named, labels=labels)
    raise PodiumError(f"{raw.root}: found no labels of the {len(delivery.pictures):,} pictures: expected {_HOW_TO_LAY}")


def _sample(delivery: Delivery, answers: Answers) -> tuple[str, str]:
    """The sample submission and its column of ids."""
    tables = list(delivery.tables)
    if not tables:
        raise PodiumError(
            f"{delivery.raw.root}: holds no CSV file; put a sample_submission.csv beside the pictures, with the id of"
            " each picture to predict and the columns that are to be handed in"
        )
    likely = [name for name in tables if "submission" in PurePosixPath(name).name.lower()]
    sample = answers.choose("sample", "which file is the sample submission?", tables, likely)
    rows = delivery.tables[sample]
    matching = [column for column in rows if delivery.share_of_pictures(rows[column]) >= _MATCHED_SHARE]
    if not matching:
        first = str(rows.iloc[0, 0]) if rows.size else "nothing"
        raise PodiumError(
            f"{delivery.raw.root}: {sample}: no column holds the names of pictures (the first cell: {first})"
        )
    if len(rows.columns) < 2:
        raise PodiumError(
            f"{delivery.raw.root}: {sample}: expected an id and what is to be handed in, found one column"
        )
    return sample, str(matching[0])


def _table(delivery: Delivery, answers: Answers, sample: str, asked: set[str]) -> str | None:
    """The table of labels: names of pictures, other than those to predict, and something beside them."""
    others = [name for name in delivery.tables if name != sample]
    if answers.get("table"):
        return answers.choose("table", "", others)
    found = []
    for name in others:
        rows = delivery.tables[name]
        ids = _id_columns(delivery, rows)
        if ids and len(rows.columns) > 1 and not set(rows[ids[0]]) <= asked:
            found.append(name)
    if not found:
        return None
    likely = [name for name in found if "train" in name.lower() or "label" in name.lower()]
    return answers.choose("table", "which table holds the labels?", found, likely)


def _id_columns(delivery: Delivery, rows: pd.DataFrame) -> list[str]:
    return [
        str(column)
        for column in rows
        if rows[column].is_unique and delivery.share_of_pictures(rows[column]) >= _MATCHED_SHARE
    ]


def _id_column(delivery: Delivery, answers: Answers, table: str, sample_id: str) -> str:
    rows = delivery.tables[table]
    columns = [str(column) for column in rows]
    found = _id_columns(delivery, rows)
    if not answers.get("id") and not found:
        raise Undecided(f"which column of {table} names the picture?", "id", columns)
    return answers.choose(
        "id", f"which column of {table} names the picture?", columns, [sample_id] if sample_id in found else found
    )


def _label_column(answers: Answers, table: str, rows: pd.DataFrame, id_column: str, handed_in: list[str]) -> str:
    others = [str(column) for column in rows if column != id_column]
    likely = [name for name in others if name in handed_in] or [name for name in others if name in LIKELY_LABELS]
    return answers.choose("label", f"which column of {table} is to be predicted?", others, likely)


def _folder(delivery: Delivery, answers: Answers, part: str, ids: pd.Series, table: str, other: str) -> str:
    """The folder in which every id of `table` has its picture; `other` is that of the other part."""
    option, every = f"{part}-folder", list(delivery.folders)
    if answers.get(option) is not None:
        return answers.choose(option, "", every)
    found = delivery.holding(ids)
    if not found:
        whole = index_pictures(delivery.pictures, "")
        missing = next((id_ for id_ in ids if id_ not in whole), None)
        remedy = f"its pictures lie in several folders, or have one name; name the one by --{option}"
        raise PodiumError(
            f"{delivery.raw.root}: {table}: {f'no picture of id {missing!r}' if missing is not None else remedy}"
        )
    apart = [folder for folder in found if folder != other] or found
    likely = [folder for folder in apart if part in folder.lower()]
    return answers.choose(option, f"which folder holds the pictures of {table}?", apart, likely)


def _folder_of_classes(delivery: Delivery, answers: Answers, test: str) -> str | None:
    """The folder whose pictures all lie in two folders or more, one a class; a class may have folders inside."""
    given = answers.get("train-folder")
    if given is not None:
        answers.choose("train-folder", "", list(delivery.folders))
    found = [folder for folder in delivery.folders if given in (None, folder) and _is_by_class(delivery, folder, test)]
    outer = [folder for folder in found if not any(folder.startswith(f"{other}/") for other in found)]
    likely = [folder for folder in outer if "train" in folder.lower()]
    return answers.choose("train-folder", "which folder holds a folder a class?", outer, likely) if outer else None


def _is_by_class(delivery: Delivery, folder: str, test: str) -> bool:
    if folder in ("", test) or test.startswith(f"{folder}/") or (test and folder.startswith(f"{test}/")):
        return False
    below = [path[len(folder) + 1 :] for path in delivery.folders[folder]]
    return all("/" in path for path in below) and len({path.partition("/")[0] for path in below}) > 1


def _folder_of_names(delivery: Delivery, answers: Answers, test: str) -> str | None:
    """The folder in whose pictures' names a class stands before a number."""
    found = []
    for folder, pictures in delivery.folders.items():
        if folder == test or test.startswith(f"{folder}/") or (not folder and test):
            continue
        labels = Counter(label_in_name(PurePosixPath(path).stem) for path in pictures)
        if None not in labels and len(labels) > 1 and min(labels.values()) > 1:
            found.append(folder)
    likely = [folder for folder in found if "train" in folder.lower()]
    return answers.choose("train-folder", "which folder holds the training pictures?", found, likely) if found else None
