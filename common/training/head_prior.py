"""What the pretrained classifier knows of the new classes: the rows of its old ones that their pictures look like.

Where an old class is (nearly) a new one, as a breed of dog that ImageNet has too, its row of weights is a better guess
than zero: it was learned from a thousand pictures, not from five.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.errors import UsageError
from common.targets import Multiclass, Target
from common.training.network import Network, pretrained_state, weights_path
from common.training.options import ModelOptions


@dataclass(frozen=True)
class Head:
    """Weights (outputs, features) and bias (outputs,) of a linear layer, float64."""

    weight: np.ndarray
    bias: np.ndarray

    def logits(self, features: np.ndarray) -> np.ndarray:
        return features @ self.weight.T + self.bias


def pretrained_classifier(options: ModelOptions, network: Network, base: Path) -> Head:
    """The last layer of the pretrained weights, with the classes that they were trained for.

    Raises UsageError where the weights hold none that fits the network's features.
    """
    stored = pretrained_state(options, base)
    name = network.body.pretrained_cfg["classifier"]  # type: ignore[index]
    weight, bias = stored.get(f"{name}.weight"), stored.get(f"{name}.bias")
    if weight is None or bias is None or weight.ndim != 2 or weight.shape[1] != network.head.in_features:
        where = "hub" if options.weights == "hub" else weights_path(options, base)
        raise UsageError(f"head_prior: {where} holds no classifier '{name}' that fits; use weights with one, or zero")
    return Head(weight.double().numpy(), bias.double().numpy())


def prior_head(old: Head, features: np.ndarray, truth: Mapping[str, np.ndarray], targets: Mapping[str, Target]) -> Head:
    """A guess at the new head: for each class of a target of many, the old row that its pictures speak for.

    features  (rows, features) of the training rows, each picture once; truth of each target for them

    A class gets the row of the old class that is the likeliest to be on all its pictures. A class without a picture
    gets the mean of all rows, other kinds of targets get zeros. The biases are the old ones, to which how often a new
    class occurs is still to be added.
    """
    logits = old.logits(np.asarray(features, dtype=np.float64))
    log_shares = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    weights, biases = [], []
    for name, target in targets.items():
        weight = np.zeros((len(target.outputs), old.weight.shape[1]))
        bias = np.zeros(len(target.outputs))
        if isinstance(target, Multiclass):
            # Rows whose truth is missing equal no class.
            shown = (truth[name][None, :] == np.arange(len(target.classes))[:, None]).astype(np.float64)
            chosen = (shown @ log_shares).argmax(axis=1)
            nothing = shown.sum(axis=1) == 0
            weight = np.where(nothing[:, None], old.weight.mean(axis=0), old.weight[chosen])
            bias = np.where(nothing, old.bias.mean(), old.bias[chosen])
        weights.append(weight)
        biases.append(bias)
    return Head(np.concatenate(weights), np.concatenate(biases))
