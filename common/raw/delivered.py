"""Which files were delivered: what counts in a folder of raw files, and what does not."""

import os
from pathlib import Path

from common.errors import PodiumError

_JUNK = "__MACOSX"


def is_junk(path: str) -> bool:
    """Whether no competition delivers a file at this POSIX path: hidden (`.DS_Store`, `._x`), or macOS's."""
    return any(part.startswith(".") or part == _JUNK for part in path.split("/"))


def delivered_files(root: Path) -> dict[str, Path]:
    """POSIX path below `root` to the file itself, sorted by path; zips are files like any other.

    `root` may be a single file, which then is the whole delivery. Links to files and folders are followed,
    since big folders often lie on another disk; a folder that is reached twice is listed once.
    Raises PodiumError when there is nothing at `root`, or a folder cannot be read.
    """
    root = Path(root)
    if root.is_file():
        return {root.name: root}
    if not root.is_dir():
        raise PodiumError(f"{root}: no such folder of raw files")
    files: dict[str, Path] = {}
    seen: set[tuple[int, int]] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True, onerror=_refuse):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            subfolders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        # In sorted order, so that the one listing of a folder that is reached twice is always the same.
        subfolders[:] = sorted(name for name in subfolders if not is_junk(name))
        prefix = os.path.relpath(folder, root).replace(os.sep, "/") + "/"
        prefix = "" if prefix == "./" else prefix
        files |= {prefix + name: Path(folder, name) for name in names if not is_junk(name)}
    return dict(sorted(files.items()))


def _refuse(error: OSError) -> None:
    raise PodiumError(f"{error.filename}: cannot be read ({error.strerror}); give yourself the right to read it")
