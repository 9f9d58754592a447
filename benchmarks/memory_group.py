"""A child process with less memory than the machine has, its share of the page cache included.

Linux counts the pages that a process brings into the page cache as its group's memory. So a file that is larger
than the group's limit is read as on a machine that has no more memory than that.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4


def run_limited(command: Sequence[str], limit_bytes: int | None) -> str:
    """What `command` prints, run in a memory group of its own; with None, without a limit.

    Raises OSError where this system has no memory groups or does not let this user make one.
    """
    if limit_bytes is None:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout
    parent, limit_file = _own_group()
    group = parent / f"podium-benchmark-{uuid4().hex[:8]}"
    group.mkdir()
    try:
        (group / limit_file).write_text(str(limit_bytes))
        enter = f'echo $$ > {group}/cgroup.procs && exec "$@"'
        return subprocess.run(["sh", "-c", enter, "sh", *command], check=True, capture_output=True, text=True).stdout
    finally:
        group.rmdir()


def drop_from_page_cache(path: Path) -> None:
    """Forget what the kernel holds of a file, so that it is read from the disk again."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def _own_group() -> tuple[Path, str]:
    """The memory group that this process is in, and the name of the file that holds its limit."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return Path("/sys/fs/cgroup/memory") / path.lstrip("/"), "memory.limit_in_bytes"
    for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        group = Path(root) / path.lstrip("/")
        if (group / "memory.max").exists() or "memory" in _text(group / "cgroup.subtree_control"):
            return group, "memory.max"
    raise OSError("no memory groups (cgroups) that this user may use")


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
