"""Write the submission and check it; sending it is another command's business."""

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from common.errors import PodiumError, UsageError
from common.files import write_json
from common.predictions import read_predictions
from common.submission.correlate import correlate
from common.submission.options import SubmitOptions
from common.submission.write import Check, check_submission, write_submission
from pipelines.raw import open_raw
from pipelines.stage import run
from pipelines.workspace import Workspace


def submit(workspace: Workspace) -> None:
    """Write submission.csv and submission.json, with every check that was made."""
    competition = workspace.competition
    options = workspace.section(SubmitOptions, "submit")
    sample = open_raw(workspace).read_csv(competition.sample_submission)
    predictions = read_predictions(workspace.ensemble("test.parquet"), competition.targets, "blend")
    write_submission(workspace.submission, competition, predictions, sample)
    checks = check_submission(workspace.submission, competition, sample)
    correlation: dict[str, Any] | None = None
    known_good = _known_good(workspace)
    if known_good:
        found = correlate(workspace.submission, known_good, options.min_correlation)
        correlation = {"known_good": known_good.name, **asdict(found)}
        checks.append(Check("correlates with the known-good file", found.ok, found.explanation))
    content = workspace.submission.read_bytes()
    write_json(
        workspace.submission_report,
        {
            "file": workspace.relative(workspace.submission),
            "rows": len(sample),
            "sha256": hashlib.sha256(content).hexdigest(),
            "ok": all(check.ok for check in checks),
            "checks": [asdict(check) for check in checks],
            "correlation": correlation,
        },
    )
    for check in checks:
        print(f"{'ok    ' if check.ok else 'FAILED'} {check.name}: {check.detail}")
    failed = [check.name for check in checks if not check.ok]
    if failed:
        raise PodiumError(f"{workspace.submission} must not be sent: {', '.join(failed)}")


def _known_good(workspace: Workspace) -> Path | None:
    """The one CSV file in known_good/, if there is one."""
    files = sorted(workspace.known_good.glob("*.csv"))
    if len(files) > 1:
        raise UsageError(f"{workspace.known_good} holds {len(files)} CSV files; keep the one that is known good")
    return files[0] if files else None


if __name__ == "__main__":
    run(submit)
