"""Work that threads do ahead of whoever needs it, in order.

Threads, not processes: what takes time here (decoding, warping, copying, reading) is done outside Python's lock,
and what threads have made needs no second copy to be seen.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_READY = 2  # finished results a thread that wait to be taken, beside the one in work


def in_order(work: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[Result]:
    """`work(item)` of each item, in their order; with 0 workers each is made when it is asked for.

    An error of `work` is raised in the place of its result. Whoever stops early leaves no thread behind.
    """
    if not workers:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(min(workers, max(1, len(items))), thread_name_prefix="ahead")
    waiting: deque[Future[Result]] = deque()
    rest = iter(items)
    try:
        while True:
            while len(waiting) < (1 + _READY) * workers and (item := next(rest, _END)) is not _END:
                waiting.append(pool.submit(work, item))  # type: ignore[arg-type]
            if not waiting:
                return
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_END = object()
