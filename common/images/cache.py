"""Decode once: every picture as raw pixels at training size, in one file in the scratch cache.

Keyed by the set of the pictures' contents, the size and the code, so that all recipes, parts and orders of the same
pictures share it, and equal pictures are in it once. Built in parallel beside its place and renamed, so that a
half-built one is never used. Where there is no room for it, pictures are read from the store, with the same pixels.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from filelock import FileLock

from common.ahead import in_order
from common.code_hash import code_hash
from common.errors import PodiumError
from common.files import read_json, replacing, scratch_folder, write_json
from common.images.pictures import MappedPictures, Pictures, StoredPictures
from common.images.square import decoded_square
from common.images.store import ImageStore
from common.progress import track

_MADE_BY = ("common.images.cache", "common.images.square", "common.images.decode", "common.images.store")
_CHUNK_ROWS = 16
_RESERVE_BYTES = 2_000_000_000  # of the disk that are left for what else a training writes


def decode_once(
    images: Path,
    files: Sequence[str],
    content_hashes: Sequence[str],
    bits: int,
    size_px: int,
    resize: str,
    workers: int,
    channels: int = 3,
    most_bytes: int | None = None,
) -> Pictures:
    """Pixels of the pictures `files` of the store `images`, in that order.

    content_hashes  one a picture; the key of the cache
    bits            8 or 16, the deepest of the pictures
    size_px         side of the square; a training at smaller sizes too takes them from this one
    resize          `squash` (both sides to size_px), `crop` (centre square), `pad` (whole, on grey)
    channels        see `to_channels`
    most_bytes      that all maps in the scratch cache may take together; None: what the disk has, less a reserve

    Returns pictures (n, size_px, size_px, channels), uint8 or uint16.
    """
    contents, first_rows, positions = np.unique(np.asarray(content_hashes, str), return_index=True, return_inverse=True)
    settings = f"{code_hash(*_MADE_BY)} {cv2.__version__} {bits} {size_px} {resize} {channels}\n"
    key = hashlib.sha256((settings + "\n".join(contents)).encode()).hexdigest()[:20]
    folder = scratch_folder() / "decoded" / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    size, dtype = (size_px, size_px, channels), np.dtype(np.uint8 if bits == 8 else np.uint16)
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "cache.json").is_file():
            need = len(contents) * int(np.prod(size)) * dtype.itemsize
            room = _room_bytes(folder.parent, most_bytes)
            told = f"{len(contents):,} pictures at {size_px} px take {_gb(need)} of scratch cache; room: {_gb(room)}"
            if need > room:
                print(
                    f"{told}. So each is read from {images.name} whenever it is needed, which takes longer. `podium "
                    "cache` shows what takes up the room; machine.cache_gb in params.yaml, or PODIUM_SCRATCH=FOLDER "
                    "on a larger disk, gives more"
                )
                named = np.asarray(files, dtype=object)
                return StoredPictures(images, key, size, dtype, resize, named, positions)
            print(f"decoding once: {told}")
            _build(folder, images, [files[row] for row in first_rows], size, dtype, resize, workers)
    os.utime(folder / "cache.json")  # when it was last used
    return MappedPictures(folder, size, dtype, positions, len(contents))


def describe_map(folder: Path) -> str:
    """What a map in the scratch cache holds, in a few words."""
    about = read_json(folder / "cache.json")
    count, side, _, channels = about["shape"]
    return f"{count:,} pictures, {side} px, {channels} x {about['dtype']}, {about['resize']}"


def _room_bytes(folder: Path, most_bytes: int | None) -> int:
    """What a new map may take."""
    free = shutil.disk_usage(folder).free - _RESERVE_BYTES
    if most_bytes is not None:
        free = min(free, most_bytes - sum(path.stat().st_size for path in folder.glob("*/pixels.bin")))
    return max(0, free)


def _build(
    folder: Path,
    images: Path,
    files: Sequence[str],
    size: tuple[int, int, int],
    dtype: np.dtype,
    resize: str,
    workers: int,
) -> None:
    """Write `pixels.bin`, one picture after another, and `cache.json`, which says what they are."""
    store = ImageStore(images)
    bytes_each = int(np.prod(size)) * dtype.itemsize
    with replacing(folder) as beside, _disk_errors_explained(folder, len(files) * bytes_each):
        beside.mkdir()
        with open(beside / "pixels.bin", "wb", buffering=0) as file:
            if hasattr(os, "posix_fallocate") and files:
                os.posix_fallocate(file.fileno(), 0, len(files) * bytes_each)  # a disk that is too full says so now

            def decode_chunk(begin: int) -> int:
                names = files[begin : begin + _CHUNK_ROWS]
                pixels = np.empty((len(names), *size), dtype)
                for place, name in zip(pixels, names, strict=True):
                    place[:] = decoded_square(store, name, size, dtype, resize)
                if os.pwrite(file.fileno(), pixels.data, begin * bytes_each) < pixels.nbytes:
                    raise OSError("the disk is full")
                return len(names)

            begins = range(0, len(files), _CHUNK_ROWS)
            with _one_opencv_thread():
                done = in_order(decode_chunk, begins, workers if workers > 1 else 0)
                for _ in track(done, "decode", len(files), "images", size=int):
                    pass
        write_json(beside / "cache.json", {"shape": [len(files), *size], "dtype": dtype.name, "resize": resize})


@contextmanager
def _one_opencv_thread() -> Iterator[None]:
    """Inside, OpenCV starts no threads of its own: ours share out the cores already."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


@contextmanager
def _disk_errors_explained(folder: Path, size_bytes: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PodiumError(
            f"the decoded pictures need {_gb(size_bytes)} in {folder.parent}: {error}. Free some space, or let the "
            "environment variable PODIUM_SCRATCH name a folder on a larger disk."
        ) from error


def _gb(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"
