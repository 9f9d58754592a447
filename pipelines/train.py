"""Train one model on all folds but one, and score it on that one; or on all rows, with nothing left to score it on."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from common.errors import PodiumError, UsageError
from common.files import remove, replacing, scratch_folder, write_json
from common.randomness import derived_seed
from common.scoring import encode_truth, figures, further_figures, metrics_of, squeezed
from common.tables import read_table
from common.targets import learned_targets
from common.training.data import Examples, View
from common.training.fit import fit
from common.training.head import head_first
from common.training.head_prior import pretrained_classifier
from common.training.network import Network, freeze_layers, make_network, start_head, weights_path
from common.training.options import ModelOptions
from common.training.predict import Inference
from common.training.snapshots import WEIGHTS, save_weights
from common.training.target_weights import weights_of_targets
from common.training.task import Fit, Task
from pipelines.hardware import hardware
from pipelines.pictures import Part, read_part
from pipelines.processes import in_processes, require_one_training
from pipelines.stage import is_first_process, run
from pipelines.workspace import Workspace, is_all_rows


def training_task(workspace: Workspace, model: str, fold: int | str) -> Task:
    """MODEL on all folds but FOLD: the rows, the network before its first step, and how it is scored.

    all-SEED instead of a fold: on every labelled row, with none left to score.
    """
    options = workspace.section(ModelOptions, "models", model)
    competition = workspace.competition
    part = read_part(workspace, "train", options)
    given = encode_truth(competition, part.table)
    learned = _labels_to_learn(workspace, part)
    in_fold = (part.table["fold"] == fold).to_numpy()  # nowhere, where all rows are trained on
    validation_rows = np.flatnonzero(in_fold)
    training_rows = np.flatnonzero(~in_fold & ~learned["excluded"].to_numpy())
    if not len(training_rows) or not (len(validation_rows) or is_all_rows(fold)):
        raise UsageError(f"fold {fold}: {len(validation_rows)} rows to validate, {len(training_rows)} to train on")
    ids = part.table["id"].to_numpy(dtype=object)
    training = Examples(ids, part.pixels, encode_truth(competition, learned)).take(training_rows)
    validation = Examples(ids, part.pixels, given).take(validation_rows)
    seed = derived_seed(workspace.seed, "model", model, fold)
    targets = learned_targets(competition.targets, options.class_outputs)

    left_out = [name for name, weight in weights_of_targets(options, competition.targets).items() if not weight]
    scored, truths = competition.scored_target, {name: validation.truth(name) for name in competition.targets}
    setup = hardware(workspace)

    def make() -> Network:
        network = make_network(options, targets, workspace.folder, seed)
        freeze_layers(network, options.frozen_layers)
        if options.head_views:
            accelerator = setup.accelerator(options.precision)
            network.to(accelerator.device)
            # The workspace's seed, so that all folds see the same views of a picture and share their features.
            seen = Inference(accelerator, workspace.seed, options.effective_batch_size, setup.loader_workers)
            old = pretrained_classifier(options, network, workspace.folder) if options.head_prior != "zero" else None
            head_first(network, training.at(options.image_sizes_px[0]), targets, options, seen, old)
        else:
            truth = {name: training.truth(name) for name in competition.targets}
            start_head(network, targets, truth, left_out)
        return network

    def score(predictions: dict[str, np.ndarray]) -> dict[str, float]:
        if not len(validation):
            return {}
        truth, prediction = truths[scored], squeezed(predictions[scored])
        further = further_figures(competition, truths, predictions, left_out=left_out)
        return {f"validation_{metric.name}": metric(truth, prediction) for metric in metrics_of(competition)} | {
            f"validation_{name}_{entry['metric']}": entry["score"] for name, entry in further.items()
        }

    told = f"{len(validation_rows):,} to validate" if len(validation_rows) else "none to validate"
    print(f"{model}, fold {fold}: {len(training_rows):,} rows to train on, {told}")
    sample_weights = _weights_to_draw_by(workspace, model, training)
    if sample_weights is not None:
        print(f"rows are drawn by weight, {'with' if options.sample_replacement else 'without'} replacement")
    checkpoint = _checkpoint_path(workspace, model, fold, options, training, part, sample_weights)
    return Task(make, training, validation, targets, score, options, seed, setup, checkpoint, sample_weights)


def train(workspace: Workspace, model: str, fold: int | str) -> None:
    """Write weights, history and metrics of MODEL trained without FOLD; all-SEED: on every labelled row, unscored."""
    task = training_task(workspace, model, fold)
    competition, options, checkpoint = workspace.competition, task.options, task.checkpoint_path
    left_out = [name for name, weight in weights_of_targets(options, competition.targets).items() if not weight]
    scored, truths = competition.scored_target, {name: task.validation.truth(name) for name in competition.targets}
    require_one_training(task.hardware.accelerator(options.precision), checkpoint.parent)
    result = fit(task)
    if is_first_process():
        scores: dict[str, Any] = {"training_rows": len(task.training)}
        if len(task.validation):
            scores |= figures(competition.metric, truths[scored], squeezed(result.predictions[scored]))
            further = further_figures(competition, truths, result.predictions, left_out=left_out)
            scores |= {"metric": competition.metric.name, "rows": len(task.validation)}
            scores |= {"targets": further} if further else {}
        _write(workspace.fold_run(model, fold), options, result, scores)
        remove(checkpoint.parent)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _labels_to_learn(workspace: Workspace, part: Part) -> pd.DataFrame:
    """Rows of labels.parquet in the order of the pictures."""
    labels = read_table(workspace.labels, "labels").set_index("id")
    missing = part.table.loc[~part.table["id"].isin(labels.index), "id"]
    if len(missing):
        raise PodiumError(f"{workspace.labels}: no label for id {missing.iloc[0]!r}; run the stage labels again")
    return labels.loc[part.table["id"]].reset_index()


def _weights_to_draw_by(workspace: Workspace, model: str, training: View) -> np.ndarray | None:
    """The weight of each training row, float64; None where the model's rows all come once an epoch."""
    table = read_table(workspace.sample_weights(model), "labels")
    if table.empty:
        return None
    found = table.set_index("id")["weight"].reindex(training.ids)
    if found.isna().any():
        raise UsageError(f"models.{model}.sample_weights: no weight of the extra row '{found.index[found.isna()][0]}'")
    weights = found.to_numpy(dtype=np.float64)
    if not weights.any():
        raise UsageError(f"models.{model}.sample_weights: all training rows of this fold have a weight of 0")
    return weights


def _checkpoint_path(
    workspace: Workspace, model: str, fold: int | str, options: ModelOptions, training: View, part: Part,
    sample_weights: np.ndarray | None,
) -> Path:  # fmt: skip
    """A place in the scratch cache that depends on all that the training depends on."""
    fingerprint = workspace.fingerprint("train")
    code = fingerprint.read_text() if fingerprint.is_file() else ""
    weights = ""
    if options.weights not in ("hub", "none"):  # a file may be replaced under its name
        weights = hashlib.sha256(weights_path(options, workspace.folder).read_bytes()).hexdigest()
    told = (workspace.name, model, fold, workspace.seed, options.model_dump_json(), weights, code)
    digest = hashlib.sha256("\0".join(str(part) for part in told).encode())
    rows = part.table.loc[training.rows, ["id", "content_hash"]]
    columns: list[Any] = [rows["id"], rows["content_hash"], *map(training.truth, training.examples.truth)]
    columns += [] if sample_weights is None else [sample_weights]
    for values in columns:
        digest.update("\0".join(map(str, values)).encode())
    return scratch_folder() / "training" / digest.hexdigest()[:20] / "checkpoint.safetensors"


def _write(folder: Path, options: ModelOptions, result: Fit, scores: dict[str, Any]) -> None:
    with replacing(folder) as beside:
        beside.mkdir()
        save_weights(beside / WEIGHTS, result.network, {"options": options.model_dump_json()})
        for snapshot in result.earlier_snapshots:
            shutil.copy(snapshot, beside)
        pd.DataFrame(result.history).to_csv(beside / "history.csv", index=False)
        result.activations.to_csv(beside / "activations.csv", index=False)
        write_json(
            beside / "metrics.json",
            scores
            | {
                "epochs": len(result.history),
                "seconds": sum(entry["seconds"] for entry in result.history),
                "images_per_second": float(np.median([entry["images_per_second"] for entry in result.history])),
                "peak_memory_bytes": max((phase["peak_memory_bytes"] for phase in result.phases), default=None),
                "phases": result.phases,
                "device": result.device,
                "processes": result.processes,
                "precision": options.precision,
                "effective_batch_size": options.effective_batch_size,
                "micro_batch_size": result.micro_batch_size,
            },
        )


def fold_or_all(text: str) -> int | str:
    """An item of `folds_to_run` as it stands on the command line."""
    return text if is_all_rows(text) else int(text)


if __name__ == "__main__":
    run(train, in_processes, model=str, fold=fold_or_all)
