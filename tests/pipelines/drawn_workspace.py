"""The drawn sample, taken through the stages up to labels in a folder of the test's own."""

from pathlib import Path

import numpy as np
import pandas as pd

from common.files import write_json
from common.raw.manifest import make_manifest
from competitions.dogs_vs_cats.sample import draw
from pipelines.labels import labels
from pipelines.preprocess import preprocess
from pipelines.split import split
from pipelines.workspace import Workspace

RECIPE = """\
recipe: sample
source: {kind: local, path: raw}
preprocess: {max_unreadable: 1}
folds: 2
folds_to_run: [0, 1, all-1, all-2]
split: {near_duplicate_bits: 4}
extra: []
use_corrections: false
models:
  plain: &plain
    architecture: test_convnext
    weights: none
    image_size_px: 32
    epochs: 2
    learning_rate: 3.0e-3
    effective_batch_size: 16
  weighted:
    <<: *plain
    sample_weights: sample_weights/some.parquet
    sample_replacement: true
tta: {views: 0}
ensemble: {probability_clip: 0.01}
"""
NOT_DRAWN = r"cat\..*1"
"""Ids that have a weight of 0."""


def opened(workspace: Workspace, recipe: str = RECIPE) -> Workspace:
    """The workspace with another recipe."""
    workspace.params_path.write_text(recipe)
    return Workspace.open(workspace.name, workspace.root)


def prepared_workspace(root: Path) -> Workspace:
    """After the stages up to labels; a dog has twice the weight of a cat, and NOT_DRAWN has none."""
    folder = root / "competitions" / "dogs_vs_cats"
    (folder / "raw").mkdir(parents=True)
    (folder / "sample_weights").mkdir()
    (folder / "competition.py").touch()
    (root / "params.yaml").write_text("seed: 5\nmachine: {workers: 1, device: cpu, threads: 1, processes: 2}\n")
    draw(folder / "raw", seed=5)
    workspace = opened(Workspace(root, "dogs_vs_cats"))
    write_json(workspace.raw_manifest, make_manifest(folder / "raw"))
    preprocess(workspace)
    split(workspace)
    ids = pd.read_parquet(workspace.folds)["id"]
    weights = np.where(ids.str.fullmatch(NOT_DRAWN), 0.0, 1.0 + ids.str.startswith("dog"))
    pd.DataFrame({"id": ids, "weight": weights}).to_parquet(folder / "sample_weights" / "some.parquet")
    labels(workspace)
    return workspace
