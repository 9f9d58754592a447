"""The manifest: path, size and hash of every file as delivered, to tell later whether they are the same."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from common.errors import PodiumError
from common.raw.delivered import delivered_files

_QUIET_BYTES = 200_000_000  # what a disk reads in about a second needs no progress bar
_CHUNK_BYTES = 2**20


def make_manifest(root: Path) -> dict[str, Any]:
    """`{"files": [{"path", "bytes", "sha256"}]}`, sorted by path; zips as such.

    The paths start at `root`, so that the same files elsewhere give the same manifest. Hashing runs in
    threads, with a progress bar when it takes longer than a moment.
    """
    files = delivered_files(root)
    sizes = {name: path.stat().st_size for name, path in files.items()}
    if not files:
        raise PodiumError(f"{root}: holds no files")
    total = sum(sizes.values())
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=total < _QUIET_BYTES) as progress:
        task = progress.add_task(f"hashing {len(files):,} files", total=total)

        def entry(name: str) -> dict[str, Any]:
            digest = hashlib.sha256()
            with open(files[name], "rb") as file:
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
                    progress.advance(task, len(chunk))
            return {"path": name, "bytes": sizes[name], "sha256": digest.hexdigest()}

        # hashlib and reads let go of Python's lock; more threads than this wait for the disk only.
        with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as threads:
            try:
                return {"files": list(threads.map(entry, files))}
            except BaseException:
                threads.shutdown(cancel_futures=True)
                raise


def check_files(root: Path, manifest: dict[str, Any], remedy: str) -> None:
    """Refuse a folder whose names or sizes are not those of the manifest; contents are not read.

    Raises PodiumError naming the first file that differs, ending with `remedy`.
    """
    listed = {entry["path"]: entry["bytes"] for entry in manifest["files"]}
    found = {name: path.stat().st_size for name, path in delivered_files(root).items()}
    for problem, names in (
        ("is missing", sorted(listed.keys() - found.keys())),
        ("is new", sorted(found.keys() - listed.keys())),
        (
            "has another size",
            sorted(name for name in listed.keys() & found.keys() if listed[name] != found[name]),
        ),
    ):
        if names:
            others = f" (and {len(names) - 1:,} more)" if len(names) > 1 else ""
            raise PodiumError(f"{root}: '{names[0]}'{others} {problem} since the files were listed; {remedy}")
