"""Head first: the body runs once, and the last layer is fitted to its features to the end.

With the body frozen the loss is convex in the head, so it needs no learning rate and no epochs: L-BFGS finds
the optimum in moments. The features wait in the scratch cache, keyed by the body's weights and the pictures, so
that all folds share them, and a model of `epochs: 0` predicts from them too.
"""

import hashlib
import os
from collections.abc import Mapping

import numpy as np
import torch

from common.code_hash import code_hash
from common.files import replacing, scratch_folder
from common.images.pictures import Pictures
from common.targets import Target
from common.training.data import Examples, View
from common.training.head_prior import Head, prior_head
from common.training.loss import known_rows, loss_share
from common.training.network import Network
from common.training.options import ModelOptions
from common.training.predict import Inference
from common.training.target_weights import weights_of_targets
from common.training.timm_import import import_timm

_MADE_BY = (
    "common.images.augment",
    "common.images.resize",
    "common.training.data",
    "common.training.head",
    "common.training.network",
    "common.training.predict",
)


def frozen_features(
    network: Network, examples: Examples, augmentation: str, number: int, inference: Inference
) -> np.ndarray:
    """What the head sees of view `number` of all rows: (rows, features) float32, read from the cache or made."""
    folder = scratch_folder() / "features"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_key(network, examples, augmentation, number, inference)}.npy"
    inference.accelerator.wait_for_everyone()  # so that all processes find the same
    if not path.is_file():
        everything = examples.take(np.arange(len(examples)))
        features = inference.run(network, everything, augmentation, number, features=True)
        if inference.accelerator.is_main_process:
            with replacing(path) as beside, open(beside, "wb") as file:
                np.save(file, features.astype(np.float32))
        inference.accelerator.wait_for_everyone()
    os.utime(path)  # when it was last used
    return np.load(path, mmap_mode="r")


def head_first(
    network: Network,
    training: View,
    targets: Mapping[str, Target],
    options: ModelOptions,
    inference: Inference,
    old: Head | None = None,
) -> None:
    """Fit the head to the features of `head_views` views of the training rows; `old` is the pretrained classifier."""
    views = [
        frozen_features(network, training.examples, options.augmentation, number, inference)[training.rows]
        for number in range(options.head_views)
    ]
    truth = {name: np.concatenate([training.truth(name)] * len(views)) for name in targets}
    weights = weights_of_targets(options, targets)
    features = np.concatenate(views)
    prior = prior_head(old, views[0], {name: training.truth(name) for name in targets}, targets) if old else None
    loss = fit_head(network, features, truth, targets, weights, options.head_penalty, options.label_smoothing, prior)
    print(f"head fitted to {len(views)} view(s) of {len(training):,} rows: train loss {loss:.4g}")


def fit_head(
    network: Network, features: np.ndarray, truth: Mapping[str, np.ndarray], targets: Mapping[str, Target],
    weights: Mapping[str, float], penalty: float, smoothing: float, prior: Head | None = None,
) -> float:  # fmt: skip
    """Set the head to the minimum of mean loss + penalty / 2 x its squared weights, for standardised features.

    features  (rows, features); truth of each target for the same rows, and its weight
    prior     where the fit starts; its weights cost nothing, only what differs from them does

    Returns the mean loss without the penalty.
    """
    inputs = torch.from_numpy(np.asarray(features, dtype=np.float64))
    mean, deviation = inputs.mean(dim=0), inputs.std(dim=0).clamp(min=1e-6)
    inputs = (inputs - mean) / deviation
    wanted, known = {name: torch.from_numpy(values) for name, values in truth.items()}, known_rows(truth)
    # What is fitted is the difference from the start. The old classifier may be surer of itself than it should be, or
    # less, so that a prior is scaled by one number, which costs nothing.
    start = prior or Head(np.zeros((network.head.out_features, inputs.shape[1])), np.zeros(network.head.out_features))
    start_weight = torch.from_numpy(start.weight) * deviation
    start_bias = torch.from_numpy(start.logits(mean.numpy()))
    initial = torch.from_numpy(np.concatenate([one.initial_bias(truth[name]) for name, one in targets.items()]))
    moved, bias = torch.zeros_like(start_weight, requires_grad=True), initial.clone().requires_grad_()
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    started = inputs @ start_weight.T + start_bias

    def mean_loss() -> torch.Tensor:
        logits = scale * started + inputs @ moved.T + bias
        return loss_share(logits, wanted, targets, smoothing, known, weights)

    def cost_of_moving() -> torch.Tensor:
        # A bias is free without a prior; with one it stays near the shares, also where a class has no picture.
        away = moved.square().sum()
        return penalty / 2 * (away if prior is None else away + (bias - initial).square().sum())

    optimizer = torch.optim.LBFGS(
        [moved, bias, scale], max_iter=200, tolerance_grad=1e-6, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        cost = mean_loss() + cost_of_moving()
        cost.backward()
        return cost

    optimizer.step(closure)
    with torch.no_grad():
        scaled = (scale * start_weight + moved) / deviation
        # Cast before they move: Apple's GPUs have no float64.
        network.head.weight.copy_(scaled.to(network.head.weight.dtype))
        network.head.bias.copy_((scale * start_bias + bias - scaled @ mean).to(network.head.bias.dtype))
        return float(mean_loss())


@torch.no_grad()
def head_logits(network: Network, features: np.ndarray) -> np.ndarray:
    """Logits (rows, outputs) float64 from features (rows, features)."""
    head = network.head
    inputs = torch.from_numpy(np.array(features, dtype=np.float32)).to(head.weight.device)
    return head(inputs).cpu().double().numpy()


def _key(network: Network, examples: Examples, augmentation: str, number: int, inference: Inference) -> str:
    """Of all that the features depend on: pixels, rows, body, view, precision, and the code that makes them."""
    drawn = (augmentation, number, inference.seed) if number else ("plain",)
    how = (inference.accelerator.mixed_precision, inference.accelerator.device.type, inference.batch_size)
    versions = (torch.__version__, import_timm().__version__, code_hash(*_MADE_BY))
    # repr() tells the arguments that change no weight, as an epsilon or the kind of padding.
    size_px = examples.image_size_px or examples.pixels.shape[1]
    told = (_pixels_name(examples.pixels), size_px, *drawn, *how, *versions, repr(network.body))
    digest = hashlib.sha256("\0".join(map(str, [*told, *examples.ids])).encode())
    head = set(map(id, network.head.parameters()))
    tensors = [("mean", network.mean), ("std", network.std), *network.body.named_buffers()]
    tensors += [(name, value) for name, value in network.body.named_parameters() if id(value) not in head]
    for name, value in tensors:
        digest.update(name.encode() + value.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()[:20]


def _pixels_name(pixels: Pictures | np.ndarray) -> str:
    """Decoded pictures have a name, which is their content's key; arrays are named by their content."""
    if not isinstance(pixels, np.ndarray):
        return pixels.name
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()
