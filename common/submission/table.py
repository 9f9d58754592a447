"""Reading two submissions of any competition's format, so that they can be compared.

A submission is a CSV file with a column of ids and one or more columns that are all numbers, all labels or
all tag lists. What the columns hold is decided from both files together: `0 ` beside `3 7 ` is a list of
tags, `0` beside `1` is a number. Ids stay text exactly as written. Arrow reads the files: a million rows
take a tenth of a second, and pandas need not be imported.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from common.errors import PodiumError, UsageError
from common.submission.arrow import to_numpy
from common.submission.cells import Cells, Labels, Numbers, tags_from_text

_LARGEST_EXPONENT = 745.0  # exp(-745) is the smallest double; a logarithm of zero reads as this


@dataclass(frozen=True)
class Submission:
    """One file: its ids (text, in the order of the file) and its cells, shape (rows, columns)."""

    path: Path
    id_column: str
    ids: pa.Array
    cells: Cells


def read_pair(new: Path, known_good: Path) -> tuple[Submission, Submission]:
    """Read both files; the columns of the first stand in the order of the second.

    Raises UsageError when a file is not there, PodiumError when one is no submission (naming file, line and
    column) or when their columns differ.
    """
    paths = (Path(new), Path(known_good))
    headers = [_header(path) for path in paths]
    id_column, tables = _read_with_ids(paths, headers)
    columns = [name for name in headers[1] if name != id_column]
    missing = [name for name in columns if name not in headers[0]]
    extra = [name for name in headers[0] if name not in headers[1]]
    if missing or extra:
        raise PodiumError(
            f"{paths[0]}: its columns are not those of {paths[1]}: missing {missing[:5]}, not expected {extra[:5]}"
        )
    if not columns:
        raise PodiumError(f"{paths[1]}: only the id column '{id_column}' and nothing predicted")
    ids = [_text(table[id_column]) for table in tables]
    cells = _cells(paths, tables, ids, columns)
    return (
        Submission(paths[0], id_column, ids[0], cells[0]),
        Submission(paths[1], id_column, ids[1], cells[1]),
    )


def _header(path: Path) -> list[str]:
    if not path.is_file():
        raise UsageError(f"{path}: no such file" if not path.exists() else f"{path}: not a file")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
    except UnicodeDecodeError:
        raise PodiumError(f"{path}: not a CSV file in UTF-8") from None
    if not header:
        raise PodiumError(f"{path}: the file is empty")
    repeated = [name for name in header if header.count(name) > 1]
    if repeated:
        raise PodiumError(f"{path}: the column '{repeated[0]}' stands there twice")
    return header


def _read(path: Path, text_columns: Sequence[str], columns: Sequence[str] | None = None) -> pa.Table:
    options = pa_csv.ConvertOptions(
        column_types={name: pa.string() for name in text_columns}, include_columns=list(columns or [])
    )
    try:
        table = pa_csv.read_csv(str(path), convert_options=options)
    except pa.ArrowInvalid as error:
        raise PodiumError(f"{path}: not a readable CSV file: {error}") from None
    if not table.num_rows:
        raise PodiumError(f"{path}: a header and no rows")
    return table


def _read_with_ids(paths: Sequence[Path], headers: list[list[str]]) -> tuple[str, list[pa.Table]]:
    """The id column: the first that both files have, unless its values show that it is another one."""
    common = [name for name in headers[1] if name in headers[0]]
    if not common:
        raise PodiumError(f"{paths[0]} and {paths[1]} have no column in common: {headers[0][:5]} and {headers[1][:5]}")
    first = common[0]
    tables = [_read(path, [first]) for path in paths]
    # A column of ids names every row once. Only where the first one repeats are the others worth a look.
    if len(common) == 1 or _mostly_distinct(_text(tables[1][first])):
        return first, tables
    for name in common[1:]:
        values = [_text(_read(path, [name], [name])[name]) for path in paths]
        shared = pc.sum(pc.is_in(values[1], value_set=values[0])).as_py()
        if _mostly_distinct(values[1]) and shared > len(values[1]) / 2:
            return name, [_read(path, [name]) for path in paths]
    raise PodiumError(
        f"{paths[1]}: no id column: the values of '{first}' repeat, and no other column names every row once"
    )


def _mostly_distinct(values: pa.Array) -> bool:
    # The first rows tell: a column of labels repeats at once, and ids that repeat are another error.
    values = values[:10_000]
    return pc.count_distinct(values).as_py() > len(values) / 2


def _text(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks != 1 else column.chunk(0)


def _cells(
    paths: Sequence[Path], tables: list[pa.Table], ids: list[pa.Array], columns: list[str]
) -> tuple[Cells, Cells]:
    for path, table in zip(paths, tables, strict=True):
        for name in columns:
            if pa.types.is_null(table[name].type):
                raise PodiumError(f"{path}: line 2: the column '{name}' is empty")
    plain = [
        _are_numbers(table, columns) and not _spaces_end_cells(path) for path, table in zip(paths, tables, strict=True)
    ]
    if all(plain):
        return _numbers(paths[0], tables[0], ids[0], columns), _numbers(paths[1], tables[1], ids[1], columns)
    texts = [_read(path, columns, columns) for path in paths]
    for position in (0, 1):
        _refuse_stray_text(paths[position], tables[position], texts[position], ids[position], columns)
    joined = {name: pa.concat_arrays([_text(text[name]) for text in texts]) for name in columns}
    rows = texts[0].num_rows
    encoded = pa.concat_arrays(list(joined.values())).dictionary_encode()
    codes = to_numpy(encoded.indices).reshape(len(columns), -1).T
    names = tuple(encoded.dictionary.to_pylist())
    if _are_tags(names):
        return tags_from_text(columns, codes[:rows], names), tags_from_text(columns, codes[rows:], names)
    for path, part, part_ids in ((paths[0], codes[:rows], ids[0]), (paths[1], codes[rows:], ids[1])):
        if "" in names:
            empty = np.argwhere(part == names.index(""))
            if len(empty):
                raise _cell_error(path, int(empty[0, 0]), part_ids, columns[empty[0, 1]], "is empty")
    return Labels(tuple(columns), codes[:rows], names), Labels(tuple(columns), codes[rows:], names)


def _are_numbers(table: pa.Table, columns: list[str]) -> bool:
    types = [table[name].type for name in columns]
    return all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in types)


def _spaces_end_cells(path: Path) -> bool:
    """Arrow reads `7 ` as 7, but the space says that it is a list of one tag."""
    with path.open("rb") as file:
        lines = file.read(1 << 16).splitlines()[1:]
    return any(line.rstrip(b'"').endswith(b" ") for line in lines)


def _numbers(path: Path, table: pa.Table, ids: pa.Array, columns: list[str]) -> Numbers:
    values = np.empty((table.num_rows, len(columns)), order="F")
    for position, name in enumerate(columns):
        column = table[name]
        if column.null_count:
            row = pc.index(_text(column).is_null(), True).as_py()
            raise _cell_error(path, row, ids, name, "is empty or NaN")
        values[:, position] = np.concatenate([to_numpy(chunk) for chunk in column.chunks])
    if not np.isfinite(values).all():
        if not np.isnan(values).any() and (values <= 0).all():
            values = np.maximum(values, -_LARGEST_EXPONENT)
        else:
            row, column_index = np.argwhere(~np.isfinite(values))[0]
            what = f"is {values[row, column_index]}"
            raise _cell_error(path, int(row), ids, columns[column_index], what)
    return Numbers(tuple(columns), values)


def _refuse_stray_text(path: Path, table: pa.Table, text: pa.Table, ids: pa.Array, columns: list[str]) -> None:
    """A column of numbers with some cells that are none is an error, not a column of labels."""
    for name in columns:
        if not pa.types.is_string(table[name].type):
            continue
        column = _text(text[name])
        distinct = pc.unique(column).to_pylist()
        stray = [value for value in distinct if not _is_number(value)]
        if len(stray) == len(distinct):
            continue
        rows = to_numpy(pc.cast(pc.is_in(column, value_set=pa.array(stray, pa.string())), pa.int8()))
        if 0 < rows.sum() < len(rows) / 2 and not all(_are_integers(value) for value in stray):
            row = int(rows.argmax())
            raise _cell_error(path, row, ids, name, f"is {column[row].as_py()!r}, not a number")


def _cell_error(path: Path, row: int, ids: pa.Array, column: str, problem: str) -> PodiumError:
    return PodiumError(f"{path}: line {row + 2} (id {ids[row].as_py()!r}), column '{column}': the cell {problem}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _are_integers(text: str) -> bool:
    return all(part.isdigit() for part in text.split())


def _are_tags(names: Sequence[str]) -> bool:
    """Lists of tags share their words (`clear primary`, `haze primary`); labels with spaces hardly do."""
    lists = [name.split() for name in names]
    spaced = [name for name, words in zip(names, lists, strict=True) if len(words) > 1 or name.endswith(" ")]
    if not spaced:
        return False
    if any(name.endswith(" ") for name in spaced) or all(_are_integers(name) for name in names):
        return True
    words = {word for parts in lists for word in parts}
    same_words = {frozenset(parts) for parts in lists}
    shared_often = sum(map(len, lists)) >= 2 * len(words)
    return len(words) < len(names) or len(same_words) < len(names) or shared_often
