"""`podium correlate`: compare a submission with a known-good one, and say what is wrong with it."""

import json
from dataclasses import asdict
from pathlib import Path

from common.submission.correlate import Correlation, correlate

_COLUMNS_SHOWN = 20


def correlate_command(new: Path, known_good: Path, minimum: float, as_json: bool) -> int:
    """Print the comparison, as a table or as one JSON object, and return the exit code: 0 if ok, else 1."""
    found = correlate(new, known_good, minimum)
    if as_json:
        print(json.dumps({"new": str(new), "known_good": str(known_good), **asdict(found)}, indent=2, allow_nan=False))
    else:
        _show(found, new, known_good)
    return 0 if found.ok else 1


def _show(found: Correlation, new: Path, known_good: Path) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    statistics = list(next(iter(found.per_column.values())))
    # The column that agrees least is the one to look at.
    columns = sorted(found.per_column.items(), key=lambda item: item[1][statistics[0]])
    table = Table(title=Text(f"{new} and {known_good}"), title_justify="left")
    table.add_column("column")
    for name in statistics:
        table.add_column(name.replace("_", " ").replace("cramers v", "Cramér's V"), justify="right")
    for column, values in columns[:_COLUMNS_SHOWN]:
        table.add_row(Text(column), *(f"{values[name]:.4f}" for name in statistics))
    if len(columns) > _COLUMNS_SHOWN:
        table.add_row(f"... and {len(columns) - _COLUMNS_SHOWN} more", *("" for _ in statistics))
    if len(columns) > 1:
        overall = [found.correlation, *([found.spearman] if found.spearman is not None else [])]
        shown = [f"{value:.4f}" for value in overall]
        table.add_row("over all", *shown, *("" for _ in statistics[len(shown) :]), style="bold")
    console.print(table)
    style = "green" if found.ok else "bold red"
    console.print(Text.assemble((found.diagnosis, style), f": {found.explanation}"), soft_wrap=True)
