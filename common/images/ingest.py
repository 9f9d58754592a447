"""One pass over all pictures: is it readable, what is it, and into the store with it.

Worker processes decode and hash batches, re-encode what cannot be stored as it is, and leave each finished
batch in the scratch cache: a killed run goes on from there. Then one writer copies all into the store in
the order of the names. Memory holds the batches that workers have in hand, never all pictures.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import cv2
import joblib
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from common.code_hash import code_hash
from common.errors import PodiumError
from common.files import remove, replacing, scratch_folder
from common.images.decode import UnreadablePicture, decode, decode_bands, encode_png
from common.images.perceptual_hash import perceptual_hash
from common.images.store import write_store
from common.progress import track

_MADE_BY = ("common.images.ingest", "common.images.decode", "common.images.perceptual_hash")
_BATCH_PICTURES = 32
_WORKERS_START_SECONDS = 2.0  # what workers take to start; work that is done by then is done without them

FACTS = {
    "file": "str",
    "width_px": "Int32",
    "height_px": "Int32",
    "channels": "Int8",
    "bits": "Int8",
    "bytes": "int64",
    "content_hash": "str",
    "perceptual_hash": "UInt64",
    "reason": "str",
}


class ReadsFiles(Protocol):
    """Raw files, of one folder or of several."""

    def read_bytes(self, name: str) -> bytes: ...


@contextmanager
def work_folder(raw_manifest: str, pictures: pd.DataFrame) -> Iterator[Path]:
    """The scratch folder in which finished batches wait; deleted at the end, unless an error ends it.

    raw_manifest  text that changes with the content of any raw file
    pictures      as `ingest` is given them
    """
    rows = list(_rows(pictures))
    told = json.dumps([code_hash(*_MADE_BY), _BATCH_PICTURES, raw_manifest, rows])
    folder = scratch_folder() / "preprocess" / hashlib.sha256(told.encode()).hexdigest()[:20]
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    remove(folder)


def ingest(raw: ReadsFiles, pictures: pd.DataFrame, store: Path, work: Path, workers: int) -> pd.DataFrame:
    """Examine all pictures and write the readable ones to `store`.

    pictures  `part`, `id` and `path` (in the raw files), one row a picture; and `bands`, where they are TIFFs of four
              bands (see `decode_bands`)
    work      see `work_folder`
    workers   processes; 0 and 1 both mean this one

    Returns a table with the index of `pictures` and the columns FACTS: `file`, the name in the store
    (`PART/ID.jpg` or `.png`); size, channels and bits of the upright picture; `bytes` and `content_hash`
    (SHA-256) of the original file; `perceptual_hash`; `reason`, why it cannot be read. Of an unreadable
    picture only `bytes`, `content_hash` and `reason` are given.
    """
    begins = range(0, len(pictures), _BATCH_PICTURES)
    batches = [pictures[begin : begin + _BATCH_PICTURES] for begin in begins]
    paths = [work / f"{number:06d}.parquet" for number in range(len(batches))]
    todo = [number for number, path in enumerate(paths) if not path.is_file()]
    if len(todo) < len(batches):
        print(f"going on: {len(batches) - len(todo):,} of {len(batches):,} batches are done already")
    count = sum(len(batches[number]) for number in todo)
    done = _finish_batches(raw, [(batches[number], paths[number]) for number in todo], workers)
    for _ in track(done, "preprocess", count, "images", size=int):
        pass
    parts = [pd.read_parquet(path, columns=list(FACTS)) for path in paths]
    facts = pd.concat(parts, ignore_index=True).astype(FACTS)
    _write_all(raw, pictures, facts, paths, store)
    return facts.set_index(pictures.index)


def _finish_batches(raw: ReadsFiles, batches: list[tuple[pd.DataFrame, Path]], workers: int) -> Iterator[int]:
    """Finish all batches, yielding how many pictures each has."""
    begin, rest = time.perf_counter(), iter(batches)
    for batch, path in rest:
        yield _finish_batch(raw, batch, path)
        if workers > 1 and time.perf_counter() - begin > _WORKERS_START_SECONDS:
            break
    tasks = (joblib.delayed(_finish_batch)(raw, batch, path) for batch, path in rest)
    yield from joblib.Parallel(n_jobs=max(1, workers), return_as="generator", batch_size=1)(tasks)


def _finish_batch(raw: ReadsFiles, batch: pd.DataFrame, path: Path) -> int:
    """Examine a batch and keep the result at `path`; returns the number of pictures."""
    cv2.setNumThreads(1)  # the processes share out the cores already
    rows = [_examine(raw, *row) for row in _rows(batch)]
    # As objects, since a column of numbers with gaps would become float64, and lose bits of the hashes.
    table = pd.DataFrame(rows, columns=[*FACTS, "encoded"], dtype=object).astype(FACTS)
    with replacing(path) as beside:
        table.to_parquet(beside, compression=None, index=False)
    return len(batch)


def _rows(pictures: pd.DataFrame) -> Iterator[tuple[str, str, str, str]]:
    """part, id, path and bands (empty where the file itself says what it is) of each picture."""
    bands = pictures["bands"] if "bands" in pictures else [""] * len(pictures)
    return zip(pictures["part"], pictures["id"], pictures["path"], bands, strict=True)


def _examine(raw: ReadsFiles, part: str, id_: str, path: str, bands: str) -> dict[str, object]:
    """One row: FACTS, and `encoded`, the PNG where the original is not what gets stored."""
    data = raw.read_bytes(path)
    row: dict[str, object] = {"bytes": len(data), "content_hash": hashlib.sha256(data).hexdigest()}
    try:
        picture = decode_bands(data, bands) if bands else decode(data)
    except UnreadablePicture as error:
        return {**row, "reason": " ".join(str(error).split())}
    pixels = picture.pixels
    return row | {
        "file": f"{part}/{id_}.{picture.kept or 'png'}",
        "width_px": pixels.shape[1],
        "height_px": pixels.shape[0],
        "channels": 1 if pixels.ndim == 2 else pixels.shape[2],
        "bits": picture.bits,
        "perceptual_hash": perceptual_hash(pixels),
        "encoded": None if picture.kept else encode_png(pixels),
    }


def _write_all(raw: ReadsFiles, pictures: pd.DataFrame, facts: pd.DataFrame, batches: list[Path], store: Path) -> None:
    """Copy originals and re-encoded pictures to the store, sorted by name, one at a time."""
    files = facts["file"].to_numpy(dtype=object)
    readable = np.flatnonzero(facts["file"].notna().to_numpy())
    order = readable[np.argsort(files[readable], kind="stable")]
    names, counts = np.unique(files[readable].astype(str), return_counts=True)
    if (counts > 1).any():
        raise PodiumError(f"two pictures would be called {names[counts > 1][0]}; ids must differ")
    paths = pictures["path"].to_numpy(dtype=object)

    def in_order() -> Iterator[tuple[str, bytes]]:
        held, encoded = -1, None
        for row in order:
            number, place = divmod(int(row), _BATCH_PICTURES)
            if number != held:
                held, encoded = number, pq.read_table(batches[number], columns=["encoded"])["encoded"]
            data = encoded[place].as_py() if encoded is not None else None
            yield files[row], raw.read_bytes(paths[row]) if data is None else data

    write_store(store, in_order())
