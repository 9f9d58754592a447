"""Test-time augmentation: augmented views of each picture, blended with the plain one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from common.progress import track
from common.targets import Target
from common.training.data import View
from common.training.head import frozen_features, head_logits
from common.training.network import Network
from common.training.options import ModelOptions, TestTimeOptions
from common.training.predict import Inference, mean_predictions, nothing_recognised, to_predictions


@dataclass(frozen=True)
class Views:
    """What a model says of some rows.

    predictions  by view (`plain`, `tta`), then by target: (rows, outputs)
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
    options: TestTimeOptions,
    inference: Inference,
    what: str,
) -> Views:
    """Look at the rows of `view` in all ways.

    `tta` is plain_weight x plain + (1 - plain_weight) x the mean over the augmented views. The same picture is
    seen the same way whatever rows stand around it.
    """
    numbers = range(options.views + 1 if model.augmentation != "none" else 1)
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
    plain, augmented = all_views[0], all_views[1:]
    if not augmented:
        return Views({"plain": plain, "tta": plain}, nothing)
    weight = options.plain_weight
    blend = {
        name: weight * plain[name] + (1 - weight) * np.mean([one[name] for one in augmented], axis=0)
        for name in targets
    }
    return Views({"plain": plain, "tta": blend}, nothing)


def mean_views(several: Iterable[Views]) -> Views:
    """The mean over networks of what each says of the same rows."""
    all_views = list(several)
    predictions = {
        view: mean_predictions([one.predictions[view] for one in all_views]) for view in all_views[0].predictions
    }
    return Views(predictions, mean_predictions([one.nothing for one in all_views]))
