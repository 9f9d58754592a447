"""Files that are either whole or absent: write beside, then rename."""

import glob
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import platformdirs


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; on success it is synced and renamed to `path`.

    Works for a file and for a folder (make it with `mkdir`; an old folder at `path` gives way). After an
    error or a kill, `path` is what it was before; a folder can only be swapped by two renames, so that a
    kill just between them leaves none. Left-overs of killed writers are swept away first, so there must be
    only one writer at a time: where several processes may write the same `path`, hold a lock.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for left_over in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 8}.partial"):
        remove(left_over)
    beside, old = (path.with_name(f".{path.name}.{uuid4().hex[:8]}.partial") for _ in range(2))
    try:
        yield beside
        _sync(beside)
        if os.path.lexists(path) and (path.is_dir() or beside.is_dir()):
            # No rename replaces a full folder, and a kill while it is deleted would leave half of it.
            os.rename(path, old)
        os.replace(beside, path)
        remove(old)
    finally:
        remove(beside)


def remove(path: Path) -> None:
    """Delete a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, content: Any) -> None:
    """Write JSON with sorted keys, so that equal content is equal bytes."""
    write_text(path, json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def scratch_folder() -> Path:
    """Where work waits that must survive a killed stage: `$PODIUM_SCRATCH`, else the user's cache folder.

    Whatever lies there can be made again and may be deleted at any time.
    """
    named = os.environ.get("PODIUM_SCRATCH")
    folder = Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("podium"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _sync(path: Path) -> None:
    """Force the bytes to the disk before the rename makes them visible."""
    for file in [entry for entry in path.rglob("*") if entry.is_file()] if path.is_dir() else [path]:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
