"""Work spread over processes of this machine, or of a cluster of machines."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import joblib

from common.errors import UsageError

_WORKERS_START_SECONDS = 2.0  # what workers take to start; work that is done by then is done without them


@dataclass(frozen=True)
class Spread:
    """How work is spread.

    workers       processes here; 0 and 1 both mean this one
    memory_bytes  that guarded work may take here, all processes together; None: what is free
    cluster       address of a Dask scheduler instead, as tcp://host:8786; its workers must see the same files under
                  the same paths, and have this code installed
    """

    workers: int
    memory_bytes: int | None = None
    cluster: str = ""

    def run(
        self,
        function: Callable[..., bool],
        calls: Sequence[tuple[Any, ...]],
        needed_bytes: Sequence[int],
        guarded: bool,
    ) -> Iterator[tuple[int, bool]]:
        """Call `function(*calls[k])` for every k; yields k as they are done, and whether its process survived.

        guarded  the function may die with its process (decoders in C), or need so much memory (`needed_bytes` a call)
                 that fewer must run at once
        """
        if not calls:
            return
        if self.cluster:
            yield from self._on_cluster(function, calls)
        elif guarded:
            from common.dicom.at_once import free_memory_bytes, run

            memory = self.memory_bytes or free_memory_bytes()
            for number, result in run(function, calls, needed_bytes, max(1, self.workers), memory):
                yield number, bool(result)
        else:
            yield from self._here(function, calls)

    def _here(self, function: Callable[..., bool], calls: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, bool]]:
        begin, rest = time.perf_counter(), iter(enumerate(calls))
        for number, arguments in rest:
            yield number, function(*arguments)
            if self.workers > 1 and time.perf_counter() - begin > _WORKERS_START_SECONDS:
                break
        tasks = (joblib.delayed(_numbered)(number, function, arguments) for number, arguments in rest)
        yield from joblib.Parallel(n_jobs=max(1, self.workers), return_as="generator", batch_size=1)(tasks)

    def _on_cluster(
        self, function: Callable[..., bool], calls: Sequence[tuple[Any, ...]]
    ) -> Iterator[tuple[int, bool]]:
        """The scheduler gives what a lost worker had in hand to another one."""
        try:
            from distributed import Client
        except ImportError:
            raise UsageError("--cluster needs Dask: pip install 'podium[cluster]'") from None
        try:
            client = Client(self.cluster, timeout="5s")
        except (OSError, ValueError) as error:
            raise UsageError(f"--cluster: no Dask scheduler at {self.cluster} ({error})") from None
        with closing(client), joblib.parallel_config(backend="dask"):
            parallel = joblib.Parallel(return_as="generator_unordered", batch_size=1)
            tasks = (joblib.delayed(_numbered)(number, function, arguments) for number, arguments in enumerate(calls))
            yield from parallel(tasks)


def _numbered(number: int, function: Callable[..., bool], arguments: tuple[Any, ...]) -> tuple[int, bool]:
    return number, function(*arguments)
