"""What was checked on the submission, and how it goes together with the file known to be good."""

from collections.abc import Mapping
from typing import Any

from common.report.blocks import Block, Cell, Facts, Section, Table
from common.report.checks import checks_table
from common.report.inputs import Inputs
from common.report.wording import number

_MOST_COLUMNS = 30


def submission_section(inputs: Inputs) -> Section:
    """Every check with its evidence, the correlation, and the hash by which the file can be told."""
    submission = inputs.submission
    blocks: list[Block] = []
    if submission.get("checks"):
        blocks.append(checks_table("Checks", submission["checks"]))
    if submission.get("correlation"):
        blocks += _correlation(submission["correlation"])
    if submission:
        file = [("File", str(submission.get("file", "–"))), ("Rows", f"{submission.get('rows', 0):,}")]
        blocks.append(Facts("File", [*file, ("SHA-256", str(submission.get("sha256", "–")))]))
    return Section("submission", "Submission", blocks)


def _correlation(correlation: Mapping[str, Any]) -> list[Block]:
    """The numbers over all cells and by column, and the diagnosis in words."""
    good = correlation.get("ok", True)
    diagnosis = str(correlation.get("diagnosis", "–")).replace("_", " ")
    pairs: list[tuple[str, str | Cell]] = [
        ("Known good", str(correlation.get("known_good", "–"))),
        ("Correlation", number(correlation.get("correlation"))),
        ("Spearman", number(correlation.get("spearman"))),
        ("Diagnosis", Cell(diagnosis, state="good" if good else "bad")),
        ("Evidence", str(correlation.get("explanation", "–"))),
    ]
    blocks: list[Block] = [Facts("Beside the known-good file", pairs)]
    columns = list(correlation.get("per_column", {}).items())
    if len(columns) > 1:
        names = list(dict.fromkeys(name for _, statistics in columns for name in statistics))
        rows: list[tuple[str | Cell, ...]] = [
            (column, *(number(statistics.get(name)) for name in names))
            for column, statistics in columns[:_MOST_COLUMNS]
        ]
        head = ("Column", *(name.replace("_", " ").capitalize() for name in names))
        left_out = len(columns) - len(rows)
        note = f"{left_out:,} more columns in submission.json." if left_out else ""
        blocks.append(Table("By column", "l" + "r" * len(names), head, rows, note))
    return blocks
