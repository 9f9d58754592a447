"""How much memory a training takes, and may take."""

import contextlib
import ctypes
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import torch

_ROOM = 0.8  # share of the memory that a stage takes by itself; the rest is for the page cache and everyone else
_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_STATUS = Path("/proc/self/status")


def budget_bytes(max_memory_gb: float | None) -> int:
    """Main memory that this process may take: its share of what is told, or of most of what the machine has."""
    sharing = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes that were started together
    if max_memory_gb is not None:
        return int(max_memory_gb * 1e9 / sharing)
    total = psutil.virtual_memory().total
    for name in _CGROUP_LIMITS:
        text = Path(name).read_text().strip() if Path(name).is_file() else "max"
        if text.isdigit():  # the limit of a container
            total = min(total, int(text))
    return int(_ROOM * total / sharing)


def limit_cuda_memory(device: torch.device, max_memory_gb: float | None) -> None:
    """Let the device run out of memory at the budget, so that a micro-batch that is within it is found."""
    if max_memory_gb is not None:
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, max_memory_gb * 1e9 / total), device)


def forget_peak(device: torch.device) -> None:
    """Let `peak_memory_bytes` begin anew; on the CPU where the system can (Linux)."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    _give_back_freed_memory()
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # proc(5): resets the peak of the resident set


def peak_memory_bytes(device: torch.device) -> int:
    """The most memory since `forget_peak`: on a GPU that of all tensors, else that of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if _STATUS.is_file():
        return _status_bytes("VmHWM")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux KiB


def own_memory_bytes() -> int:
    """What the process holds now, without the pages of files, which the system takes back when it needs them."""
    return _status_bytes("RssAnon") if _STATUS.is_file() else psutil.Process().memory_info().rss


def rows_within(bytes_left: int, trial: Callable[[int], None], most: int) -> int:
    """How many rows a step on the CPU may have to take `bytes_left` more at its peak; 0 where not even one.

    trial  makes a step of so many rows. Two small ones tell what a step takes at least and what each row adds;
           the memory of a step is linear in its rows.
    """
    large = min(most, 8)
    small = min(large, max(2, large // 4))  # batch norm wants two
    taken = {}
    for rows in (small, large):
        forget_peak(torch.device("cpu"))
        before = peak_memory_bytes(torch.device("cpu"))
        trial(rows)
        taken[rows] = peak_memory_bytes(torch.device("cpu")) - before
    if large == small:
        return most if taken[large] <= bytes_left else 0
    a_row = max(0.0, (taken[large] - taken[small]) / (large - small))
    at_least = max(0.0, taken[small] - small * a_row)
    if at_least + a_row * most <= bytes_left:
        return most
    return max(0, int((bytes_left - at_least) / a_row)) if a_row else 0


def _status_bytes(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"{_STATUS} has no {field}")


def _give_back_freed_memory() -> None:
    """Let glibc return the memory that it keeps for reuse, so that a peak is that of what is in use."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError):
        return  # another C library
