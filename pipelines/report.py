"""Write the report: one page with all that the other stages found."""

from pathlib import Path
from typing import Any

import pandas as pd

from common.files import read_json, replacing, write_text
from common.options import parse
from common.predictions import read_predictions
from common.report.inputs import Inputs, ModelRun
from common.report.options import AbstainOptions
from common.report.page import render
from common.report.triage import triage_table
from common.tables import read_table
from common.training.pretrained_size import pretrained_size_px
from pipelines.stage import run
from pipelines.workspace import Workspace


def report(workspace: Workspace) -> None:
    """Write report/index.html, without what has not been made yet, and report/triage.csv."""
    inputs = read_inputs(workspace)
    with replacing(workspace.triage) as beside:
        triage_table(inputs).to_csv(beside, index=False, lineterminator="\n")
    write_text(workspace.report, render(inputs))
    print(f"{workspace.relative(workspace.report)}: {workspace.report.stat().st_size / 1e6:.1f} MB")


def read_inputs(workspace: Workspace) -> Inputs:
    """Everything that lies in the competition's folder, for the models and folds of the active recipe."""
    return Inputs(
        name=workspace.name,
        competition=workspace.competition,
        seed=workspace.seed,
        params=workspace.params,
        params_text=workspace.params_path.read_text(encoding="utf-8"),
        examples=read_table(workspace.examples, "preprocess"),
        images=workspace.images,
        unreadable=pd.read_csv(workspace.unreadable, dtype=str) if workspace.unreadable.is_file() else None,
        split=_json(workspace.split_report),
        oof=_blend(workspace, "oof.parquet"),
        test=_blend(workspace, "test.parquet"),
        cv=_json(workspace.ensemble("cv.json")),
        weights=_json(workspace.ensemble("weights.json")),
        submission=_json(workspace.submission_report),
        models=tuple(_model(workspace, model) for model in workspace.models),
        nothing=_nothing(workspace),
        abstain_above=parse(AbstainOptions, workspace.params.get("abstain", {}), "abstain").above,
    )


def _model(workspace: Workspace, model: str) -> ModelRun:
    folders = {fold: workspace.fold_run(model, fold) for fold in workspace.folds_to_run}
    histories = {fold: folder / "history.csv" for fold, folder in folders.items()}
    recorded = {fold: folder / "activations.csv" for fold, folder in folders.items()}
    refits = {name: workspace.fold_run(model, name) for name in workspace.trainings if isinstance(name, str)}
    options = workspace.params["models"][model]
    architecture = str(options["architecture"])
    return ModelRun(
        name=model,
        architecture=architecture,
        image_size_px=options.get("image_size_px"),
        pretrained_size_px=pretrained_size_px(architecture),
        histories={fold: pd.read_csv(path) for fold, path in histories.items() if path.is_file()},
        metrics={fold: found for fold, folder in folders.items() if (found := _json(folder / "metrics.json"))},
        all_rows={name: found for name, folder in refits.items() if (found := _json(folder / "metrics.json"))},
        tta=_json(workspace.tta_report(model)),
        looking=pd.read_parquet(path) if (path := workspace.looking(model)).is_file() else None,
        activations={fold: pd.read_csv(path) for fold, path in recorded.items() if path.is_file()},
        rate_sweep=_json(workspace.rate_sweep(model)),
        options=options,
    )


def _nothing(workspace: Workspace) -> pd.DataFrame | None:
    """Mean over the models with sigmoids."""
    tables = [pd.read_parquet(path) for model in workspace.models if (path := workspace.nothing(model)).is_file()]
    return pd.concat(tables).groupby(["part", "id"], as_index=False).mean() if any(map(len, tables)) else None


def _blend(workspace: Workspace, file: str) -> pd.DataFrame | None:
    path = workspace.ensemble(file)
    return read_predictions(path, workspace.competition.targets, "blend") if path.is_file() else None


def _json(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


if __name__ == "__main__":
    run(report)
