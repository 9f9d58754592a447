"""The scratch cache: what waits there, how large it is and when it was last used; and dropping it.

Whatever lies there saves time only, and is made again when it is needed.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from common.errors import PodiumError, UsageError
from common.files import remove, scratch_folder
from pipelines.clean import confirmed, is_held, running_stages, size_bytes, written_size
from pipelines.workspace import Workspace, competition_names, find_root

SCRATCH_KINDS = {
    "archives": "an archive of the raw files, opened",
    "decoded": "",
    "features": "what a frozen network sees",
    "preprocess": "pictures of an unfinished preprocess",
    "training": "the last epoch of an unfinished training",
}


@dataclass(frozen=True)
class Entry:
    """Something in the scratch cache; `keep` is a reason not to drop it now."""

    kind: str
    path: Path
    what: str
    bytes: int
    last_used: float  # seconds since 1970
    keep: str

    @property
    def name(self) -> str:
        return self.path.name.removeprefix(".").split(".")[0][:8]


def list_command(here: Path) -> int:
    """Print all entries, those that were used last first."""
    found = sorted(entries(here), key=lambda entry: -entry.last_used)
    print(f"{scratch_folder()}: {written_size(sum(entry.bytes for entry in found))} in {len(found)} entries")
    for entry in found:
        print(_line(entry))
    if found:
        print("podium cache clear [KIND or NAME ...] drops them; they are made again when they are needed")
    return 0


def clear_command(here: Path, wanted: Sequence[str], yes: bool) -> int:
    """Drop the entries of the kinds, or with the names, that are wanted; all where none is named."""
    found = list(entries(here))
    known = {*SCRATCH_KINDS, *(entry.name for entry in found)}
    for one in wanted:
        if one not in known:
            raise UsageError(f"nothing called '{one}' in {scratch_folder()}; kinds: {', '.join(SCRATCH_KINDS)}")
    chosen = [entry for entry in found if not wanted or entry.kind in wanted or entry.name in wanted]
    _refuse_strangers()
    for entry in chosen:
        print(_line(entry))
    droppable = [entry for entry in chosen if not entry.keep]
    total = sum(entry.bytes for entry in droppable)
    if not droppable:
        print("nothing to drop")
        return 0
    if not yes and not confirmed(f"Drop {written_size(total)}?"):
        print("nothing was dropped")
        return 1
    for entry in droppable:
        remove(entry.path)
    print(f"freed {written_size(total)}")
    return 0


def entries(here: Path) -> Iterator[Entry]:
    """All entries, by kind and name."""
    root = find_root(here)
    busy = [stage for name in competition_names(root) for stage in running_stages(Workspace(root, name))]
    for kind in SCRATCH_KINDS:
        for path in sorted((scratch_folder() / kind).glob("*")):
            if path.suffix == ".lock":
                continue
            keep = f"running: {', '.join(busy)}" if busy else ""
            if is_held(path.with_name(path.name.removeprefix(".").split(".")[0] + ".lock")):
                keep = "is being written"
            yield Entry(kind, path, _what(kind, path), size_bytes(path), _last_used(path), keep)


def _what(kind: str, path: Path) -> str:
    if path.suffix == ".partial":
        return "half-built; swept away by whoever builds it anew"
    if kind != "decoded":
        return SCRATCH_KINDS[kind]
    from common.images.cache import describe_map

    return describe_map(path)


def _last_used(path: Path) -> float:
    """When anything in it changed last; what is read marks its use by touching a file."""
    inside = path.iterdir() if path.is_dir() else ()
    return max(one.lstat().st_mtime for one in [path, *inside])


def _refuse_strangers() -> None:
    """A folder that holds other things may have been named by mistake."""
    folder = scratch_folder()
    for entry in folder.iterdir():
        if entry.name not in SCRATCH_KINDS:
            raise PodiumError(f"{folder} also holds {entry.name}, which is not ours: delete by hand what may go")


def _line(entry: Entry) -> str:
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.last_used))
    kept = f"  kept: {entry.keep}" if entry.keep else ""
    return f"{entry.kind:<10} {entry.name:<8}  {entry.what:<44} {written_size(entry.bytes):>9}  {when}{kept}"
