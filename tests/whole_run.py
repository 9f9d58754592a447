"""All stages of a competition in this process, in a repository of the test's own, on its drawn sample."""

import shutil
from pathlib import Path

from pipelines.download import download
from pipelines.ensemble import ensemble
from pipelines.labels import labels
from pipelines.preprocess import preprocess
from pipelines.report import report
from pipelines.split import split
from pipelines.submit import submit
from pipelines.train import train
from pipelines.tta import tta
from pipelines.workspace import Workspace
from tests.copied_repository import ROOT, TINY_RECIPE

RECIPE = TINY_RECIPE.replace("epochs: 2", "head_views: 1\n    epochs: 0").replace("clip: 0.01", "clip: 0.0005")
"""One tiny network, of which the head alone is fitted, exactly."""


def run_all_stages(root: Path, name: str, recipe: str) -> Workspace:
    """From raw files to the report, with the competition's own code; returns where the results lie."""
    folder = root / "competitions" / name
    folder.mkdir(parents=True)
    (folder / "known_good").mkdir()
    for file in ("competition.py", "sample.py", "corrections.csv"):
        shutil.copy2(ROOT / "competitions" / name / file, folder / file)
    (folder / "params.yaml").write_text(recipe)
    (root / "params.yaml").write_text("seed: 5\nmachine: {device: cpu, workers: 1, loader_workers: 0, threads: 1}\n")
    workspace = Workspace.open(name, root)
    for stage in (download, preprocess, split, labels):
        stage(workspace)
    for model in workspace.models:
        for fold in workspace.folds_to_run:
            train(workspace, model, fold)
        tta(workspace, model)
    for stage in (ensemble, submit, report):
        stage(workspace)
    return workspace
