"""Predict with one model: out-of-fold rows by the network that has not seen them, test rows by all."""

from pathlib import Path

import numpy as np
import pandas as pd

from common.errors import PodiumError
from common.files import read_json, write_json
from common.predictions import make_table, write_predictions
from common.scoring import difference, encode_truth, figures, scored_prediction
from common.tables import write_table
from common.targets import columns_of, learned_targets
from common.training.data import Examples
from common.training.network import make_network
from common.training.options import ModelOptions, TestTimeOptions
from common.training.predict import Inference
from common.training.snapshots import each_loaded, weights_files
from common.training.test_time import mean_views, predict_views
from pipelines.examples import read_examples
from pipelines.hardware import hardware
from pipelines.pictures import Part, read_part
from pipelines.stage import run
from pipelines.workspace import Workspace

VIEWS = ("plain", "tta")


def tta(workspace: Workspace, model: str) -> None:
    """Write plain and test-time augmented predictions of MODEL, and whether augmenting helped."""
    options = workspace.section(ModelOptions, "models", model)
    test_time = workspace.section(TestTimeOptions, "tta")
    targets = learned_targets(workspace.competition.targets, options.class_outputs)
    scored = workspace.competition.scored_target
    setup = hardware(workspace)
    accelerator = setup.accelerator(options.precision)
    train, test = read_part(workspace, "train", options), read_part(workspace, "test", options)
    network = make_network(options, targets, workspace.folder, workspace.seed, pretrained=False)
    network = network.to(accelerator.device)
    inference = Inference(accelerator, workspace.seed, trained_batch_size(workspace, model), setup.loader_workers)

    nothing: list[pd.DataFrame] = []

    def predict(part: Part, rows: np.ndarray, weights: list[Path], what: str) -> pd.DataFrame:
        """A table of both views of some rows: the mean over the networks of the files `weights`."""
        examples = Examples(part.table["id"].to_numpy(dtype=object), part.pixels, {}, options.image_size_px)
        views = mean_views(
            predict_views(network, examples.take(rows), targets, options, test_time, inference, what)
            for _ in each_loaded(network, weights)
        )
        for probability in (views.nothing[name] for name in views.nothing if name == scored):
            known = part.table.iloc[rows][["part", "id"]]
            nothing.append(known.assign(probability_of_nothing=probability))
        return pd.concat([make_table(examples.ids[rows], view, views.predictions[view], targets) for view in VIEWS])

    oof, by_fold = [], []
    for fold in workspace.folds_to_run:
        weights = weights_files(workspace.fold_run(model, fold), options)
        for file in weights:
            if not file.is_file():
                raise PodiumError(f"{file}: no such weights; run the stage train@{model}-{fold}")
        inside = np.flatnonzero(train.table["fold"] == fold)
        oof.append(predict(train, inside, weights, f"{model}, fold {fold}: validation"))
        by_fold.append(predict(test, np.arange(len(test.table)), weights, f"{model}, fold {fold}: test"))
    out_of_fold = pd.concat(oof)
    averaged = by_fold[0].set_index(["id", "view"])
    for other in by_fold[1:]:
        averaged = averaged + other.set_index(["id", "view"])
    averaged = (averaged / len(by_fold)).reset_index()
    averaged = pd.concat([averaged, _without_picture(workspace, train, test)])
    provenance = {"model": model, "folds": workspace.folds_to_run, "options": options.model_dump(mode="json")}
    write_predictions(workspace.predictions(model, "oof"), out_of_fold, targets, provenance)
    write_predictions(workspace.predictions(model, "test"), averaged, targets, provenance)
    _write_nothing(workspace, model, nothing)
    _report(workspace, model, train.table, out_of_fold, test_time)


def _write_nothing(workspace: Workspace, model: str, seen: list[pd.DataFrame]) -> None:
    """runs/MODEL/nothing.parquet: mean over the folds that have seen a row; no row for a model without sigmoids."""
    empty = pd.DataFrame({"part": "", "id": "", "probability_of_nothing": np.zeros(0)})
    table = pd.concat([*seen, empty])
    write_table(workspace.nothing(model), table.groupby(["part", "id"], as_index=False).mean())


def trained_batch_size(workspace: Workspace, model: str) -> int:
    """The micro-batch of the first fold's training: what fitted into memory with the gradients fits without them."""
    metrics = workspace.fold_run(model, workspace.folds_to_run[0]) / "metrics.json"
    if not metrics.is_file():
        raise PodiumError(f"{metrics}: no such file; run the stage train@{model}-{workspace.folds_to_run[0]}")
    return read_json(metrics)["micro_batch_size"]


def _without_picture(workspace: Workspace, train: Part, test: Part) -> pd.DataFrame:
    """Test rows whose picture cannot be read get what the training rows say on average."""
    everyone = read_examples(workspace, "test")
    ids = everyone.loc[~everyone["id"].isin(test.table["id"]), "id"].tolist()
    targets = workspace.competition.targets
    truth = encode_truth(workspace.competition, train.table)
    tables = []
    for view in VIEWS:
        table = pd.DataFrame({"id": np.array(ids, dtype=object), "view": view})
        for name, target in targets.items():
            prior = target.activate(target.initial_bias(truth[name])[None, :])
            table[columns_of(name, target)] = np.repeat(prior, len(ids), axis=0)
        tables.append(table)
    return pd.concat(tables)


def _report(
    workspace: Workspace, model: str, train: pd.DataFrame, oof: pd.DataFrame, test_time: TestTimeOptions
) -> None:
    """tta.json: both scores, and their difference with its paired error."""
    competition = workspace.competition
    rows = train[train["fold"].isin(workspace.folds_to_run)]
    truth = encode_truth(competition, rows)[competition.scored_target]
    groups = rows["group"].to_numpy()
    by_view = {
        view: scored_prediction(competition, oof[oof["view"] == view].set_index("id").loc[rows["id"]]) for view in VIEWS
    }
    plain, augmented = (figures(competition.metric, truth, by_view[view], groups) for view in VIEWS)
    gain = difference(competition.metric, truth, by_view["tta"], by_view["plain"], groups)
    write_json(
        workspace.tta_report(model),
        {
            "plain": plain,
            "tta": augmented,
            **gain,
            "metric": competition.metric.name,
            "views": test_time.views,
            "plain_weight": test_time.plain_weight,
        },
    )
    print(
        f"{model}: {competition.metric.name} plain {plain['score']:.5f}, with {test_time.views} augmented views "
        f"{augmented['score']:.5f}; difference {gain['difference']:+.5f} +- {gain['difference_standard_error']:.5f}"
    )


if __name__ == "__main__":
    run(tta, model=str)
