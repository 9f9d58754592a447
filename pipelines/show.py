"""The result of a competition's last run, in a few lines: score, submission, report."""

import os
from pathlib import Path
from typing import Any

from common.errors import PodiumError
from common.files import read_json
from pipelines.workspace import Workspace

_BETTER = {"minimize": "lower is better", "maximize": "higher is better"}


def show(workspace: Workspace) -> str:
    """What `podium show` prints; raises PodiumError naming what has not been made yet."""
    files = [
        workspace.ensemble("cv.json"),
        workspace.submission,
        workspace.submission_report,
        workspace.report,
    ]
    missing = [workspace.relative(path) for path in files if not path.is_file()]
    if missing:
        raise PodiumError(f"not there yet: {', '.join(missing)}; run: dvc repro {workspace.name}")
    score, submission = read_json(files[0]), read_json(files[2])
    return "\n".join(
        [
            *_recipe_lines(workspace, score),
            *_score_lines(score),
            f"submission  {_from_here(workspace.submission)} ({submission['rows']:,} rows)",
            *_check_lines(submission),
            f"report      {_from_here(workspace.report)}",
        ]
    )


def _recipe_lines(workspace: Workspace, score: dict[str, Any]) -> list[str]:
    """The recipe that the score is of, which another one may have replaced since."""
    if "recipe" not in score:
        return []
    lines = [f"recipe      {score['recipe']}"]
    if workspace.params.get("recipe") != score["recipe"]:
        lines.append(f"  params.yaml has changed since: run dvc repro {workspace.name}")
    return lines


def _score_lines(score: dict[str, Any]) -> list[str]:
    about = f"standard error, {score['rows']:,} rows; {_BETTER[score['direction']]}"
    folds = "   ".join(f"{fold}: {value:.4f}" for fold, value in sorted(score["folds"].items()))
    lines = [
        f"CV score    {score['metric']} {_with_error(score)} ({about})",
        *([f"  mind      {score['caveat']}"] if score.get("caveat") else []),
        f"  folds     {folds}",
    ]
    if accuracy := score.get("accuracy"):
        lines.append(f"  accuracy  {_with_error(accuracy)}")
    for name, values in score.get("targets", {}).items():
        lines.append(f"  {name:<9} {values['metric']} {_with_error(values)} ({values['rows']:,} rows)")
    if weighting := score.get("weighting"):
        chosen, other = ("fitted", "equal") if weighting["chosen"] == "fitted" else ("equal", "fitted")
        by = "" if weighting.get("metric", score["metric"]) == score["metric"] else f"{weighting['metric']} "
        compared = f"{weighting[chosen]:.4f} on rows they were not fitted to, {other} {weighting[other]:.4f}"
        lines.append(f"  weights   {chosen}: {by}{compared}")
    for member, values in sorted(score.get("members", {}).items(), key=lambda item: -item[1]["weight"]):
        lines.append(f"  member    {member}: {_with_error(values)}, weight {values['weight']:.2f}")
    return lines


def _check_lines(submission: dict[str, Any]) -> list[str]:
    width = max((len(check["name"]) for check in submission["checks"]), default=0)
    return [
        f"  {'ok    ' if check['ok'] else 'FAILED'}    {check['name']:<{width}}  {check['detail']}".rstrip()
        for check in submission["checks"]
    ]


def _with_error(values: dict[str, Any]) -> str:
    error = values["standard_error"]
    return f"{values['score']:.4f}" + ("" if error is None else f" ± {error:.4f}")  # a single row has none


def _from_here(path: Path) -> str:
    return os.path.relpath(path)
