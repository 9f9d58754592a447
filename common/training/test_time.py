"""Test-time augmentation: augmented views of each picture, blended with the plain one."""

from collections.abc import Mapping

import numpy as np

from common.progress import track
from common.targets import Target
from common.training.data import View
from common.training.head import frozen_features, head_logits
from common.training.network import Network
from common.training.options import ModelOptions, TestTimeOptions
from common.training.predict import Inference, to_predictions


def predict_views(
    network: Network,
    view: View,
    targets: Mapping[str, Target],
    model: ModelOptions,
    options: TestTimeOptions,
    inference: Inference,
    what: str,
) -> dict[str, dict[str, np.ndarray]]:
    """Predictions by view (`plain`, `tta`), then by target: (rows, outputs).

    `tta` is plain_weight x plain + (1 - plain_weight) x the mean over the augmented views. The same picture is
    seen the same way whatever rows stand around it.
    """
    numbers = range(options.views + 1 if model.augmentation != "none" else 1)
    all_views = []
    for number in track(numbers, what, len(numbers) * len(view), "images", lambda _: len(view)):
        if model.epochs:
            logits = inference.run(network, view, model.augmentation, number)
        else:  # the body is as it came: what it sees is known from fitting the head
            features = frozen_features(network, view.examples, model.augmentation, number, inference)
            logits = head_logits(network, features[view.rows])
        all_views.append(to_predictions(logits, targets))
    plain, augmented = all_views[0], all_views[1:]
    if not augmented:
        return {"plain": plain, "tta": plain}
    weight = options.plain_weight
    blend = {
        name: weight * plain[name] + (1 - weight) * np.mean([one[name] for one in augmented], axis=0)
        for name in targets
    }
    return {"plain": plain, "tta": blend}
