"""Everything that the report may show; what a run has not got is empty, and its section is left out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from common.competition import Competition


@dataclass(frozen=True)
class ModelRun:
    """One model of the recipe, and what training and tta left behind for it, by fold."""

    name: str
    architecture: str = ""
    image_size_px: int | None = None
    pretrained_size_px: int | None = None  # of timm's weights of that architecture
    histories: Mapping[int, pd.DataFrame] = field(default_factory=dict)
    metrics: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    all_rows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # metrics of refits on all rows, by name
    tta: Mapping[str, Any] = field(default_factory=dict)
    looking: pd.DataFrame | None = None  # where it looked in its most wrong pictures; see pipelines/looking.py
    activations: Mapping[int, pd.DataFrame] = field(default_factory=dict)
    rate_sweep: Mapping[str, Any] = field(default_factory=dict)  # of `podium find-lr`
    options: Mapping[str, Any] = field(default_factory=dict)  # as they stand in the recipe


@dataclass(frozen=True)
class Inputs:
    """The files of one competition's run, read.

    examples    id, part, path, targets as given, file, width_px, height_px, channels, bits, bytes
    unreadable  id, part, path, reason
    images      the zip that `examples.file` names pictures in
    oof, test   the ensemble's predictions (prediction store, one view)
    split, cv, weights, submission  the JSON files of their stages
    nothing     part, id, probability_of_nothing: mean over the networks with sigmoids; None where there is none
    """

    name: str
    competition: Competition
    seed: int
    params: Mapping[str, Any]
    params_text: str
    examples: pd.DataFrame
    images: Path
    unreadable: pd.DataFrame | None = None
    split: Mapping[str, Any] = field(default_factory=dict)
    oof: pd.DataFrame | None = None
    test: pd.DataFrame | None = None
    cv: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Any] = field(default_factory=dict)
    submission: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[ModelRun, ...] = ()
    nothing: pd.DataFrame | None = None
    abstain_above: float = 0.5

    def part(self, name: str) -> pd.DataFrame:
        """The examples of `train` or `test`."""
        return self.examples[self.examples["part"] == name]
