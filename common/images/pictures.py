"""Pixels of many pictures at one size, read a batch at a time: from the decoded map, or each time from the store.

Both give the same pixels. A map that the memory can hold is mapped, which is the fastest. A larger one is read by one
read a picture, the next batch announced before: page faults would bring in a few pages each, and are ten times slower
(benchmarks/cache.py).
"""

import hashlib
import os
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
import psutil

from common.errors import PodiumError
from common.images.square import decoded_square
from common.images.store import ImageStore


@dataclass(frozen=True)
class MappedPictures:
    """Rows of a decoded map.

    folder     holds `pixels.bin`; its name is the key of the content
    size       (side, side, channels) of each picture
    positions  (n,), of the rows in the map
    entries    pictures that the map holds
    """

    folder: Path
    size: tuple[int, int, int]
    dtype: np.dtype
    positions: np.ndarray
    entries: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return (len(self.positions), *self.size)

    @property
    def name(self) -> str:
        """Equal names, equal pixels."""
        return _name(self.folder.name, self.positions)

    def take(self, rows: np.ndarray) -> "MappedPictures":
        return replace(self, positions=self.positions[rows])

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, rows: int | slice | np.ndarray) -> np.ndarray:
        """Pixels (rows, side, side, channels), or (side, side, channels) of one row."""
        chosen = np.atleast_1d(self.positions[rows])
        if self.exceeds_memory:
            pixels = np.empty((len(chosen), *self.size), self.dtype)
            for place, position in zip(pixels, chosen.tolist(), strict=True):
                self._read(place, position * self._bytes_each)
        else:
            pixels = self._mapping[chosen]
        return pixels if np.ndim(self.positions[rows]) else pixels[0]

    def announce(self, rows: np.ndarray) -> None:
        """Tell the system that these rows will be asked for soon, where they may have to come from the disk."""
        if _WILL_NEED is not None and self.exceeds_memory:
            for position in self.positions[rows].tolist():
                os.posix_fadvise(self._descriptor, position * self._bytes_each, self._bytes_each, _WILL_NEED)

    def _read(self, place: np.ndarray, offset: int) -> None:
        if _read_into(self._descriptor, place, offset) != self._bytes_each:
            raise self._cut_short()

    @cached_property
    def _mapping(self) -> np.ndarray:
        try:
            mapped = np.memmap(self.folder / "pixels.bin", self.dtype, "r", shape=(self.entries, *self.size))
        except ValueError:
            raise self._cut_short() from None
        return np.asarray(mapped)  # whose rows are plain arrays

    def _cut_short(self) -> PodiumError:
        return PodiumError(f"{self.folder}: cut short; `podium cache clear decoded`, and start again")

    @cached_property
    def _file(self) -> BinaryIO:
        return open(self.folder / "pixels.bin", "rb", buffering=0)

    @property
    def _descriptor(self) -> int:
        return self._file.fileno()  # without a position of its own: threads and processes may share it

    @cached_property
    def _bytes_each(self) -> int:
        return int(np.prod(self.size)) * self.dtype.itemsize

    @cached_property
    def exceeds_memory(self) -> bool:
        """Whether the map may not stay in the page cache."""
        return self.entries * self._bytes_each > memory_bytes() / 2


@dataclass(frozen=True)
class StoredPictures:
    """Pictures that are decoded anew whenever they are asked for; see `MappedPictures`.

    key    that the map would have
    files  (n,), names in the store
    """

    images: Path
    key: str
    size: tuple[int, int, int]
    dtype: np.dtype
    resize: str
    files: np.ndarray
    positions: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int, int]:
        return (len(self.positions), *self.size)

    @property
    def name(self) -> str:
        return _name(self.key, self.positions)

    def take(self, rows: np.ndarray) -> "StoredPictures":
        return replace(self, files=self.files[rows], positions=self.positions[rows])

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, rows: int | slice | np.ndarray) -> np.ndarray:
        chosen = self.files[rows]
        if isinstance(chosen, str):
            return self._decoded(chosen)
        pixels = np.empty((len(chosen), *self.size), self.dtype)
        for place, file in zip(pixels, chosen, strict=True):
            place[:] = self._decoded(file)
        return pixels

    def announce(self, rows: np.ndarray) -> None:
        """Nothing: decoding takes far longer than reading."""

    def _decoded(self, file: str) -> np.ndarray:
        return decoded_square(self._store, file, self.size, self.dtype, self.resize)

    @cached_property
    def _store(self) -> ImageStore:
        return ImageStore(self.images)


Pictures = MappedPictures | StoredPictures


def memory_bytes() -> int:
    """Main memory of the machine, or of the container or memory group that this runs in."""
    groups = Path("/proc/self/cgroup")
    lines = groups.read_text().splitlines() if groups.is_file() else []
    inside = {"", *(line.split(":", 2)[2].strip("/") for line in lines)}
    files = ("/sys/fs/cgroup/memory/{}/memory.limit_in_bytes", "/sys/fs/cgroup/{}/memory.max")
    limits = [Path(file.format(group)) for file in files for group in inside]
    told = [path.read_text().strip() for path in limits if path.is_file()]
    return min([psutil.virtual_memory().total, *(int(text) for text in told if text.isdigit())])


_WILL_NEED: int | None = getattr(os, "POSIX_FADV_WILLNEED", None)  # which macOS does not have


def _read_into(descriptor: int, place: np.ndarray, offset: int) -> int:
    """Bytes that were read from `offset` into a contiguous array."""
    if hasattr(os, "preadv"):
        return os.preadv(descriptor, [place.data], offset)
    data = os.pread(descriptor, place.nbytes, offset)
    place.reshape(-1).view(np.uint8)[: len(data)] = np.frombuffer(data, np.uint8)
    return len(data)


def _name(key: str, positions: np.ndarray) -> str:
    return f"{key} {hashlib.sha256(np.ascontiguousarray(positions, np.int64).tobytes()).hexdigest()[:20]}"
