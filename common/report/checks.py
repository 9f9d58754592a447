"""Checks as a table: what was looked at, whether it held, and the evidence."""

from collections.abc import Mapping, Sequence
from typing import Any

from common.report.blocks import Cell, Table


def checks_table(title: str, checks: Sequence[Mapping[str, Any]], otherwise: str = "✗ failed") -> Table:
    """Entries with `name`, `ok` and `detail`, as the stages write them; `otherwise` is said where not ok."""
    rows: list[tuple[str | Cell, ...]] = [
        (
            str(check["name"]),
            Cell("✓ passed", state="good") if check["ok"] else Cell(otherwise, state="bad"),
            str(check.get("detail", "")),
        )
        for check in checks
    ]
    return Table(title, "lll", ("Check", "Verdict", "Evidence"), rows)
