"""Zips read in place: members found once, then read by offset, from any thread or process.

Python's ZipFile keeps one position and one lock a file, so it is neither safe after a fork nor quick when
25,000 pictures are read in any order. Here its reader of the central directory is used, and the bytes are
fetched with `pread`, which has no position to share.
"""

import hashlib
import io
import os
import shutil
import stat
import struct
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock
from rich.filesize import decimal

from common.errors import PodiumError
from common.files import replacing, scratch_folder
from common.raw.delivered import is_junk

MAX_MEMBER_BYTES = 20 * 2**30
_CHUNK_BYTES = 2**20
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")  # PKWARE APPNOTE 6.3.10, 4.3.7
# What Python's reader raises on bytes that are no zip.
_DAMAGE = (zipfile.BadZipFile, NotImplementedError, struct.error, OSError, ValueError, EOFError)
_METHODS = {zipfile.ZIP_STORED: False, zipfile.ZIP_DEFLATED: True}


@dataclass(frozen=True)
class Member:
    """One file in an archive; `name` is its POSIX path there, `raw_name` the bytes that stand for it."""

    archive: "Archive"
    name: str
    raw_name: bytes
    header_offset: int
    compressed_bytes: int
    bytes: int
    crc32: int
    deflated: bool


class Archive:
    """A zip: a whole file, or `length` bytes from `start` on when it lies uncompressed in another zip.

    `label` names it in messages. Raises PodiumError when it is damaged or holds a member that is refused:
    a path that leaves the archive's folder, a link, a password, an unknown compression.
    """

    def __init__(self, path: Path, label: str, start: int = 0, length: int | None = None):
        self.label = label
        self._path = path
        self._start = start
        self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        weakref.finalize(self, os.close, self._descriptor)
        self._length = os.fstat(self._descriptor).st_size if length is None else length
        self.members = self._find_members()

    def read(self, member: Member) -> bytes:
        """The content of a member; raises PodiumError when length or checksum is wrong."""
        return b"".join(self._chunks(member))

    def read_begin(self, member: Member, most: int) -> bytes:
        """At most the first `most` bytes, unchecked: enough to see what a large file is."""
        begin = b""
        for chunk in self._chunks(member):
            begin += chunk
            if len(begin) >= most:
                break
        return begin[:most]

    def open_nested(self, member: Member) -> "Archive":
        """The zip that `member` is.

        An uncompressed one is read where it lies. A compressed one would have to be unpacked from its start
        for every picture, so it is unpacked once to the scratch folder, under a name made from its content.
        """
        label = f"{self.label}/{member.name}"
        if not member.deflated:
            return Archive(self._path, label, self._start + self._data_offset(member), member.bytes)
        folder = scratch_folder() / "archives"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self._content_key(member)}.zip"
        with filelock.FileLock(path.with_suffix(".lock")):
            if not path.is_file() or path.stat().st_size != member.bytes:
                self._unpack(member, path, label)
        return Archive(path, label)

    def _unpack(self, member: Member, path: Path, label: str) -> None:
        free = shutil.disk_usage(path.parent).free
        if free < member.bytes:
            raise PodiumError(
                f"{label}: unpacking it needs {decimal(member.bytes)} in {path.parent}, and {decimal(free)}"
                " are free; make room, or point PODIUM_SCRATCH to a larger disk"
            )
        with replacing(path) as beside, open(beside, "wb") as file:
            for chunk in self._chunks(member):
                file.write(chunk)

    def _content_key(self, member: Member) -> str:
        """Checksum, sizes, and both ends of the packed bytes: the end holds the table of inner checksums."""
        start = self._data_offset(member)
        ends = min(member.compressed_bytes, _CHUNK_BYTES)
        digest = hashlib.sha256(f"{member.crc32} {member.bytes} {member.compressed_bytes} ".encode())
        digest.update(self._read_at(start, ends))
        digest.update(self._read_at(start + member.compressed_bytes - ends, ends))
        return digest.hexdigest()[:32]

    def _find_members(self) -> list[Member]:
        try:
            with zipfile.ZipFile(io.BufferedReader(_Window(self))) as directory:
                entries = directory.infolist()
        except _DAMAGE as error:
            raise PodiumError(
                f"{self.label}: not a readable zip ({error}). Most likely it was cut off: fetch it again."
            ) from None
        return [
            self._checked(entry)
            for entry in entries
            if not entry.orig_filename.endswith("/") and not is_junk(_tidy(self._safe_name(entry)))
        ]

    def _safe_name(self, entry: zipfile.ZipInfo) -> str:
        name = entry.orig_filename
        problem = ""
        if name.startswith("/") or name[1:2] == ":":
            problem = "an absolute path"
        elif "\\" in name:
            problem = "a backslash in its path"
        elif "\0" in name:
            problem = "a zero byte in its path"
        elif ".." in name.split("/"):
            problem = "a path with '..', which leaves the archive's folder"
        elif stat.S_ISLNK(entry.external_attr >> 16):
            problem = "a symbolic link"
        if problem:
            raise PodiumError(
                f"{self.label}: member {name!r} is refused: {problem}. Fetch the archive from where it was"
                " published, or unpack it yourself and put the files in its place."
            )
        return name

    def _checked(self, entry: zipfile.ZipInfo) -> Member:
        unpack = "Unpack the archive yourself and put the files in its place."
        what = f"{self.label}: member {entry.orig_filename!r}"
        if entry.flag_bits & 1:
            raise PodiumError(f"{what} is locked with a password. {unpack}")
        if entry.compress_type not in _METHODS:
            method = zipfile.compressor_names.get(entry.compress_type, str(entry.compress_type))  # type: ignore[attr-defined]
            raise PodiumError(f"{what} is packed by a method that cannot be read here ({method}). {unpack}")
        if entry.file_size > MAX_MEMBER_BYTES:
            raise PodiumError(
                f"{what} claims {entry.file_size / 2**30:,.0f} GiB unpacked, and more than"
                f" {MAX_MEMBER_BYTES / 2**30:.0f} GiB is refused. {unpack}"
            )
        encoding = "utf-8" if entry.flag_bits & 0x800 else "cp437"
        return Member(
            archive=self,
            name=_tidy(entry.orig_filename),
            raw_name=entry.orig_filename.encode(encoding),
            header_offset=entry.header_offset,
            compressed_bytes=entry.compress_size,
            bytes=entry.file_size,
            crc32=entry.CRC,
            deflated=_METHODS[entry.compress_type],
        )

    def _data_offset(self, member: Member) -> int:
        expected_bytes = _LOCAL_HEADER.size + len(member.raw_name)
        header = self._read_at(member.header_offset, expected_bytes)
        if len(header) == expected_bytes and header.endswith(member.raw_name):
            signature, *_, name_bytes, extra_bytes = _LOCAL_HEADER.unpack_from(header)
            if signature == b"PK\3\4" and name_bytes == len(member.raw_name):
                return member.header_offset + expected_bytes + extra_bytes
        raise self._damaged(member, "its header is wrong")

    def _chunks(self, member: Member) -> Iterator[bytes]:
        offset, left = self._data_offset(member), member.compressed_bytes
        inflater = zlib.decompressobj(-zlib.MAX_WBITS) if member.deflated else None
        length, checksum = 0, 0
        while left:
            data = self._read_at(offset, min(left, _CHUNK_BYTES))
            if not data:
                raise self._damaged(member, "the file ends before it")
            offset, left = offset + len(data), left - len(data)
            if inflater is not None:
                try:
                    # One byte more than promised shows a lie, and no lie costs more memory than that.
                    data = inflater.decompress(data, member.bytes - length + 1)
                except zlib.error as error:
                    raise self._damaged(member, str(error)) from None
            length += len(data)
            checksum = zlib.crc32(data, checksum)
            if length > member.bytes:
                break
            yield data
        if length != member.bytes or (inflater is not None and not inflater.eof):
            raise self._damaged(member, "its length is wrong")
        if checksum != member.crc32:
            raise self._damaged(member, "its checksum is wrong")

    def _damaged(self, member: Member, reason: str) -> PodiumError:
        return PodiumError(f"{self.label}: member '{member.name}' is damaged ({reason}). Fetch the archive again.")

    def _read_at(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes from `offset` on; fewer only at the end."""
        length = min(length, self._length - offset)
        data = os.pread(self._descriptor, max(length, 0), self._start + offset) if offset >= 0 else b""
        while 0 < len(data) < length:
            more = os.pread(self._descriptor, length - len(data), self._start + offset + len(data))
            if not more:
                break
            data += more
        return data


def _tidy(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in ("", "."))


class _Window(io.RawIOBase):
    """An archive's bytes as a file, for ZipFile to read the central directory from."""

    def __init__(self, archive: Archive):
        self._archive = archive
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._archive._length}[whence]
        if base + offset < 0:
            raise OSError("a position before the start")  # which ZipFile expects, and meets in an empty zip
        self._position = base + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer) -> int:
        data = self._archive._read_at(self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
