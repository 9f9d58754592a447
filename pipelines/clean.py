"""Free disk space, and lose nothing that cannot be made again or that a submission rests on.

Two kinds of things may go: runs of models and folds that left the recipe, and objects of DVC's cache that no lock
file names. The scratch cache, which is there to save time only, has a command of its own: scratch.py.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from common.errors import PodiumError
from common.files import remove
from pipelines.cache_use import CacheUse, cache_use, object_path, objects_of, read_ledgers
from pipelines.workspace import Workspace, competition_names, find_root


@dataclass(frozen=True)
class Item:
    """Something that takes up space; `paths` may go unless there is a reason to keep them."""

    kind: str  # competition, run or cache
    name: str
    bytes: int
    paths: tuple[Path, ...]
    keep: str = ""


def clean_command(here: Path, name: str | None, dry_run: bool, yes: bool) -> int:
    """List what there is and, unless it is a dry run, drop what may go; returns the exit code."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    root = find_root(here)
    workspaces = [Workspace.open(name, here)] if name else [Workspace(root, one) for one in competition_names(root)]
    try:
        with Repo(str(root)) as repo:
            cache = Path(repo.cache.local.path)

            def survey() -> list[Item]:
                use = cache_use(root, cache)
                items = [item for workspace in workspaces for item in runs(workspace, use, cache)]
                return items if name else [*items, *dvc_cache(root, use, cache)]

            items = survey()
            print(*map(_line, items), sep="\n")
            total = sum(item.bytes for item in items if not item.keep)
            if dry_run or not total:
                print(f"{written_size(total)} may go{'; nothing was dropped' if dry_run else ''}")
                return 0
            if not yes and not confirmed(f"Drop {written_size(total)}?"):
                print("nothing was dropped")
                return 1
            with repo.lock:  # no stage is being written down while the locks are read
                freed = sum(_drop(item) for item in survey() if not item.keep)
            print(f"freed {written_size(freed)}")
            return 0
    except DvcException as error:
        raise PodiumError(f"dvc: {error}") from error


def runs(workspace: Workspace, use: CacheUse, cache: Path) -> Iterator[Item]:
    """What the folders of a competition take, and each of its runs; those that left the recipe may go."""
    for folder in sorted(path for path in workspace.folder.iterdir() if path.is_dir() and path.name != "runs"):
        if size := size_bytes(folder):
            yield Item("competition", f"{workspace.name} {folder.name}/", size, (), "not a run")
    busy = running_stages(workspace)
    for model in sorted((workspace.folder / "runs").glob("*/")):
        in_recipe = model.name in workspace.models
        left = [
            fold
            for fold in sorted((model / "folds").glob("*/"))
            if not in_recipe or fold.name not in map(str, workspace.trainings)
        ]
        if in_recipe:
            rest = size_bytes(model) - sum(map(size_bytes, left))
            yield Item("run", f"{workspace.name} runs/{model.name}", rest, (), "in the recipe")
        for folder in left if in_recipe else [model]:
            keep = f"running: {', '.join(busy)}" if busy else _only_copy(folder, use, cache)
            shown = folder.relative_to(workspace.folder).as_posix()
            yield Item("run", f"{workspace.name} {shown}", size_bytes(folder), (folder,), keep)


def dvc_cache(root: Path, use: CacheUse, cache: Path) -> Iterator[Item]:
    """DVC's objects by the competition whose lock files name them, and those that nothing names."""
    kept_bytes: dict[str, int] = defaultdict(int)
    unnamed = []
    submitted = {row.file_sha256 for row in read_ledgers(root)} - {""}
    for path in sorted(cache.glob("[0-9a-f][0-9a-f]/*")):
        folders = use.folders_by_hash.get(path.parent.name + path.name)
        if folders:
            kept_bytes[min(folder.name for folder in folders)] += path.lstat().st_size
        elif submitted and _sha256(path) in submitted:
            kept_bytes["(a submitted file)"] += path.lstat().st_size
        else:
            unnamed.append(path)
    for name, size in sorted(kept_bytes.items()):
        yield Item("cache", name, size, (), "named by a dvc.lock, here or in a commit, or by a ledger")
    keep = ""
    if not cache.is_relative_to(root / ".dvc"):
        keep = f"other repositories may share {cache}; see dvc gc --projects"
    elif use.unknown_commits:
        row = use.unknown_commits[0]
        keep = f"ledger.csv of {row.competition} names commit {row.commit}, not in this clone: git fetch"
    size = sum(path.lstat().st_size for path in unnamed)
    yield Item("cache", f"{len(unnamed)} objects that nothing names", size, tuple(unnamed), keep)


def running_stages(workspace: Workspace) -> list[str]:
    """The stages of a competition that are being run now, as `train-resnet-0`; see `output_lock`."""
    return [path.stem for path in sorted((workspace.folder / ".locks").glob("*.lock")) if is_held(path)]


def size_bytes(path: Path) -> int:
    """Of a file, or of all files below a folder; a link counts as itself."""
    if path.is_dir() and not path.is_symlink():
        return sum(size_bytes(entry) for entry in path.iterdir())
    return path.lstat().st_size


def _only_copy(run: Path, use: CacheUse, cache: Path) -> str:
    """A reason to keep a run: dvc.lock names a result in it that DVC's cache does not hold."""
    for path, md5 in use.hash_of_path.items():
        inside = path.is_relative_to(run) or run.is_relative_to(path)
        if inside and not all(object_path(cache, one).exists() for one in objects_of(cache, md5)):
            return f"dvc.lock names {path.name}, and DVC's cache does not hold it"
    return ""


def is_held(lock_file: Path) -> bool:
    if not lock_file.is_file():
        return False
    lock = filelock.FileLock(lock_file)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return True
    lock.release()
    return False


def _drop(item: Item) -> int:
    """Delete an item's paths; returns the bytes that are free now."""
    freed = 0
    for path in item.paths:
        size = size_bytes(path)
        remove(path)
        freed += size if not path.exists() else size - size_bytes(path)
    return freed


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def confirmed(question: str) -> bool:
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _line(item: Item) -> str:
    fate = f"kept: {item.keep}" if item.keep else "may go"
    return f"{item.kind:<12} {item.name:<44} {written_size(item.bytes):>9}  {fate}"


def written_size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
