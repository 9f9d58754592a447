"""One pass over all pictures: is it readable, what is it, and into the store with it.

Worker processes decode and hash batches, re-encode what cannot be stored as it is, and leave each finished
batch in the scratch cache under the name of its content: a run that was killed, or that ended because too many
pictures were unreadable, goes on from there. Then one writer copies all into the store in the order of the names.
Memory holds the batches that workers have in hand, never all pictures.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from common.code_hash import code_hash
from common.dicom.options import DicomOptions
from common.errors import PodiumError
from common.files import remove, replacing, scratch_folder
from common.images.examine import FACTS, RawPicture, ReadsFiles, died, examine
from common.images.spread import Spread
from common.images.store import write_store
from common.progress import track

_MADE_BY = (
    *("common.images.examine", "common.images.decode", "common.images.perceptual_hash"),
    *(f"common.dicom.{module}" for module in ("convert", "decode", "header", "mapping", "values", "voi", "png")),
)
_BATCH_PICTURES = 32
_BATCH_BYTES = 48_000_000  # of raw files: radiographs may have 30 MB each, and their pictures wait in memory


@dataclass(frozen=True)
class Batch:
    """Neighbouring rows of the table of pictures."""

    pictures: tuple[RawPicture, ...]
    bytes: int
    path: Path  # of the finished batch, named after the content

    @property
    def is_dicom(self) -> bool:
        return any(picture.is_dicom for picture in self.pictures)


@contextmanager
def work_folder(store: Path) -> Iterator[Path]:
    """The scratch folder in which finished batches for `store` wait; deleted at the end, unless an error ends it."""
    folder = scratch_folder() / "preprocess" / hashlib.sha256(str(store.resolve()).encode()).hexdigest()[:20]
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    remove(folder)


def ingest(
    raw: ReadsFiles,
    pictures: pd.DataFrame,
    store: Path,
    work: Path,
    spread: Spread,
    dicom: DicomOptions | None = None,
) -> pd.DataFrame:
    """Examine all pictures and write the readable ones to `store`.

    pictures  `part`, `id` and `path` (in the raw files), one row a picture; and `bands`, where they are TIFFs of four
              bands (see `decode_bands`)
    work      see `work_folder`
    dicom     how DICOM files (by suffix) become pictures

    Returns a table with the index of `pictures` and the columns FACTS: `file`, the name in the store
    (`PART/ID.jpg` or `.png`); size, channels and bits of the upright picture; `bytes` and `content_hash`
    (SHA-256) of the original file; `perceptual_hash`; `reason`, why it cannot be read; of DICOM files, how they were
    shown. Of an unreadable picture only `bytes`, `content_hash` and `reason` are given. Beside the picture of a DICOM
    file the store holds `before/PART/ID.jpg`, small, as it was before the mapping.
    """
    dicom = dicom or DicomOptions.model_validate({})
    batches = list(_batches(raw, pictures, work, dicom))
    todo = [batch for batch in batches if not batch.path.is_file()]
    if len(todo) < len(batches):
        print(f"going on: {len(batches) - len(todo):,} of {len(batches):,} batches are done already")
    done = _finish_batches(raw, todo, dicom, spread)
    total = sum(len(batch.pictures) for batch in todo)
    tracked = track(
        done, "preprocess", total, "images", lambda one: len(one.pictures), read_bytes=lambda one: one.bytes
    )
    for _ in tracked:
        pass
    parts = [pd.read_parquet(batch.path, columns=list(FACTS)) for batch in batches]
    facts = pd.concat(parts, ignore_index=True).astype(FACTS)
    _write_all(raw, batches, facts["file"], store)
    return facts.set_index(pictures.index)


def _batches(raw: ReadsFiles, pictures: pd.DataFrame, work: Path, dicom: DicomOptions) -> Iterator[Batch]:
    """Rows in their order, as many as `_BATCH_PICTURES` and `_BATCH_BYTES` allow, at least one."""
    settings = [code_hash(*_MADE_BY), dicom.model_dump(mode="json")]
    bands = pictures["bands"] if "bands" in pictures else [""] * len(pictures)
    held: list[RawPicture] = []
    marks: list[str] = []
    size = 0

    def batch() -> Batch:
        told = json.dumps([settings, [astuple(picture) for picture in held], marks])
        return Batch(tuple(held), size, work / f"{hashlib.sha256(told.encode()).hexdigest()[:24]}.parquet")

    for row in zip(pictures["part"], pictures["id"], pictures["path"], bands, strict=True):
        picture = RawPicture(*row)
        mark, count = raw.stamp(picture.path)
        if held and (len(held) == _BATCH_PICTURES or size + count > _BATCH_BYTES):
            yield batch()
            held, marks, size = [], [], 0
        held.append(picture)
        marks.append(mark)
        size += count
    if held:
        yield batch()


def _finish_batches(raw: ReadsFiles, batches: list[Batch], dicom: DicomOptions, spread: Spread) -> Iterator[Batch]:
    """Finish all batches, yielding each as it is done."""
    needed = [batch.bytes if not batch.is_dicom else _most_needed(raw, batch, dicom) for batch in batches]
    calls = [(raw, batch.pictures, batch.path, dicom) for batch in batches]
    guarded = any(batch.is_dicom for batch in batches)
    for number, survived in spread.run(_finish_batch, calls, needed, guarded):
        if not survived:
            _finish_one_by_one(raw, batches[number], dicom, spread)
        yield batches[number]


def _most_needed(raw: ReadsFiles, batch: Batch, dicom: DicomOptions) -> int:
    from common.dicom.at_once import needed_bytes_of

    paths = [picture.path for picture in batch.pictures if picture.is_dicom]
    begins = {path: partial(raw.read_begin, path) for path in paths}
    return batch.bytes + max(needed_bytes_of(raw.stamp(path)[1], begins[path], dicom.frame) for path in paths)


def _finish_batch(raw: ReadsFiles, pictures: tuple[RawPicture, ...], path: Path, dicom: DicomOptions) -> bool:
    """Examine a batch and keep the result at `path`."""
    cv2.setNumThreads(1)  # the processes share out the cores already
    _keep([examine(raw, picture, dicom) for picture in pictures], path)
    return True


def _finish_one_by_one(raw: ReadsFiles, batch: Batch, dicom: DicomOptions, spread: Spread) -> None:
    """A batch in which a decoder died: each picture by itself, so that the others are kept."""
    calls = [(raw, (picture,), batch.path.with_suffix(f".{n}"), dicom) for n, picture in enumerate(batch.pictures)]
    rows: list[dict] = [{}] * len(calls)
    for number, survived in spread.run(_finish_batch, calls, [batch.bytes] * len(calls), guarded=True):
        alone = calls[number][2]
        rows[number] = pq.read_table(alone).to_pylist()[0] if survived else died(raw, batch.pictures[number])
        remove(alone)
    _keep(rows, batch.path)


def _keep(rows: list[dict], path: Path) -> None:
    # As objects, since a column of numbers with gaps would become float64, and lose bits of the hashes.
    table = pd.DataFrame(rows, columns=[*FACTS, "encoded", "before"], dtype=object).astype(FACTS)
    with replacing(path) as beside:
        table.to_parquet(beside, compression=None, index=False)


def _write_all(raw: ReadsFiles, batches: list[Batch], file_of: pd.Series, store: Path) -> None:
    """Copy originals and re-encoded pictures to the store, sorted by name, one at a time."""
    files = file_of.to_numpy(dtype=object)
    places = [(batch, place) for batch in batches for place in range(len(batch.pictures))]
    readable = np.flatnonzero(file_of.notna().to_numpy())
    order = readable[np.argsort(files[readable], kind="stable")]
    names, counts = np.unique(files[readable].astype(str), return_counts=True)
    if (counts > 1).any():
        raise PodiumError(f"two pictures would be called {names[counts > 1][0]}; ids must differ")

    def column(name: str) -> Iterator[tuple[int, bytes | None]]:
        held, values = None, None
        for row in order:
            batch, place = places[row]
            if batch is not held:
                held, values = batch, pq.read_table(batch.path, columns=[name])[name]
            yield row, values[place].as_py() if values is not None else None

    def in_order() -> Iterator[tuple[str, bytes]]:
        for row, data in column("before"):  # which sorts before test and train
            if data is not None:
                yield f"before/{files[row].removesuffix('.png')}.jpg", data
        for row, data in column("encoded"):
            batch, place = places[row]
            yield files[row], raw.read_bytes(batch.pictures[place].path) if data is None else data

    write_store(store, in_order())
