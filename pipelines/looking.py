"""Where a model looked in the pictures that it got most wrong: maps by the fold's network that has not seen them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from safetensors.torch import load_file

from common.row_loss import output_loss, row_loss
from common.targets import Binary, Multilabel, Regression, Target, columns_of
from common.training.class_activation import activation_maps
from common.training.data import Examples
from common.training.network import Network

_PICTURES = 12
_COLUMNS = ("id", "fold", "looked_for", "loss", "rows", "columns", "map")


def looked_at(
    network: Network,
    targets: Mapping[str, Target],
    scored: str,
    examples: Examples,
    folds: np.ndarray,
    predictions: pd.DataFrame,
    weights: Mapping[int, Path],
) -> pd.DataFrame:
    """A row a picture, most wrong first: what was looked for, and the map as bytes 0..255, (rows, columns).

    examples     pictures and truths; folds (n,) of each
    predictions  the plain view of the scored target's out-of-fold rows; ids are the index
    weights      of each fold

    No rows for a network whose features have no places.
    """
    target = targets[scored]
    own = np.flatnonzero(pd.Index(examples.ids).isin(predictions.index))
    truth = examples.truth[scored][own]
    prediction = predictions.loc[examples.ids[own], columns_of(scored, target)].to_numpy()
    loss = row_loss(target, truth, prediction)
    worst = np.lexsort((examples.ids[own].astype(str), -np.nan_to_num(loss, nan=-np.inf)))[:_PICTURES]
    worst = worst[~np.isnan(loss[worst])]
    outputs, signs, names = _decided(target, truth[worst], prediction[worst])
    outputs = outputs + _first_output(targets, scored)
    table = pd.DataFrame({"id": examples.ids[own][worst], "fold": folds[own][worst], "looked_for": names})
    table["loss"] = loss[worst]
    maps: list[np.ndarray | None] = [None] * len(worst)
    for fold in sorted(set(table["fold"])):
        network.load_state_dict(load_file(weights[fold]))
        for place in np.flatnonzero(table["fold"] == fold):
            one = slice(place, place + 1)
            found = activation_maps(network, examples.pictures(own[worst][one]), outputs[one], signs[one])
            if found is None:
                return pd.DataFrame(columns=list(_COLUMNS))
            maps[place] = np.rint(found[0] * 255).astype(np.uint8)
    kept = [one for one in maps if one is not None]
    table["rows"], table["columns"] = [one.shape[0] for one in kept], [one.shape[1] for one in kept]
    table["map"] = [one.tobytes() for one in kept]
    return table


def _decided(target: Target, truth: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The output whose map is shown, whether it was raised or lowered, and its name, a row.

    What the network decided for: the class; of tags the one it is most wrong about; of a number, what raised it.
    """
    rows = np.arange(len(prediction))
    if isinstance(target, Regression):
        return np.zeros(len(rows), dtype=int), np.ones(len(rows)), ["a larger number"] * len(rows)
    if isinstance(target, Binary):
        yes = prediction[:, 0] > 0.5
        names = [target.positive if one else target.negative for one in yes]
        return np.zeros(len(rows), dtype=int), np.where(yes, 1.0, -1.0), names
    if isinstance(target, Multilabel):
        tags = np.nan_to_num(output_loss(truth, prediction), nan=-1.0).argmax(axis=1)
        yes = prediction[rows, tags] > 0.5
        names = [f"{'' if one else 'no '}{target.classes[tag]}" for one, tag in zip(yes, tags, strict=True)]
        return tags, np.where(yes, 1.0, -1.0), names
    classes = prediction.argmax(axis=1)
    return classes, np.ones(len(rows)), [target.outputs[one] for one in classes]


def _first_output(targets: Mapping[str, Target], scored: str) -> int:
    sizes = {name: len(target.outputs) for name, target in targets.items()}
    return sum(list(sizes.values())[: list(sizes).index(scored)])
