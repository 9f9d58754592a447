"""Progress of long work: a bar with rate and time left on a terminal, one line at the end elsewhere."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Item = TypeVar("Item")


class _Rate(ProgressColumn):
    """Units a second since the start: what `time left` is reckoned from, in the work's own unit."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self.unit = unit

    def render(self, task: Task) -> Text:
        rate = task.finished_speed or task.speed
        return Text(f"{rate:,.0f} {self.unit}/s" if rate else f"- {self.unit}/s", style="progress.data.speed")


def track(
    items: Iterable[Item],
    what: str,
    total: int,
    unit: str,
    size: Callable[[Item], int] = lambda item: 1,
    summary: bool = True,
    read_bytes: Callable[[Item], int] | None = None,
) -> Iterator[Item]:
    """Yield `items`, showing how far they are.

    total       of `unit`, over all items
    size        units of one item
    summary     print a line with the rate when all is done
    read_bytes  of one item, where MB/s are to be shown too
    """
    begin = time.perf_counter()
    console = Console(file=sys.stderr)
    done = 0
    columns = [TextColumn(what), BarColumn(), MofNCompleteColumn(), _Rate(unit), TimeRemainingColumn()]
    if read_bytes:
        columns.insert(4, TextColumn("{task.fields[megabytes_per_second]}"))
    megabytes = 0.0
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=total, megabytes_per_second="")
        for item in items:
            yield item
            done += size(item)
            if read_bytes:
                megabytes += read_bytes(item) / 1e6
                rate = megabytes / max(time.perf_counter() - begin, 1e-9)
                progress.update(task, megabytes_per_second=f"{rate:,.0f} MB/s")
            progress.advance(task, size(item))
    if summary:
        seconds = max(time.perf_counter() - begin, 1e-9)
        also = f", {megabytes / seconds:,.0f} MB/s" if read_bytes else ""
        print(f"{what}: {done:,} {unit} in {seconds:,.1f} s, {done / seconds:,.0f} {unit}/s{also}", flush=True)
