"""Blend the models by weights found on out-of-fold rows, or equally; the score is on rows they were not found on."""

from typing import Any

import numpy as np
import pandas as pd

from common.decoding.compare import compare_decisions, finish_nested
from common.decoding.expected_fbeta import ExpectedFbeta
from common.ensembling.blend import Weighting, blend_all, choose_weights, clip
from common.ensembling.calibrate import Platt, fit_platt
from common.ensembling.options import EnsembleOptions
from common.errors import PodiumError, UsageError
from common.files import read_json, write_json
from common.metrics import Metric, multilabel_log_loss
from common.predictions import make_table, read_predictions, write_predictions
from common.randomness import sort_keys
from common.scoring import encode_truth, figures, further_figures, metrics_of, squeezed
from common.targets import Binary, Multilabel, Target, columns_of
from common.training.options import ModelOptions
from common.training.target_weights import weights_of_targets
from pipelines.examples import read_examples, read_training_rows
from pipelines.stage import run
from pipelines.workspace import Workspace


def ensemble(workspace: Workspace) -> None:
    """Write the blend of all models for out-of-fold and test rows, its weights, and the CV score."""
    competition, targets = workspace.competition, workspace.competition.targets
    options = workspace.section(EnsembleOptions, "ensemble")
    margin, target = options.probability_clip, targets[competition.scored_target]
    rows = read_training_rows(workspace)
    rows = rows[rows["fold"].isin(workspace.folds_to_run) & rows["file"].notna()]
    truths = encode_truth(competition, rows)
    truth = truths[competition.scored_target]
    names = [(model, _chosen_view(workspace, model)) for model in workspace.models]
    oof = [_read(workspace, model, "oof", view, rows["id"].tolist()) for model, view in names]
    scored = np.stack([member[competition.scored_target] for member in oof])

    parts, weighted_by = _parts(workspace, rows), _weighted_by(target, competition.metric)
    weighting = choose_weights(weighted_by, truth, scored, parts, lambda blend: clip(blend, target, margin))
    weights = weighting.weights
    blended = blend_all(oof, weighting.row_weights, targets, margin)
    test_ids = read_examples(workspace, "test")["id"].tolist()
    test = [_read(workspace, model, "test", view, test_ids) for model, view in names]
    blended_test = blend_all(test, weights[None, :], targets, margin)
    calibration = None
    if options.calibration == "platt":
        calibration = _calibrate(competition.scored_target, target, truth, scored, weights)
        nested = finish_nested(fit_platt, truth, scored, weighting.row_weights, parts)
        blended[competition.scored_target] = clip(nested, target, margin)
        calibrated = calibration(blended_test[competition.scored_target])
        blended_test[competition.scored_target] = clip(calibrated, target, margin)
    provenance = {"members": [f"{model} {view}" for model, view in names], "weights": weights.tolist()}
    for part, ids, predictions in (("oof", rows["id"].tolist(), blended), ("test", test_ids, blended_test)):
        table = make_table(ids, "blend", predictions, targets)
        write_predictions(workspace.ensemble(f"{part}.parquet"), table, targets, provenance)
    _write_weights(workspace, names, weights, target, calibration)
    groups = rows["group"].to_numpy()
    further: dict[str, Any] = {}
    if others := further_figures(competition, truths, blended, groups, _left_out(workspace)):
        further["targets"] = others
    if isinstance(target, Multilabel) and isinstance(target.decide, ExpectedFbeta):
        further["decisions"] = compare_decisions(
            target.decide, calibration is not None, margin, truth, scored, weighting.row_weights, parts, groups
        )
    _write_cv(workspace, rows, truth, blended[competition.scored_target], names, scored, weighting, further)


def _chosen_view(workspace: Workspace, model: str) -> str:
    """The view in which the test set was predicted: `tta` where it helped on out-of-fold rows, else `plain`."""
    path = workspace.tta_report(model)
    if not path.is_file():
        raise PodiumError(f"{path}: no such file; run the stage tta@{model}")
    return read_json(path)["chosen"]


def _weighted_by(target: Target, metric: Metric) -> Metric:
    """What weights are fitted to: the metric, or the log loss of tags that are decided by what is expected of them.

    Such a decision wants true probabilities; the score of what was decided has steps, and little to say about them.
    """
    decided = isinstance(target, Multilabel) and isinstance(target.decide, ExpectedFbeta)
    return multilabel_log_loss if decided else metric


def _calibrate(name: str, target: Target, truth: np.ndarray, scored: np.ndarray, weights: np.ndarray) -> Platt:
    if not isinstance(target, Binary | Multilabel):
        raise UsageError(
            f"ensemble.calibration: platt: '{name}' has no probabilities of each class by itself; set none"
        )
    return fit_platt(truth, np.tensordot(weights, scored, axes=1))


def _write_weights(
    workspace: Workspace, names: list[tuple[str, str]], weights: np.ndarray, target: Target, calibration: Platt | None
) -> None:
    """weights.json: all that makes the ensemble's prediction from its members'."""
    written: dict[str, Any] = {
        "members": [
            {"model": model, "view": view, "weight": float(weight)}
            for (model, view), weight in zip(names, weights, strict=True)
        ]
    }
    if calibration:
        lines = zip(target.outputs, calibration.slope, calibration.offset, strict=True)
        written["calibration"] = {
            output: {"slope": float(slope), "offset": float(offset)} for output, slope, offset in lines
        }
    write_json(workspace.ensemble("weights.json"), written)


def _read(workspace: Workspace, model: str, part: str, view: str, ids: list[str]) -> dict[str, np.ndarray]:
    targets = workspace.competition.targets
    table = read_predictions(workspace.predictions(model, part), targets, view, ids)
    return {name: table[columns_of(name, target)].to_numpy() for name, target in targets.items()}


def _parts(workspace: Workspace, rows: pd.DataFrame) -> np.ndarray:
    """The folds; or, where only one was run, two halves that keep groups together."""
    if len(workspace.folds_to_run) > 1:
        return rows["fold"].to_numpy()
    return sort_keys(workspace.seed, "halves", rows["group"]) % np.uint64(2)


def _left_out(workspace: Workspace) -> list[str]:
    """Targets that no model was trained for."""
    targets = workspace.competition.targets
    models = [workspace.section(ModelOptions, "models", model) for model in workspace.models]
    return [name for name in targets if not any(weights_of_targets(model, targets)[name] for model in models)]


def _write_cv(
    workspace: Workspace,
    rows: pd.DataFrame,
    truth: np.ndarray,
    blended: np.ndarray,
    names: list[tuple[str, str]],
    scored: np.ndarray,
    weighting: Weighting,
    further: dict[str, Any],
) -> None:
    """cv.json: the score with its error over examples, by fold, of each member, and what `further` adds."""
    competition = workspace.competition
    metric, *beside = metrics_of(competition)
    groups = rows["group"].to_numpy()
    chosen = "fitted" if weighting.fitted else "equal"
    cv = {
        "recipe": workspace.params["recipe"],
        "metric": metric.name,
        "direction": metric.direction,
        **figures(metric, truth, squeezed(blended), groups),
        "rows": len(rows),
        "test_predictions_from": list(map(str, workspace.trainings_for_test)),
        "folds": {
            str(fold): metric(truth[rows["fold"] == fold], squeezed(blended[rows["fold"] == fold]))
            for fold in workspace.folds_to_run
        },
        "members": {
            f"{model} {view}": {**figures(metric, truth, squeezed(member), groups), "weight": float(weight)}
            for (model, view), member, weight in zip(names, scored, weighting.weights, strict=True)
        },
        "weighting": {
            "metric": weighting.metric.name,
            "chosen": chosen,
            "equal": weighting.equal_score,
            "fitted": weighting.fitted_score,
        },
        **{other.name: figures(other, truth, squeezed(blended), groups) for other in beside},
        **({"caveat": competition.caveat} if competition.caveat else {}),
        **further,
    }
    write_json(workspace.ensemble("cv.json"), cv)
    print(
        f"{chosen} weights: {weighting.metric.name} {weighting.equal_score:.5f} with equal, "
        f"{weighting.fitted_score:.5f} with fitted ones, on rows that they were not fitted to"
    )
    print(f"CV {metric.name} {cv['score']:.5f} +- {cv['standard_error']:.5f} on {len(rows):,} out-of-fold rows")
    if competition.caveat:
        print(f"mind: {competition.caveat}")


if __name__ == "__main__":
    run(ensemble)
