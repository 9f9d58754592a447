"""The trained ensemble, on the CPU, for pictures that belong to no part: all steps from bytes to blended predictions.

What was recorded beside the predictions of the test rows says which networks, views and weights these are, so that a
picture of the test part gets what ensemble/test.parquet says of it.
"""

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from common.ensembling.blend import blend_all, clip
from common.ensembling.calibrate import Platt
from common.ensembling.options import EnsembleOptions
from common.errors import PodiumError
from common.files import read_json
from common.images.decode import UnreadablePicture
from common.images.examine import RawPicture, examine
from common.images.options import PreprocessOptions
from common.images.pictures import StoredPictures
from common.images.store import write_store
from common.options import parse
from common.predictions import read_provenance
from common.raw.files import RawFiles
from common.tables import read_table
from common.targets import Target, learned_targets
from common.training.data import Examples
from common.training.hardware import Hardware
from common.training.network import make_network
from common.training.options import ModelOptions
from common.training.predict import Inference, mean_predictions
from common.training.snapshots import each_loaded, weights_files
from common.training.test_time import mean_views, predict_views
from pipelines.raw import open_raw
from pipelines.workspace import Machine, Workspace

_BATCH_PICTURES = 32


class TrainedEnsemble:
    """The ensemble of a competition's last run. Raises PodiumError where something of it is not there."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.targets = workspace.competition.targets
        self.preprocess = workspace.section(PreprocessOptions, "preprocess")
        self.blend = read_json(self._there(workspace.ensemble("weights.json")))
        examples = read_table(workspace.examples, "preprocess")
        self.bits, self.channels = int(examples["bits"].max()), int(examples["channels"].max())
        used = [member for member in self.blend["members"] if member["weight"] > 0]
        self.views: dict[str, set[str]] = {}
        for member in used:
            self.views.setdefault(member["model"], set()).add(member["view"])
        self.recorded = {
            model: read_provenance(self._there(workspace.predictions(model, "test"))) for model in self.views
        }
        for model, recorded in self.recorded.items():
            for training in recorded["folds"]:
                for file in weights_files(workspace.fold_run(model, training), self._options(model)):
                    self._there(file)

    def prepare(self, file: Path) -> dict[str, Any]:
        """What the stage preprocess would make of a file, see `examine`; raises UnreadablePicture."""
        bands = self._bands if file.suffix.lower() in (".tif", ".tiff") else ""
        row = examine(RawFiles(file), RawPicture("new", file.stem, file.name, bands), self.preprocess.dicom)
        if "reason" in row:
            raise UnreadablePicture(str(row["reason"]))
        if int(str(row["bits"])) > self.bits:
            raise UnreadablePicture(f"has {row['bits']} bits; the networks were trained on {self.bits}")
        return row

    def predict(self, ids: Sequence[str], pictures: Sequence[tuple[bytes, Mapping[str, Any]]]) -> dict[str, np.ndarray]:
        """Predictions (rows, outputs) of each target.

        ids       (rows,) each once; the augmented views are drawn from them
        pictures  the bytes of each file, and what `prepare` made of it
        """
        weights = [member["weight"] for member in self.blend["members"]]
        zeros = {name: np.zeros((len(ids), len(target.outputs))) for name, target in self.targets.items()}
        with tempfile.TemporaryDirectory() as folder:
            store, files = _store(Path(folder) / "pictures.zip", pictures)
            seen = {model: self._predict_model(model, ids, store, files) for model in self.views}
        members = [seen.get(one["model"], {}).get(one["view"], zeros) for one in self.blend["members"]]
        margin = self.workspace.section(EnsembleOptions, "ensemble").probability_clip
        blended = blend_all(members, np.array([weights]), self.targets, margin)
        if "calibration" in self.blend:
            name = self.workspace.competition.scored_target
            target, lines = self.targets[name], self.blend["calibration"]
            slope, offset = (np.array([lines[one][part] for one in target.outputs]) for part in ("slope", "offset"))
            blended[name] = clip(Platt(slope, offset)(blended[name]), target, margin)
        return blended

    def _predict_model(self, model: str, ids: Sequence[str], store: Path, files: np.ndarray) -> dict[str, Any]:
        """The mean over the networks that predict test rows: by view, then by target (rows, outputs)."""
        workspace, options = self.workspace, self._options(model)
        targets: dict[str, Target] = learned_targets(self.targets, options.class_outputs)
        test_time = read_json(self._there(workspace.tta_report(model)))
        views = test_time["views"] if "tta" in self.views[model] else 0
        machine = Machine.of(workspace)
        # fp16 needs a GPU, and a network that was trained with it does not mind more digits.
        precision = "float32" if options.precision == "fp16" else options.precision
        accelerator = Hardware("cpu", 0, machine.threads).accelerator(precision)
        inference = Inference(accelerator, workspace.seed, _BATCH_PICTURES, 0)
        network = make_network(options, targets, workspace.folder, workspace.seed, pretrained=False)
        size = (max(options.image_sizes_px), max(options.image_sizes_px), options.channels)
        key = hashlib.sha256(store.read_bytes()).hexdigest()[:20]
        dtype = np.dtype(np.uint8 if self.bits == 8 else np.uint16)
        pixels = StoredPictures(store, key, size, dtype, options.resize, files, np.arange(len(files)))
        rows = Examples(np.asarray(ids, dtype=object), pixels, {}, options.image_size_px).take(np.arange(len(ids)))
        trained = []
        for training in self.recorded[model]["folds"]:
            snapshots = weights_files(workspace.fold_run(model, training), options)
            several = mean_views(
                predict_views(network, rows, targets, options, views, inference, f"{model}, fold {training}")
                for _ in each_loaded(network, snapshots)
            )
            trained.append(several.predictions)
        seen = {view: mean_predictions([one[view] for one in trained]) for view in trained[0]}
        share, plain, augmented = test_time["plain_weight"], seen["plain"], seen.get("augmented", seen["plain"])
        return {"plain": plain, "tta": {name: share * plain[name] + (1 - share) * augmented[name] for name in targets}}

    def _options(self, model: str) -> ModelOptions:
        """The options that the model was trained with."""
        return parse(ModelOptions, self.recorded[model]["options"], str(self.workspace.predictions(model, "test")))

    @cached_property
    def _bands(self) -> str:
        """The order of the bands of the competition's TIFFs, where they have four."""
        if self.channels < 4:
            return ""
        reader = self.workspace.competition.reader(self.preprocess.input)
        examples = reader(open_raw(self.workspace))
        return str(examples["bands"].iloc[0]) if "bands" in examples else ""

    def _there(self, path: Path) -> Path:
        if not path.is_file():
            name = self.workspace.name
            raise PodiumError(f"{name} is not trained: no {self.workspace.relative(path)}; run: dvc repro {name}")
        return path


def _store(path: Path, pictures: Sequence[tuple[bytes, Mapping[str, Any]]]) -> tuple[Path, np.ndarray]:
    """The pictures as the stage preprocess stores them, and their names in the order given."""
    names = [f"{number:06}{Path(row['file']).suffix}" for number, (_, row) in enumerate(pictures)]
    encoded = (data if row["encoded"] is None else row["encoded"] for data, row in pictures)
    write_store(path, zip(names, encoded, strict=True))
    return path, np.array(names, dtype=object)
