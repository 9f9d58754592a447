"""The picture store: one ZIP_STORED file, sorted names, fixed times; equal pictures are equal bytes.

One file is hashed and copied faster than 25,000, and any tool opens it. Since nothing in it is compressed, a
picture is one read at a known place, from any number of threads and processes at once.
"""

import functools
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from common.errors import PodiumError
from common.files import replacing
from common.images.decode import decode_stored

_LOCAL_HEADER_BYTES = 30


def write_store(path: Path, pictures: Iterable[tuple[str, bytes]]) -> None:
    """Write (name, encoded bytes) pairs, which come in the order of their names; whole or not at all."""
    previous = ""
    with replacing(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_STORED) as archive:
        for name, data in pictures:
            if name <= previous:
                raise ValueError(f"{name} comes after {previous}: names must be sorted, each once")
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # as written on Unix, wherever it is written
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
            previous = name


class ImageStore:
    """Reads pictures of a store by name. May be pickled, shared by threads and carried over a fork."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._descriptor: int | None = None
        try:
            about = os.stat(self.path)
            self._entries = _entries(str(self.path), about.st_size, about.st_mtime_ns)
        except FileNotFoundError:
            raise PodiumError(f"{self.path}: no such file; run preprocess") from None
        except zipfile.BadZipFile as error:
            raise PodiumError(f"{self.path}: {error}; delete it and run preprocess again") from None

    def names(self) -> list[str]:
        """All names, sorted, as `train/cat.0.jpg`."""
        return list(self._entries)

    def read(self, name: str) -> np.ndarray:
        """The pixels of a picture: upright grey (h, w), RGB (h, w, 3) or four bands, uint8 or uint16."""
        return decode_stored(self.read_bytes(name))

    def read_bytes(self, name: str) -> bytes:
        """The encoded picture. Raises PodiumError where there is none, or where its checksum is wrong."""
        if name not in self._entries:
            raise PodiumError(f"{self.path}: holds no picture '{name}'; run preprocess again")
        offset, size, checksum = self._entries[name]
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDONLY)
        # pread has no position that processes or threads could take from each other.
        header = os.pread(self._descriptor, _LOCAL_HEADER_BYTES, offset)
        name_bytes, extra_bytes = struct.unpack("<26xHH", header)
        data = os.pread(self._descriptor, size, offset + _LOCAL_HEADER_BYTES + name_bytes + extra_bytes)
        if zlib.crc32(data) != checksum:
            raise PodiumError(f"{self.path}: '{name}' is damaged; delete the file and run preprocess again")
        return data

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> "ImageStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_descriptor", None) is not None:
            self.close()

    def __getstate__(self) -> dict[str, object]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Path]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]


@functools.lru_cache(maxsize=4)
def _entries(path: str, size_bytes: int, changed_ns: int) -> dict[str, tuple[int, int, int]]:
    """Name to (offset of its header, bytes, CRC-32); kept, since reading it takes as long as 100 pictures."""
    with zipfile.ZipFile(path) as archive:
        return {entry.filename: (entry.header_offset, entry.file_size, entry.CRC) for entry in archive.infolist()}
