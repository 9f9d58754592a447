"""Many files over the cores: as many at once as memory holds, and a decoder that dies takes only its own file along.

How much a file needs is known before it is decoded, from the rows and columns in its header. Files are sorted by how
many of their size fit into memory together, so that one huge file does not make thousands of others wait in line.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

import joblib
import psutil
from joblib.externals.loky import ProcessPoolExecutor

from common.dicom.header import Header, read_header
from common.dicom.unreadable import UnreadableRadiograph

Result = TypeVar("Result")

_HEADER_BYTES = 1 << 18  # enough for all but a few headers; those are read again, whole
_PROCESS_BYTES = 200 << 20  # of a process with its libraries, before any picture
_BYTES_PER_PIXEL_BESIDE_WORDS = 10  # OpenJPEG's 32-bit samples; or the 16-bit picture and its PNG
_SHARE_OF_FREE_MEMORY = 0.7
DIED = "its decoder died: the file is damaged in a way that no check found"


def free_memory_bytes() -> int:
    """What may be used where nobody said how much."""
    return int(psutil.virtual_memory().available * _SHARE_OF_FREE_MEMORY)


def needed_bytes(path: Path, frame: int | None = None) -> int:
    """The memory that converting a file takes at its peak, without the process itself; 0 if it cannot be read."""
    return needed_bytes_of(path.stat().st_size, lambda most: _begin_of(path, most), frame)


def needed_bytes_of(size: int, begin_of: Callable[[int], bytes], frame: int | None = None) -> int:
    """As `needed_bytes`, of a file of `size` bytes wherever it lies; `begin_of(most)` gives its first bytes."""
    for most in (_HEADER_BYTES, size):
        try:
            return size + _picture_bytes(read_header(begin_of(most), frame))
        except UnreadableRadiograph:
            if size <= _HEADER_BYTES:
                return 0
    return size


def _begin_of(path: Path, most: int) -> bytes:
    with open(path, "rb") as file:
        return file.read(most)


def _picture_bytes(header: Header) -> int:
    inflated = len(header.data) if header.syntax.name.startswith("Deflated") else 0
    words = max(1, header.bits_allocated // 8)
    return inflated + header.rows * header.columns * (words + _BYTES_PER_PIXEL_BESIDE_WORDS)


def at_once(needed: int, workers: int, memory_bytes: int) -> int:
    """How many files that need so much are worked on together; at least one, however large."""
    return max(1, min(workers, memory_bytes // (needed + _PROCESS_BYTES)))


def run(
    function: Callable[..., Result],
    arguments: Sequence[tuple[Any, ...]],
    needed: Sequence[int],
    workers: int,
    memory_bytes: int,
) -> Iterator[tuple[int, Result | None]]:
    """Call `function(*arguments[k])` for every k in other processes; yields k and the result as they come.

    needed  memory of each call in bytes, see `needed_bytes`

    The result is None where the process died in this call, even if it is run alone. Whatever `function` raises ends
    the run.
    """
    groups: dict[int, list[int]] = {}
    for number, one in enumerate(needed):
        groups.setdefault(at_once(one, workers, memory_bytes), []).append(number)
    alone = _OneByOne()
    try:
        for count, numbers in sorted(groups.items(), reverse=True):
            todo = dict.fromkeys(numbers)
            while todo:
                suspects = list(todo)
                if count > 1:
                    try:
                        for number, result in _together(function, arguments, suspects, count):
                            del todo[number]
                            yield number, result
                        break
                    except BrokenProcessPool:
                        suspects = list(todo)[: 4 * count]  # about what had been handed out
                for number in suspects:
                    yield number, alone.call(function, arguments[number])
                    del todo[number]
    finally:
        alone.close()


def _together(
    function: Callable[..., Result], arguments: Sequence[tuple[Any, ...]], numbers: list[int], count: int
) -> Iterator[tuple[int, Result]]:
    parallel = joblib.Parallel(n_jobs=count, return_as="generator_unordered", batch_size=1)
    yield from parallel(joblib.delayed(_numbered)(number, function, arguments[number]) for number in numbers)


def _numbered(number: int, function: Callable[..., Result], arguments: tuple[Any, ...]) -> tuple[int, Result]:
    return number, function(*arguments)


class _OneByOne:
    """One process beside this one, started anew after it has died."""

    def __init__(self) -> None:
        self._executor: ProcessPoolExecutor | None = None

    def call(self, function: Callable[..., Result], arguments: tuple[Any, ...]) -> Result | None:
        self._executor = self._executor or ProcessPoolExecutor(max_workers=1)
        try:
            return self._executor.submit(function, *arguments).result()
        except BrokenProcessPool:
            self.close()
            return None

    def close(self) -> None:
        if self._executor:
            self._executor.shutdown(kill_workers=True)
            self._executor = None
