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
    channels: int = 3,
) -> np.ndarray:
    """Pixels of the pictures `files` of the store `images`, in that order.

    content_hashes  one a picture; the key of the cache
    bits            8 or 16, the deepest of the pictures
    resize          `squash` (both sides to size_px), `crop` (centre square), `pad` (whole, on grey)

    channels        see `to_channels`

    Returns a read-only memory map (n, size_px, size_px, channels), uint8 or uint16.
    """
    settings = f"{code_hash(*_MADE_BY)} {cv2.__version__} {bits} {size_px} {resize} {channels}\n"
    key = hashlib.sha256((settings + "\n".join(content_hashes)).encode()).hexdigest()[:20]
    folder = scratch_folder() / "decoded" / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "cache.json").is_file():
            _build(folder, images, files, bits, (len(files), size_px, size_px, channels), resize, workers)
    about = read_json(folder / "cache.json")
    return np.memmap(folder / "pixels.bin", dtype=about["dtype"], mode="r", shape=tuple(about["shape"]))


def _build(
    folder: Path, images: Path, files: Sequence[str], bits: int, shape: tuple[int, ...], resize: str, workers: int
) -> None:
    dtype = np.dtype(np.uint8 if bits == 8 else np.uint16)
    size_bytes = int(np.prod(shape)) * dtype.itemsize
    print(f"decoding {len(files):,} pictures once to {shape[1]} px: {size_bytes / 1e6:,.0f} MB of scratch cache")
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
            picture = to_channels(to_depth(store.read(file), np.dtype(dtype)), shape[3], file)
            out[first_row + offset] = to_square(picture, shape[1], resize)
    out.flush()
    return len(files)


def to_channels(picture: np.ndarray, channels: int, name: str) -> np.ndarray:
    """Grey (h, w), RGB (h, w, 3) or four bands (h, w, 4) to (h, w, channels), same dtype.

    To 1: grey as it is, the luminance of colours. To 3: grey thrice, the first three of four bands. To 4: only what
    is stored with four bands; raises PodiumError for others.
    """
    bands = 1 if picture.ndim == 2 else picture.shape[2]
    if channels == 4 and bands != 4:
        raise PodiumError(f"channels: 4, but the picture {name} is stored with {bands}; set channels to 3 or 1")
    if bands == channels:
        return picture.reshape(*picture.shape[:2], channels)
    if bands == 1:
        return np.repeat(picture[:, :, None], channels, axis=2)
    if channels == 3:
        return np.ascontiguousarray(picture[:, :, :3])
    return cv2.cvtColor(np.ascontiguousarray(picture[:, :, :3]), cv2.COLOR_RGB2GRAY)[:, :, None]


def to_depth(picture: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """uint8 or uint16 to `dtype`; 255 becomes 65535."""
    if picture.dtype == np.uint8 and dtype == np.uint16:
        return picture.astype(np.uint16) * 257
    if picture.dtype != dtype:
        raise PodiumError(f"a picture of {picture.dtype} does not fit a cache of {dtype}; run preprocess again")
    return picture


def to_square(picture: np.ndarray, size_px: int, resize: str) -> np.ndarray:
    """(height, width, channels) to (size_px, size_px, channels), same dtype; averages over the area when it shrinks."""
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
        picture = cv2.copyMakeBorder(picture, *padding, cv2.BORDER_CONSTANT, value=(grey,) * 4)
    shrinks = picture.shape[0] >= size_px and picture.shape[1] >= size_px
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = cv2.resize(picture, (size_px, size_px), interpolation=interpolation)
    return resized.reshape(size_px, size_px, -1)  # OpenCV drops an axis of length 1
