"""Which objects of DVC's cache are in use: named by a dvc.lock, here, in any commit, or behind a submission.

`dvc gc` asks the same of the stages that today's dvc.yaml has. This asks the lock files alone, and so keeps
more: what a stage wrote that has left the recipe, and what a commit names that only a ledger remembers.
"""

import csv
import json
import os
import re
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from common.errors import PodiumError

_LOCK_FILES = (":(glob)**/dvc.lock", ":(glob)**/*.dvc")
_HASH = re.compile(r"\bmd5: ['\"]?([0-9a-f]{32}(?:\.dir)?)")
_PATH_AND_HASH = re.compile(r"- path: (.+)\n\s+(?:hash: md5\n\s+)?md5: ['\"]?([0-9a-f]{32}(?:\.dir)?)")


@dataclass(frozen=True)
class LedgerRow:
    """What stands behind a submission."""

    competition: str
    commit: str
    file_sha256: str


@dataclass(frozen=True)
class CacheUse:
    """Hashes in use, with the folders of the lock files that name them."""

    folders_by_hash: dict[str, set[Path]]
    hash_of_path: dict[Path, str]  # what the lock files in the folder, not those in git, say of a path
    unknown_commits: list[LedgerRow]  # of ledgers, not in this clone: what they need cannot be known


def read_ledgers(root: Path) -> list[LedgerRow]:
    """Every row of every `competitions/NAME/ledger.csv`."""
    rows = []
    for path in sorted((root / "competitions").glob("*/ledger.csv")):
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                commit, sha256 = row.get("commit") or "", row.get("file_sha256") or ""
                rows.append(LedgerRow(path.parent.name, commit.strip(), sha256.strip()))
    return rows


def cache_use(root: Path, cache: Path) -> CacheUse:
    """Read all lock files: those in the folder, and every version in git.

    cache   the folder with DVC's objects, `.../files/md5`

    Raises PodiumError where git cannot answer, since then nothing may be dropped.
    """
    top = Path(os.fsdecode(_git(root, "rev-parse", "--show-toplevel").rstrip(b"\n")))
    commits, unknown = [], []
    for row in read_ledgers(root):
        if not row.commit:
            continue
        found = _git(root, "rev-parse", "--verify", "--quiet", f"{row.commit}^{{commit}}", may_fail=True).strip()
        if found:
            commits.append(found.decode())
        else:
            unknown.append(row)

    use = CacheUse(defaultdict(set), {}, unknown)
    present = _git(top, "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *_LOCK_FILES)
    for name in filter(None, os.fsdecode(present).split("\0")):
        if (top / name).is_file():
            folder, text = (top / name).parent, (top / name).read_text(encoding="utf-8")
            _add(use, folder, text, cache)
            for path, md5 in _PATH_AND_HASH.findall(text):
                use.hash_of_path[folder / path.strip("'\"")] = md5
    for path, text in _committed_lock_files(top, commits):
        _add(use, path.parent, text, cache)
    return use


def object_path(cache: Path, md5: str) -> Path:
    return cache / md5[:2] / md5[2:]


def objects_of(cache: Path, md5: str) -> list[str]:
    """An object and, where it lists a folder, the objects of its files."""
    path = object_path(cache, md5)
    if not md5.endswith(".dir") or not path.is_file():
        return [md5]
    try:
        return [md5, *(entry["md5"] for entry in json.loads(path.read_text(encoding="utf-8")))]
    except ValueError:
        raise PodiumError(f"{path}: a damaged object of DVC's cache; delete it, and fetch or make it again") from None


def _add(use: CacheUse, folder: Path, text: str, cache: Path) -> None:
    for md5 in set(_HASH.findall(text)):
        for one in objects_of(cache, md5):
            use.folders_by_hash[one].add(folder)


def _committed_lock_files(top: Path, commits: list[str]) -> list[tuple[Path, str]]:
    """Path and text of each version of each lock file that a branch, tag, stash or one of `commits` has."""
    changing = _git(top, "rev-list", "--all", "--full-history", *commits, "--", *_LOCK_FILES)
    compare = ("diff-tree", "--stdin", "-r", "-m", "--root", "--no-renames", "--no-commit-id", "--raw", "-z")
    fields = os.fsdecode(_git(top, *compare, "--", *_LOCK_FILES, stdin=changing)).split("\0")
    blobs = {}
    for change, path in zip(fields[::2], fields[1::2], strict=False):
        _, _, _, after, kind_of_change = change.split(" ")
        if kind_of_change != "D":
            blobs[after] = top / path
    batch = _git(top, "cat-file", "--batch", stdin="".join(f"{sha}\n" for sha in blobs).encode())
    texts, start = [], 0
    while start < len(batch):  # each is `SHA blob SIZE`, a newline, the text, a newline
        begin = batch.index(b"\n", start) + 1
        sha, _, size = batch[start : begin - 1].decode().split(" ")
        start = begin + int(size) + 1
        texts.append((blobs[sha], batch[begin : start - 1].decode()))
    return texts


def _git(folder: Path, *arguments: str, stdin: bytes = b"", may_fail: bool = False) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], input=stdin, capture_output=True)
    except FileNotFoundError:
        raise PodiumError("git is not on the PATH; without it nobody knows what a commit still needs") from None
    if done.returncode and not may_fail:
        raise PodiumError(f"git {arguments[0]} in {folder}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
