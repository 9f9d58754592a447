"""Test-time augmentation: the plain view of each picture, and augmented ones."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from common.progress import track
from common.targets import Target
from common.training.data import View
from common.training.head import frozen_features, head_logits
from common.training.network import Network
from common.training.options import ModelOptions
from common.training.predict import Inference, mean_predictions, nothing_recognised, to_predictions


@dataclass(frozen=True)
class Views:
    """What a model says of some rows.

    predictions  by view, then by target: (rows, outputs); `plain`, and `augmented`, the mean over the augmented views,
                 where there are any
    nothing      by target that was learned with sigmoids: probability that no class is recognised, (rows,), mean over
                 all views
    """

    predictions: dict[str, dict[str, np.ndarray]]
    nothing: dict[str, np.ndarray]


def predict_views(
    network: Network,
    view: View,
    targets: Mapping[str, Target],
    model: ModelOptions,
    views: int,
    inference: Inference,
    what: str,
) -> Views:
    """Look at the rows of `view` plainly and in `views` augmented ways.

    The same picture is seen the same way whatever rows stand around it.
    """
    numbers = range(views + 1 if model.augmentation != "none" else 1)
    all_views, all_nothing = [], []
    for number in track(numbers, what, len(numbers) * len(view), "images", lambda _: len(view)):
        if model.epochs or model.frozen_epochs:
            logits = inference.run(network, view, model.augmentation, number)
        else:  # the body is as it came: what it sees is known from fitting the head
            features = frozen_features(network, view.examples, model.augmentation, number, inference)
            logits = head_logits(network, features[view.rows])
        all_views.append(to_predictions(logits, targets))
        all_nothing.append(nothing_recognised(logits, targets))
    nothing = {name: np.mean([one[name] for one in all_nothing], axis=0) for name in all_nothing[0]}
    predictions = {"plain": all_views[0]}
    if len(all_views) > 1:
        predictions["augmented"] = mean_predictions(all_views[1:])
    return Views(predictions, nothing)


def mean_views(several: Iterable[Views]) -> Views:
    """The mean over networks of what each says of the same rows."""
    all_views = list(several)
    predictions = {
        view: mean_predictions([one.predictions[view] for one in all_views]) for view in all_views[0].predictions
    }
    return Views(predictions, mean_predictions([one.nothing for one in all_views]))
