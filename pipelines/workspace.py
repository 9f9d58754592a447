"""Where everything of one competition lies, and how a stage reads its options.

A stage reads only the sections that it names, so that what another stage may be told changes neither its
code nor its result. The whole recipe is checked by the stage `code`, before anything else runs.
"""

import importlib
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import UsageError
from common.options import AnyOptions, nearest, parse, read_yaml

if TYPE_CHECKING:
    from common.competition import Competition


def find_root(start: Path | None = None) -> Path:
    """The repository: the nearest folder at or above `start` (default: here) with competitions and params.yaml."""
    start = (start or Path.cwd()).resolve()
    for folder in [start, *start.parents]:
        if (folder / "competitions").is_dir() and (folder / "params.yaml").is_file():
            return folder
    raise UsageError(f"{start} is not inside a Podium repository (a folder with competitions/ and params.yaml)")


def competition_names(root: Path) -> list[str]:
    """The folders of all competitions, sorted."""
    return sorted(path.parent.name for path in (root / "competitions").glob("*/competition.py"))


def is_all_rows(training: object) -> bool:
    """Whether an item of `folds_to_run` is `all-SEED`: a refit on every labelled row, with that seed."""
    return isinstance(training, str) and re.fullmatch(r"all-[1-9]\d*", training) is not None


@dataclass(frozen=True)
class Workspace:
    """One competition's folder. Every path that a stage reads or writes is named here."""

    root: Path
    name: str

    @classmethod
    def open(cls, name: str, start: Path | None = None) -> "Workspace":
        root = find_root(start)
        known = competition_names(root)
        if name not in known:
            raise UsageError(f"no competition '{name}' in {root / 'competitions'}{nearest(name, known)}")
        return cls(root, name)

    @property
    def folder(self) -> Path:
        return self.root / "competitions" / self.name

    @property
    def params_path(self) -> Path:
        return self.folder / "params.yaml"

    @cached_property
    def params(self) -> dict[str, Any]:
        return read_yaml(self.params_path)

    @cached_property
    def shared_params(self) -> dict[str, Any]:
        return read_yaml(self.root / "params.yaml")

    @property
    def seed(self) -> int:
        return int(self.shared_params["seed"])

    def section(self, kind: type[AnyOptions], *keys: str) -> AnyOptions:
        """The part of the active recipe at `keys`, checked, as in `section(ModelOptions, "models", "small")`."""
        given: Any = self.params
        for position, key in enumerate(keys):
            if not isinstance(given, dict) or key not in given:
                known = given if isinstance(given, dict) else ()
                raise UsageError(f"{self.params_path}: no key '{'.'.join(keys[: position + 1])}'{nearest(key, known)}")
            given = given[key]
        return parse(kind, given, f"{self.params_path}: {'.'.join(keys)}")

    @cached_property
    def competition(self) -> "Competition":
        module = importlib.import_module(f"competitions.{self.name}.competition")
        return module.COMPETITION

    @property
    def models(self) -> list[str]:
        """The recipe's models, in its order."""
        return list(self._given("models", dict, "names of models, each with its options"))

    @property
    def trainings(self) -> list[int | str]:
        """What each model is trained for: folds, by number, and refits on all labelled rows, as `all-SEED`."""
        given = self._given("folds_to_run", list, "a list of numbers")
        if not all(isinstance(one, int) or is_all_rows(one) for one in given):
            raise UsageError(
                f"{self.params_path}: folds_to_run: expected a list of numbers, and of all-1, all-2, ... for refits on "
                f"all rows, found {given!r}"
            )
        return given

    @property
    def folds_to_run(self) -> list[int]:
        """The folds that are validated: what the out-of-fold predictions and the CV score are made of."""
        return [one for one in self.trainings if isinstance(one, int)]

    @property
    def trainings_for_test(self) -> list[int | str]:
        """The trainings whose mean predicts the test rows: those on all rows where there are any, else the folds."""
        return [one for one in self.trainings if isinstance(one, str)] or self.trainings

    def _given(self, key: str, kind: type, expected: str) -> Any:
        if key not in self.params:
            raise UsageError(f"{self.params_path}: no key '{key}'{nearest(key, self.params)}")
        if not isinstance(self.params[key], kind):
            raise UsageError(f"{self.params_path}: {key}: expected {expected}, found {self.params[key]!r}")
        return self.params[key]

    # The files, in the order in which the stages write them.

    def fingerprint(self, stage: str) -> Path:
        return self.folder / "code" / f"{stage}.txt"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def raw_folder(self) -> Path:
        """Files that were drawn or downloaded, as delivered."""
        return self.data / "raw"

    @property
    def raw_manifest(self) -> Path:
        return self.data / "raw.json"

    def extra_manifest(self, number: int) -> Path:
        """The list of files of the extra source at this place in the recipe."""
        return self.folder / "extra" / f"source{number}.json"

    @property
    def examples(self) -> Path:
        return self.data / "examples.parquet"

    @property
    def images(self) -> Path:
        return self.data / "images.zip"

    @property
    def unreadable(self) -> Path:
        return self.data / "unreadable.csv"

    @property
    def folds(self) -> Path:
        return self.data / "folds.parquet"

    @property
    def split_report(self) -> Path:
        return self.folder / "split.json"

    @property
    def corrections(self) -> Path:
        return self.folder / "corrections.csv"

    @property
    def sample_weights_folder(self) -> Path:
        """Where a recipe's files of sample weights lie, so that DVC sees them change."""
        return self.folder / "sample_weights"

    def sample_weights(self, model: str) -> Path:
        """The weights that one model's rows are drawn by, checked; without a row where every row comes once."""
        return self.data / "sample_weights" / f"{model}.parquet"

    @property
    def labels(self) -> Path:
        """The labels that training sees: as given, or with the corrections laid over them."""
        return self.data / "labels.parquet"

    def fold_run(self, model: str, fold: int | str) -> Path:
        return self.folder / "runs" / model / "folds" / str(fold)

    def predictions(self, model: str, part: str) -> Path:
        """Predictions of one model; `part` is `oof` or `test`."""
        return self.folder / "runs" / model / f"{part}.parquet"

    def looking(self, model: str) -> Path:
        """Where a model looked in the pictures that it got most wrong."""
        return self.folder / "runs" / model / "looking.parquet"

    def tta_report(self, model: str) -> Path:
        return self.folder / "runs" / model / "tta.json"

    def nothing(self, model: str) -> Path:
        """Probability that no class is recognised, by row; empty for a model without sigmoids."""
        return self.folder / "runs" / model / "nothing.parquet"

    def ensemble(self, file: str) -> Path:
        """`oof.parquet`, `test.parquet`, `weights.json` or `cv.json`."""
        return self.folder / "ensemble" / file

    @property
    def submission(self) -> Path:
        return self.folder / "submission.csv"

    @property
    def submission_report(self) -> Path:
        return self.folder / "submission.json"

    @property
    def known_good(self) -> Path:
        """A folder with at most one CSV file: a submission whose leaderboard score proved it right."""
        return self.folder / "known_good"

    def rate_sweep(self, model: str) -> Path:
        """What `podium find-lr` saw; of no stage, so that none takes it away."""
        return self.folder / "find_lr" / f"{model}.json"

    @property
    def report(self) -> Path:
        return self.folder / "report" / "index.html"

    @property
    def triage(self) -> Path:
        """Rows that are left to a person."""
        return self.folder / "report" / "triage.csv"

    def relative(self, path: Path) -> str:
        """`path` as a person in the repository would write it."""
        return os.path.relpath(path, self.root)


@dataclass(frozen=True)
class Machine:
    """What this machine offers to a stage; never part of a result."""

    device: str
    workers: int
    loader_workers: int | None  # None: what suits the device
    threads: int
    processes: int | None  # that share a training; None: what suits the device
    max_memory_gb: float | None = None  # of a training, on each GPU or on the CPU; None: what is there
    cache_bytes: int | None = None  # that decoded pictures may take in the scratch cache; None: what the disk has

    @classmethod
    def of(cls, workspace: Workspace) -> "Machine":
        """The keys under `machine` in the root params.yaml, `auto` replaced by what is there."""
        given = dict(workspace.shared_params.get("machine", {}))
        known = ("device", "workers", "loader_workers", "threads", "processes", "max_memory_gb", "cache_gb")
        for key in given:
            if key not in known:
                raise UsageError(f"params.yaml: machine: unknown key '{key}'{nearest(key, known)}")
        device = str(given.get("device", "auto"))
        if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
            raise UsageError(
                f"params.yaml: machine.device: expected auto, cpu, mps, cuda or cuda:N (as cuda:1), found '{device}'"
            )

        def number(key: str, least: int) -> int | None:
            value = given.get(key, "auto")
            if value == "auto":
                return None
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UsageError(
                    f"params.yaml: machine.{key}: expected a number of {least} or more, or auto, found {value!r}"
                )
            return value

        def gigabytes(key: str) -> float | None:
            value = given.get(key, "auto")
            if value == "auto":
                return None
            if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
                raise UsageError(f"params.yaml: machine.{key}: expected gigabytes, or auto, found {value!r}")
            return float(value)

        cache_gb = gigabytes("cache_gb")
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        sharing = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # processes that were started together
        return cls(
            device=device,
            workers=number("workers", 1) or cores,
            loader_workers=number("loader_workers", 0),
            threads=number("threads", 1) or max(1, cores // sharing),
            processes=number("processes", 1),
            max_memory_gb=gigabytes("max_memory_gb"),
            cache_bytes=None if cache_gb is None else int(cache_gb * 1e9),
        )
