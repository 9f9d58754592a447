"""One file over HTTP: resumed where it broke off, and under its name only when it is whole.

Kaggle's client writes under the final name from the first byte on, appends error pages as if they were
content, and never times out (kaggle 2.2.4, `KaggleApi.download_file`); so the bytes are fetched here.
"""

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from rich.filesize import decimal

from common.errors import PodiumError
from common.files import read_json, remove
from common.kaggle import retries
from common.kaggle.retries import TRIES

_CHUNK_BYTES = 2**16  # what is lost of the chunk in which a connection breaks
_TIMEOUT_S = (20, 60)  # to connect, and between two packets


class _Broken(requests.RequestException):
    """The body is not what was promised; trying again may help."""


def fetch(
    path: Path,
    locate: Callable[[], requests.PreparedRequest],
    listed_bytes: int | None,
    report: Callable[[int, int | None], None],
) -> Path:
    """Fetch what `locate` points at to `path`, and return where it lies.

    Kaggle hands out large tables zipped: when the address ends in the name and `.zip`, so does the file.
    `report(done, total)` is called with bytes. A file that is not whole waits beside as `.NAME.partial`, with
    its length and version in `.NAME.partial.json`; later calls go on from there, by Range and If-Range.
    Raises PodiumError when it breaks off TRIES times without getting further, or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _Partial(path)
    failures = 0
    while True:
        before = partial.bytes
        try:
            return _attempt(partial, locate(), listed_bytes, report)
        except requests.RequestException as error:
            failures = 1 if partial.bytes > before else failures + 1
            pause_s = retries.seconds_to_wait(error, failures) or 2.0 ** (failures - 1)
            if failures == TRIES:
                raise PodiumError(
                    f"{path.name}: the download broke off {TRIES} times in a row ({_reason(error)});"
                    f" {partial.bytes:,} bytes are kept. Run this again later to go on from there."
                ) from None
            retries.wait(pause_s, f"{path.name}: {_reason(error)}")
        except OSError as error:
            raise PodiumError(
                f"{partial.path}: cannot be written ({error.strerror}); the part so far is kept"
            ) from None


def check_space(folder: Path, needed_bytes: int) -> None:
    """Refuse to begin what the disk cannot hold."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise PodiumError(
            f"{folder}: {decimal(needed_bytes)} are needed and {decimal(free)} are free on this disk; make"
            f" room for {decimal(needed_bytes - free)}, or link the folder to a larger disk"
        )


def partial_bytes(path: Path) -> int:
    """How much of `path` an earlier call has fetched."""
    return _Partial(path).bytes


class _Partial:
    """The part of a file that is there, and the note that says of which version it is a part."""

    def __init__(self, path: Path):
        self.target = path
        self.path = path.with_name(f".{path.name}.partial")
        self.note_path = path.with_name(f".{path.name}.partial.json")

    @property
    def bytes(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def note(self) -> dict[str, Any]:
        """`version` (ETag or date), `total` bytes or None, final `name`; empty when there is no part."""
        try:
            note = read_json(self.note_path) if self.bytes else {}
        except (OSError, ValueError):
            return {}
        return note if isinstance(note, dict) and note.keys() == {"version", "total", "name"} else {}

    def begin(self, version: str | None, total: int | None, name: str) -> None:
        self.drop()
        # The note first: a part without one is never gone on with.
        self.note_path.write_text(json.dumps({"version": version, "total": total, "name": name}), encoding="utf-8")

    def drop(self) -> None:
        remove(self.path)
        remove(self.note_path)

    def finish(self, name: str) -> Path:
        final = self.target.with_name(name)
        if name.lower().endswith(".zip") and not zipfile.is_zipfile(self.path):
            self.drop()
            raise _Broken("what came is not a zip")
        with open(self.path, "rb") as file:
            os.fsync(file.fileno())
        os.replace(self.path, final)
        remove(self.note_path)
        return final


def _attempt(
    partial: _Partial,
    request: requests.PreparedRequest,
    listed_bytes: int | None,
    report: Callable[[int, int | None], None],
) -> Path:
    name = partial.target.name
    if (request.url or "").partition("?")[0].endswith(f"/{name}.zip"):
        name += ".zip"
    note = partial.note()
    have = partial.bytes if note.get("version") and note["name"] == name else 0
    if have and note["total"] == have:
        return partial.finish(name)

    request = request.copy()
    request.headers["Accept-Encoding"] = "identity"  # lengths and ranges count the bytes on the disk
    if have:
        request.headers.update({"Range": f"bytes={have}-", "If-Range": note["version"]})
    with requests.Session() as session:
        settings = session.merge_environment_settings(request.url or "", {}, True, None, None)
        with session.send(request, timeout=_TIMEOUT_S, **settings) as answer:
            if answer.status_code == 206 and have:
                total = _resumed_total(answer, have, note, partial)
            elif answer.status_code == 200:
                have, total = 0, _whole_length(answer, name, listed_bytes)
                partial.begin(_version(answer), total, name)
            else:
                if answer.status_code == 416:
                    partial.drop()
                answer.raise_for_status()
                raise _Broken(f"HTTP {answer.status_code}")
            check_space(partial.path.parent, (total or listed_bytes or have) - have)
            with open(partial.path, "ab") as file:
                for chunk in answer.iter_content(_CHUNK_BYTES):
                    file.write(chunk)
                    have += len(chunk)
                    report(have, total)
    if total is not None and have != total:
        if have > total:
            partial.drop()
        raise _Broken(f"{have:,} bytes came instead of {total:,}")
    return partial.finish(name)


def _resumed_total(answer: requests.Response, have: int, note: dict[str, Any], partial: _Partial) -> int | None:
    """The length of the whole file; refuses a rest that does not belong to the part that is there."""
    start, _, total = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    if start.partition("-")[0] != str(have) or (note["total"] is not None and total != str(note["total"])):
        partial.drop()
        raise _Broken("the rest that came belongs to another file")
    return int(total) if total.isdigit() else note["total"]


def _whole_length(answer: requests.Response, name: str, listed_bytes: int | None) -> int | None:
    """The length that the server promises, else the listed one (unless it is that of the file unzipped)."""
    if answer.headers.get("Content-Type", "").startswith("text/html") and not name.lower().endswith((".html", ".htm")):
        raise _Broken("a web page came instead of the file, as from a network that wants a login")
    length = answer.headers.get("Content-Length", "")
    if length.isdigit() and "Content-Encoding" not in answer.headers:
        return int(length)
    return listed_bytes


def _version(answer: requests.Response) -> str | None:
    """What If-Range accepts: a strong ETag, else the date (RFC 9110, 13.1.5)."""
    tag = answer.headers.get("ETag", "")
    return tag if tag and not tag.startswith("W/") else answer.headers.get("Last-Modified")


def _reason(error: requests.RequestException) -> str:
    return str(error) if isinstance(error, _Broken) else retries.reason(error)
