"""Putting the rows of two submissions side by side by their ids, and what can be wrong with the ids."""

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from common.errors import PodiumError
from common.submission.arrow import from_numpy
from common.submission.cells import Cells, relation
from common.submission.evidence import Finding, rows_text
from common.submission.ids import positions
from common.submission.table import Submission

_COMPARED_SPELLINGS = 10_000


@dataclass(frozen=True)
class Aligned:
    """The rows that both files have, in the order of the known-good file.

    `new_order` lists these rows in the order in which the new file has them.
    """

    ids: pa.Array
    new: Cells
    known: Cells
    new_order: np.ndarray


def align(new: Submission, known: Submission) -> tuple[Aligned, Finding | None]:
    """Rows side by side, and what is wrong with the ids of `new`, if anything.

    Of an id that stands in `new` several times the first row counts. Raises PodiumError where the
    known-good file repeats an id: it cannot be good.
    """
    found = positions(new.ids, known.ids)
    inside = found >= 0
    times = np.bincount(found[inside], minlength=len(known.ids))
    one_to_one = len(found) == len(times) and (times == 1).all()
    if not one_to_one:
        first = positions(known.ids, known.ids)
        repeated = np.flatnonzero(first != np.arange(len(first)))
        if len(repeated):
            raise PodiumError(
                f"{known.path}: id {known.ids[int(repeated[0])].as_py()!r} stands there more than once "
                f"(line {int(repeated[0]) + 2}): no known-good submission can have that"
            )
    rows_of_new = np.full(len(known.ids), -1, dtype=np.int64)
    rows_of_new[found[inside][::-1]] = np.flatnonzero(inside)[::-1]
    shared = np.flatnonzero(rows_of_new >= 0)
    rows = rows_of_new[shared]
    whole = len(shared) == len(known.ids)
    aligned = Aligned(
        known.ids if whole else known.ids.take(from_numpy(shared)),
        new.cells.take(rows),
        known.cells if whole else known.cells.take(shared),
        _order_of(rows),
    )
    return aligned, None if one_to_one else _wrong_ids(new, known, found, times)


def _order_of(rows: np.ndarray) -> np.ndarray:
    """`argsort` of distinct row numbers, without sorting."""
    place = np.full(int(rows.max(initial=-1)) + 1, -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    return place[place >= 0]


def _wrong_ids(new: Submission, known: Submission, found: np.ndarray, times: np.ndarray) -> Finding | None:
    first = positions(new.ids, new.ids)
    again = np.flatnonzero(first != np.arange(len(first)))
    if len(again):
        examples = [f"{new.ids[int(row)].as_py()!r} in lines {first[row] + 2} and {row + 2}" for row in again[:3]]
        return Finding(
            "ids_duplicated",
            f"{rows_text(len(again), 'row')} of {new.path.name} repeat an id that was there before "
            f"({'; '.join(examples)}): write one row an id.",
        )
    missing, extra = np.flatnonzero(times == 0), np.flatnonzero(found < 0)
    parts = []
    if len(missing):
        lost = f"{len(missing):,} of {rows_text(len(known.ids), 'id')}"
        parts.append(f"{lost} {_is_or_are(missing)} missing ({_examples(known.ids, missing)})")
    if len(extra):
        unknown = f"{rows_text(len(extra), 'id')} {_is_or_are(extra)} not known"
        parts.append(f"{unknown} ({_examples(new.ids, extra)})")
    remedy = "write a row for each id of the sample submission, and for no other."
    if len(missing) and len(extra):
        remedy = _hint(new, known, missing, extra) or remedy
    sentence = f"In {new.path.name} {' and '.join(parts)}: {remedy}"
    return Finding("ids_missing" if len(missing) else "ids_extra", sentence)


def _examples(ids: pa.Array, rows: np.ndarray) -> str:
    shown = ", ".join(repr(ids[int(row)].as_py()) for row in rows[:3])
    return f"first: {shown}" if len(rows) > 3 else shown


def _is_or_are(rows: np.ndarray) -> str:
    return "is" if len(rows) == 1 else "are"


def _hint(new: Submission, known: Submission, missing: np.ndarray, extra: np.ndarray) -> str | None:
    """What the two sets of ids that have no partner have to do with each other."""
    ours = [new.ids[int(row)].as_py() for row in extra[:_COMPARED_SPELLINGS]]
    theirs = [known.ids[int(row)].as_py() for row in missing[:_COMPARED_SPELLINGS]]
    plain = {_plain(text): text for text in theirs}
    matched = [(text, plain[_plain(text)]) for text in ours if _plain(text) in plain]
    if len(matched) > len(ours) / 2:
        mine, wanted = matched[0]
        return (
            f"they seem to be the same ids in another spelling ({mine!r} for {wanted!r}): write ids as text, as given."
        )
    if len(missing) < len(known.ids) / 2:
        return None
    if len(new.ids) != len(known.ids):
        return "they are ids of other rows (the training set, or another version of the data?)."
    by_position = relation(new.cells, known.cells)
    if by_position > 0.5:
        return (
            f"row by row in the order of the files the values do agree ({by_position:.3f}), so the values are right "
            "and the ids are wrong: take them from the sample submission."
        )
    return "the number of rows is the same, so they are ids of other rows, or were numbered anew."


def _plain(text: str) -> str:
    """An id without what writers add and lose: case, quotes, `.0`, leading zeros, folder, extension."""
    text = text.strip(" \"'").lower().rsplit("/", 1)[-1]
    text = re.sub(r"\.(0+|jpe?g|png|tiff?|dcm|bmp|webp|csv)$", "", text)
    return re.sub(r"(?<!\d)0+(?=\d)", "", text)
