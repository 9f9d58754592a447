"""Predict with one model: out-of-fold rows by the network that has not seen them, test rows by the mean of networks.

Those are the ones that were trained on all labelled rows, where the recipe asks for them, else those of the folds.

The test set comes last, and is seen in augmented views where those helped on the out-of-fold rows alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from common.errors import PodiumError
from common.files import read_json, write_json
from common.predictions import make_table, write_predictions
from common.scoring import encode_truth, scored_prediction
from common.tables import write_table
from common.targets import Target, learned_targets
from common.training.data import Examples
from common.training.network import make_network
from common.training.options import ModelOptions, TestTimeOptions
from common.training.predict import Inference
from common.training.snapshots import each_loaded, weights_files
from common.training.test_time import mean_views, predict_views
from common.training.test_time_choice import choose_view, told
from common.validation.extra import NO_FOLD
from pipelines.examples import read_examples
from pipelines.hardware import hardware
from pipelines.looking import looked_at
from pipelines.pictures import Part, read_part
from pipelines.stage import run
from pipelines.workspace import Workspace

Tables = dict[str, pd.DataFrame]  # by view; the prediction columns, and ids as the index


def tta(workspace: Workspace, model: str) -> None:
    """Write plain and test-time augmented predictions of MODEL: of the test set, augmented where that helps alone."""
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

    def predict(part: Part, rows: np.ndarray, fold: int | str, views: int, what: str) -> Tables:
        """Some rows as the network of a training sees them, or the mean over its snapshots."""
        weights = weights_files(workspace.fold_run(model, fold), options)
        for file in weights:
            if not file.is_file():
                raise PodiumError(f"{file}: no such weights; run the stage train@{model}-{fold}")
        examples = Examples(part.table["id"].to_numpy(dtype=object), part.pixels, {}, options.image_size_px)
        seen = mean_views(
            predict_views(network, examples.take(rows), targets, options, views, inference, f"{model}, {what}")
            for _ in each_loaded(network, weights)
        )
        for probability in (seen.nothing[name] for name in seen.nothing if name == scored):
            known = part.table.iloc[rows][["part", "id"]]
            nothing.append(known.assign(probability_of_nothing=probability))
        return {
            view: _by_id(examples.ids[rows], predictions, targets) for view, predictions in seen.predictions.items()
        }

    of_folds = []
    for fold in workspace.folds_to_run:
        inside = np.flatnonzero(train.table["fold"] == fold)
        of_folds.append(predict(train, inside, fold, test_time.views, f"fold {fold}: validation"))
    out_of_fold = {view: pd.concat([tables[view] for tables in of_folds]) for view in of_folds[0]}
    found = _choose(workspace, train.table, out_of_fold, test_time.plain_weight)
    views = test_time.views if found["chosen"] == "tta" else 0
    everyone = np.arange(len(test.table))
    of_test = [predict(test, everyone, one, views, f"fold {one}: test") for one in workspace.trainings_for_test]
    prior = _without_picture(workspace, train, test)
    tested = {view: pd.concat([_mean([tables[view] for tables in of_test]), prior]) for view in of_test[0]}
    provenance = {"model": model, "options": options.model_dump(mode="json"), "chosen": found["chosen"]}
    for part, tables, trainings in (
        ("oof", out_of_fold, workspace.folds_to_run),
        ("test", tested, workspace.trainings_for_test),
    ):
        table = _stored(tables, test_time.plain_weight)
        write_predictions(workspace.predictions(model, part), table, targets, {**provenance, "folds": trainings})
    _write_nothing(workspace, model, nothing)
    truths = encode_truth(workspace.competition, train.table)
    pictures = Examples(train.table["id"].to_numpy(dtype=object), train.pixels, truths, options.image_size_px)
    weights = {fold: weights_files(workspace.fold_run(model, fold), options)[-1] for fold in workspace.folds_to_run}
    folds = train.table["fold"].to_numpy()
    looked = looked_at(network, targets, scored, pictures, folds, out_of_fold["plain"], weights)
    write_table(workspace.looking(model), looked)
    write_json(workspace.tta_report(model), {**found, "views": test_time.views, "plain_weight": test_time.plain_weight})
    print(*told(found, model), sep="\n")


def _choose(workspace: Workspace, train: pd.DataFrame, oof: Tables, plain_weight: float) -> dict[str, Any]:
    """Which view to use for the test set, and why; see `choose_view`."""
    competition = workspace.competition
    rows = train[train["fold"].isin(workspace.folds_to_run)]
    by_view = {view: scored_prediction(competition, table.loc[rows["id"]]) for view, table in oof.items()}
    truth = encode_truth(competition, rows)[competition.scored_target]
    return choose_view(
        competition.metric, truth, by_view["plain"], by_view.get("augmented"), rows["group"].to_numpy(), plain_weight
    )


def _mean(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Of the same rows by several networks: they are added up by id."""
    total = tables[0]
    for table in tables[1:]:
        total = total + table
    return total / len(tables)


def _stored(tables: Tables, plain_weight: float) -> pd.DataFrame:
    """As the prediction store has it: the view `plain` and, where there are augmented views, their blend `tta`."""
    views = {"plain": tables["plain"]}
    if "augmented" in tables:
        views["tta"] = plain_weight * tables["plain"] + (1 - plain_weight) * tables["augmented"]
    return pd.concat([_with_view(table, view) for view, table in views.items()])


def _with_view(table: pd.DataFrame, view: str) -> pd.DataFrame:
    keys = pd.DataFrame({"id": table.index.to_numpy(dtype=object), "view": view})
    return pd.concat([keys, table.reset_index(drop=True)], axis=1)


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


def _by_id(ids: Sequence[str], predictions: Mapping[str, np.ndarray], targets: Mapping[str, Target]) -> pd.DataFrame:
    """The prediction columns of one view, with the ids as the index."""
    return make_table(ids, "plain", predictions, targets).set_index("id").drop(columns="view")


def _without_picture(workspace: Workspace, train: Part, test: Part) -> pd.DataFrame:
    """Test rows whose picture cannot be read get what the training rows say on average; ids are the index."""
    everyone = read_examples(workspace, "test")
    ids = everyone.loc[~everyone["id"].isin(test.table["id"]), "id"].tolist()
    truth = encode_truth(workspace.competition, train.table[train.table["fold"] != NO_FOLD])
    targets = workspace.competition.targets
    priors = {name: target.activate(target.initial_bias(truth[name])[None, :]) for name, target in targets.items()}
    repeated = {name: np.repeat(prior, len(ids), axis=0) for name, prior in priors.items()}
    return _by_id(ids, repeated, targets)


if __name__ == "__main__":
    run(tta, model=str)
