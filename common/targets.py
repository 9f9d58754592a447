"""What is to be predicted: the loss, the activation and the decoding of each kind belong together.

A target knows nothing of files or models. Truth is a float64 array with NaN where it is missing, so that
a competition may have several targets of which a row has only some. Torch is imported where it is used:
checking a submission should not wait for it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from common.errors import PodiumError

if TYPE_CHECKING:
    import torch


Decide = Callable[[np.ndarray], np.ndarray]  # (rows, tags) probabilities to (rows, tags) bool


def above_half(probabilities: np.ndarray) -> np.ndarray:
    """Every tag that is more likely than not."""
    return probabilities > 0.5


@dataclass(frozen=True)
class Binary:
    """One of two classes; the network gives one logit, that of `positive`."""

    negative: str
    positive: str
    is_probability = True

    @property
    def classes(self) -> tuple[str, ...]:
        return (self.negative, self.positive)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.positive,)

    def encode(self, values: pd.Series) -> np.ndarray:
        """Class names, shape (n,), to 0.0, 1.0 or NaN, shape (n,)."""
        return _class_codes(values, self.classes)

    def loss(self, logits: "torch.Tensor", truth: "torch.Tensor", smoothing: float = 0.0) -> "torch.Tensor":
        """Cross-entropy of (batch, 1) logits against (batch,) truth: (batch,), 0 where truth is missing."""
        from torch.nn.functional import binary_cross_entropy_with_logits

        known = ~truth.isnan()
        wanted = truth.nan_to_num() * (1 - smoothing) + smoothing / 2
        return binary_cross_entropy_with_logits(logits[:, 0], wanted, reduction="none") * known

    def activate(self, logits: np.ndarray) -> np.ndarray:
        """(n, 1) logits to (n, 1) probabilities of `positive`."""
        return _sigmoid(logits)

    def initial_bias(self, truth: np.ndarray) -> np.ndarray:
        """Log-odds of `positive` in `truth`: where an untrained head should start, shape (1,)."""
        return _log_odds(truth[:, None])

    def decode(self, predictions: np.ndarray) -> np.ndarray:
        """(n, 1) probabilities to (n,) class names."""
        return np.where(predictions[:, 0] > 0.5, self.positive, self.negative)


@dataclass(frozen=True)
class Multiclass:
    """One of many classes; the network gives a logit a class, probabilities sum to 1.

    With `sigmoids` each class is learned for itself against all others, so that none may be recognised: see `nothing`.
    """

    classes: tuple[str, ...]
    sigmoids: bool = False
    is_probability = True

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.classes

    def encode(self, values: pd.Series) -> np.ndarray:
        """Class names, shape (n,), to the position of the class or NaN, shape (n,)."""
        return _class_codes(values, self.classes)

    def loss(self, logits: "torch.Tensor", truth: "torch.Tensor", smoothing: float = 0.0) -> "torch.Tensor":
        """Cross-entropy of (batch, classes) logits against (batch,) truth: (batch,), 0 where missing.

        With `sigmoids`, the sum of the classes' binary cross-entropies.
        """
        from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

        known, codes = ~truth.isnan(), truth.nan_to_num(-1).long()
        if not self.sigmoids:
            return cross_entropy(logits, codes, ignore_index=-1, label_smoothing=smoothing, reduction="none")
        wanted = one_hot(codes.clamp(min=0), len(self.classes)).to(logits.dtype) * (1 - smoothing) + smoothing / 2
        return binary_cross_entropy_with_logits(logits, wanted, reduction="none").sum(dim=1) * known

    def activate(self, logits: np.ndarray) -> np.ndarray:
        """(n, classes) logits to (n, classes) probabilities: softmax.

        With `sigmoids` too: a logit is then the log of the odds o of its class, and where one class holds and the
        others do not, the classes stand to each other as their odds.
        """
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def nothing(self, logits: np.ndarray) -> np.ndarray:
        """The probability that no class is recognised, (n,), from (n, classes) logits of a network with `sigmoids`.

        1 / (1 + sum of the classes' odds): of all cases in which at most one class holds, that in which none does.
        """
        top = np.maximum(logits.max(axis=1), 0)
        none = np.exp(-top)
        return none / (none + np.exp(logits - top[:, None]).sum(axis=1))

    def initial_bias(self, truth: np.ndarray) -> np.ndarray:
        """Log of each class's share in `truth`, one pseudo-count each, shape (classes,); with `sigmoids`, log-odds."""
        counts = np.bincount(truth[~np.isnan(truth)].astype(int), minlength=len(self.classes)) + 1.0
        shares = counts / counts.sum()
        return np.log(shares / (1 - shares)) if self.sigmoids else np.log(shares)

    def decode(self, predictions: np.ndarray) -> np.ndarray:
        """(n, classes) probabilities to (n,) class names."""
        return np.array(self.classes, dtype=object)[predictions.argmax(axis=1)]


@dataclass(frozen=True)
class Multilabel:
    """Any number of tags, written as one text with `separator` between them; a logit a tag.

    decide  which tags a row gets; see common/decoding for what a metric of tag sets rewards
    """

    classes: tuple[str, ...]
    separator: str = " "
    decide: Decide = above_half
    is_probability = True

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.classes

    def encode(self, values: pd.Series) -> np.ndarray:
        """Tag lists, shape (n,), to 0.0 and 1.0 a tag, a row of NaN where missing, shape (n, classes)."""
        position = {name: index for index, name in enumerate(self.classes)}
        truth = np.zeros((len(values), len(self.classes)))
        for row, (label, text) in enumerate(values.items()):
            if pd.isna(text):
                truth[row] = np.nan
                continue
            for tag in str(text).split(self.separator):
                if not tag:
                    continue
                if tag not in position:
                    raise PodiumError(_unknown_class(tag, label, values.name, self.classes))
                truth[row, position[tag]] = 1.0
        return truth

    def loss(self, logits: "torch.Tensor", truth: "torch.Tensor", smoothing: float = 0.0) -> "torch.Tensor":
        """Mean cross-entropy over the known tags of a row: (batch,), 0 where all are missing."""
        from torch.nn.functional import binary_cross_entropy_with_logits

        known = ~truth.isnan()
        wanted = truth.nan_to_num() * (1 - smoothing) + smoothing / 2
        losses = binary_cross_entropy_with_logits(logits, wanted, reduction="none") * known
        return losses.sum(dim=1) / known.sum(dim=1).clamp(min=1)

    def activate(self, logits: np.ndarray) -> np.ndarray:
        """(n, classes) logits to (n, classes) independent probabilities."""
        return _sigmoid(logits)

    def initial_bias(self, truth: np.ndarray) -> np.ndarray:
        """Log-odds of each tag in `truth`, shape (classes,)."""
        return _log_odds(truth)

    def decode(self, predictions: np.ndarray) -> np.ndarray:
        """(n, classes) probabilities to (n,) texts of the decided tags, in the order of `classes`."""
        names = np.array(self.classes, dtype=object)
        return np.array([self.separator.join(names[row]) for row in self.decide(predictions)], dtype=object)


@dataclass(frozen=True)
class Regression:
    """A number; trained by squared error of the number itself or, with `log`, of log(1 + number).

    `scale` is a typical deviation of the number after the logarithm: the loss is measured in it, so that
    several targets weigh alike.
    """

    log: bool = False
    scale: float = 1.0
    classes: tuple[str, ...] = ()
    is_probability = False

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("",)

    def encode(self, values: pd.Series) -> np.ndarray:
        """Numbers, shape (n,), to float64 with NaN where missing, shape (n,)."""
        try:
            return pd.to_numeric(values).to_numpy(dtype=np.float64, na_value=np.nan)
        except (ValueError, TypeError) as error:
            raise PodiumError(f"column '{values.name}' should hold numbers: {error}") from error

    def loss(self, logits: "torch.Tensor", truth: "torch.Tensor", smoothing: float = 0.0) -> "torch.Tensor":
        """Squared error of (batch, 1) outputs against (batch,) truth: (batch,), 0 where missing."""
        known = ~truth.isnan()
        wanted = truth.nan_to_num()
        if self.log:
            wanted = wanted.log1p()
        return (logits[:, 0] - wanted / self.scale).square() * known

    def activate(self, logits: np.ndarray) -> np.ndarray:
        """(n, 1) outputs to (n, 1) numbers in the target's own unit."""
        numbers = logits * self.scale
        return np.expm1(numbers) if self.log else numbers

    def initial_bias(self, truth: np.ndarray) -> np.ndarray:
        """The mean of `truth` as the network should give it, shape (1,)."""
        known = truth[~np.isnan(truth)]
        return np.array([(np.log1p(known) if self.log else known).mean() / self.scale if known.size else 0.0])

    def decode(self, predictions: np.ndarray) -> np.ndarray:
        """(n, 1) numbers to (n,) numbers."""
        return predictions[:, 0]


Target = Binary | Multiclass | Multilabel | Regression


def learned_targets(targets: Mapping[str, Target], class_outputs: str) -> dict[str, Target]:
    """The targets as a model learns them: with `class_outputs` sigmoid, each class out of many for itself."""
    sigmoids = class_outputs == "sigmoid"
    return {
        name: replace(target, sigmoids=True) if sigmoids and isinstance(target, Multiclass) else target
        for name, target in targets.items()
    }


def columns_of(name: str, target: Target) -> list[str]:
    """The columns of a target in a prediction file: `name:class`, or `name` for a number."""
    return [f"{name}:{output}" if output else name for output in target.outputs]


def _class_codes(values: pd.Series, classes: Sequence[str]) -> np.ndarray:
    position: dict[Any, int] = {name: index for index, name in enumerate(classes)}
    codes = values.map(position).to_numpy(dtype=np.float64, na_value=np.nan)
    unknown = np.isnan(codes) & values.notna().to_numpy()
    if unknown.any():
        row = int(unknown.argmax())
        raise PodiumError(_unknown_class(values.iloc[row], values.index[row], values.name, classes))
    return codes


def _unknown_class(value: object, row: object, column: object, classes: Sequence[str]) -> str:
    known = ", ".join(classes[:8]) + (", ..." if len(classes) > 8 else "")
    return (
        f"row {row}, column '{column}': '{value}' is none of the {len(classes)} classes ({known}). "
        "Correct the table, or add the class in competition.py."
    )


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) without overflow for large negative x."""
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1 / (1 + small), small / (1 + small))


def _log_odds(truth: np.ndarray) -> np.ndarray:
    known = ~np.isnan(truth)
    ones = np.where(known, truth, 0).sum(axis=0) + 0.5
    return np.log(ones / (known.sum(axis=0) + 1 - ones))
