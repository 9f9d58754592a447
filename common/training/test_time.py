"""Test-time augmentation: augmented views of each picture, blended with the plain one."""

from collections.abc import Mapping

import numpy as np
from accelerate import Accelerator

from common.progress import track
from common.targets import Target
from common.training.data import View
from common.training.network import Network
from common.training.options import TestTimeOptions
from common.training.predict import predict_logits, to_predictions


def predict_views(
    network: Network,
    view: View,
    targets: Mapping[str, Target],
    augmentation: str,
    options: TestTimeOptions,
    seed: int,
    batch_size: int,
    loader_workers: int,
    accelerator: Accelerator,
    what: str,
) -> dict[str, dict[str, np.ndarray]]:
    """Predictions by view (`plain`, `tta`), then by target: (rows, outputs).

    `tta` is plain_weight x plain + (1 - plain_weight) x the mean over the augmented views, each of which is
    drawn from (seed, view, id): the same picture is seen the same way whatever rows stand around it.
    """
    views = options.views if augmentation != "none" else 0
    all_views = []
    for number in track(range(views + 1), what, (views + 1) * len(view), "images", lambda _: len(view)):
        kind = "none" if number == 0 else augmentation
        logits = predict_logits(network, view, kind, seed, ("tta", number), batch_size, loader_workers, accelerator)
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
