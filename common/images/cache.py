"""Decode once: every picture as raw pixels at training size, in a memory map in the scratch cache.

Keyed by the pictures' content, their order, the size and the code, so that two recipes share it. Built in parallel
beside its place and renamed, so that a half-built one is never used.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import joblib
import numpy as np
from filelock import FileLock

from common.code_hash import code_hash
from common.errors import PodiumError
from common.files import read_json, replacing, scratch_folder, write_json
from common.images.store import ImageStore
from common.progress import track

_MADE_BY = ("common.images.cache", "common.images.decode", "common.images.store")
_CHUNK_ROWS = 64


def decode_once(
    images: Path,
    files: Sequence[str],
    content_hashes: Sequence[str],
    bits: int,
    size_px: int,
    resize: str,
    workers: int,
) -> np.ndarray:
    """Pixels of the pictures `files` of the store `images`, in that order.

    content_hashes  one a picture; the key of the cache
    bits            8 or 16, the deepest of the pictures
    resize          `squash` (both sides to size_px), `crop` (centre square), `pad` (whole, on grey)

    Returns a read-only memory map (n, size_px, size_px, 3), uint8 or uint16.
    """
    settings = f"{code_hash(*_MADE_BY)} {cv2.__version__} {bits} {size_px} {resize}\n"
    key = hashlib.sha256((settings + "\n".join(content_hashes)).encode()).hexdigest()[:20]
    folder = scratch_folder() / "decoded" / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "cache.json").is_file():
            _build(folder, images, files, bits, size_px, resize, workers)
    about = read_json(folder / "cache.json")
    return np.memmap(folder / "pixels.bin", dtype=about["dtype"], mode="r", shape=tuple(about["shape"]))


def _build(
    folder: Path, images: Path, files: Sequence[str], bits: int, size_px: int, resize: str, workers: int
) -> None:
    shape = (len(files), size_px, size_px, 3)
    dtype = np.dtype(np.uint8 if bits == 8 else np.uint16)
    size_bytes = int(np.prod(shape)) * dtype.itemsize
    print(f"decoding {len(files):,} pictures once to {size_px} px: {size_bytes / 1e6:,.0f} MB of scratch cache")
    chunks = [range(begin, min(begin + _CHUNK_ROWS, len(files))) for begin in range(0, len(files), _CHUNK_ROWS)]
    with replacing(folder) as beside:
        beside.mkdir()
        try:
            with open(beside / "pixels.bin", "wb") as file:
                file.truncate(size_bytes)
            tasks = (
                joblib.delayed(_decode_chunk)(
                    beside / "pixels.bin", dtype.name, shape, images, [files[row] for row in chunk], chunk.start, resize
                )
                for chunk in chunks
            )
            done = joblib.Parallel(n_jobs=max(1, min(workers, len(chunks) // 2)), return_as="generator")(tasks)
            for _ in track(done, "decode", len(files), "images", size=int):
                pass
        except OSError as error:
            raise PodiumError(
                f"the decoded pictures need {size_bytes / 1e9:.1f} GB in {folder.parent}: {error}. Free some space, "
                "or let the environment variable PODIUM_SCRATCH name a folder on a larger disk."
            ) from error
        write_json(beside / "cache.json", {"shape": shape, "dtype": dtype.name, "resize": resize})


def _decode_chunk(
    pixels: Path, dtype: str, shape: tuple[int, ...], images: Path, files: Sequence[str], first_row: int, resize: str
) -> int:
    cv2.setNumThreads(1)  # the processes share out the cores already
    out = np.memmap(pixels, dtype=dtype, mode="r+", shape=shape)
    with ImageStore(images) as store:
        for offset, file in enumerate(files):
            out[first_row + offset] = to_square(to_rgb(store.read(file), np.dtype(dtype)), shape[1], resize)
    out.flush()
    return len(files)


def to_rgb(picture: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Grey or RGB, uint8 or uint16, to (height, width, 3) of `dtype`; 255 becomes 65535."""
    if picture.ndim == 2:
        picture = np.repeat(picture[:, :, None], 3, axis=2)
    if picture.dtype == np.uint8 and dtype == np.uint16:
        return picture.astype(np.uint16) * 257
    if picture.dtype != dtype:
        raise PodiumError(f"a picture of {picture.dtype} does not fit a cache of {dtype}; run preprocess again")
    return picture


def to_square(picture: np.ndarray, size_px: int, resize: str) -> np.ndarray:
    """(height, width, 3) to (size_px, size_px, 3), same dtype; averages over the area when it shrinks."""
    height, width = picture.shape[:2]
    if resize == "crop":
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        picture = picture[top : top + side, left : left + side]
    elif resize == "pad":
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        grey = np.iinfo(picture.dtype).max // 2
        padding = (top, side - height - top, left, side - width - left)
        picture = cv2.copyMakeBorder(picture, *padding, cv2.BORDER_CONSTANT, value=(grey, grey, grey))
    shrinks = picture.shape[0] >= size_px and picture.shape[1] >= size_px
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(picture, (size_px, size_px), interpolation=interpolation)
