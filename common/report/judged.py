"""One target's out-of-fold predictions beside the truth: how wrong, how unsure and how sure each row is."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from common.report.inputs import Inputs
from common.report.wording import number
from common.row_loss import residual, row_loss
from common.targets import Binary, Multiclass, Regression, Target, columns_of

_SMALLEST_PROBABILITY = 1e-15


@dataclass(frozen=True)
class Judged:
    """Rows whose truth is known.

    ids, given     (n,) text: the example, and its label as a person wrote it
    truth          as the target encodes it: (n,), or (n, classes) for tags
    prediction     (n, outputs)
    """

    name: str
    target: Target
    ids: np.ndarray
    given: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray

    @property
    def loss(self) -> np.ndarray:
        """The target's own loss of each row, (n,): cross-entropy in nats, or squared error."""
        return row_loss(self.target, self.truth, self.prediction)

    @property
    def doubt(self) -> np.ndarray | None:
        """Entropy of each row's prediction in nats, (n,), a mean over tags; None for numbers."""
        if isinstance(self.target, Regression):
            return None
        if isinstance(self.target, Multiclass):
            return _plogp(self.prediction).sum(axis=1)
        return (_plogp(self.prediction) + _plogp(1 - self.prediction)).mean(axis=1)

    @property
    def residual(self) -> np.ndarray:
        """Predicted minus given number, (n,), both after log(1 + x) where the target is trained so."""
        assert isinstance(self.target, Regression)
        return residual(self.target, self.truth, self.prediction)

    def decided(self) -> np.ndarray:
        """Position of the decided class, (n,), of a target with one class a row."""
        if isinstance(self.target, Multiclass):
            return self.prediction.argmax(axis=1)
        return (self.prediction[:, 0] > 0.5).astype(int)

    def confidence(self) -> tuple[np.ndarray, np.ndarray, str]:
        """Probabilities, whether each came true (0 or 1), and what they are probabilities of.

        Of the positive class; of the most probable class, which comes true where it is the given one; or,
        for tags, of every tag of every row.
        """
        if isinstance(self.target, Binary):
            return self.prediction[:, 0], self.truth, f"probability of {self.target.positive}"
        if isinstance(self.target, Multiclass):
            return (
                self.prediction.max(axis=1),
                self.decided() == self.truth,
                "probability of the likeliest class",
            )
        return self.prediction.ravel(), self.truth.ravel(), "probability of a tag"

    def captions(self, row: int) -> tuple[str, ...]:
        """The label as given and what was predicted, of one row, a line each."""
        given, values = f"given {self.given[row]}", self.prediction[row]
        if isinstance(self.target, Binary):
            return given, f"P({self.target.positive}) {values[0]:.3f}"
        if isinstance(self.target, Multiclass):
            best = int(values.argmax())
            told = f"predicted {self.target.classes[best]} {values[best]:.3f}"
            return f"{given} {values[int(self.truth[row])]:.3f}", told
        if isinstance(self.target, Regression):
            return given, f"predicted {number(values[0])}"
        decided = self.target.decide(values[None])[0]
        wrong = np.flatnonzero(decided != (self.truth[row] == 1))
        names = self.target.classes
        tags = [f"{'+' if decided[tag] else '−'}{names[tag]} {values[tag]:.2f}" for tag in wrong[:3]]
        told = ", ".join(tags) + (" ..." if wrong.size > 3 else "") if tags else "the same"
        return given, f"predicted {told}", f"loss {number(self.loss[row], 3)}"


def judge(inputs: Inputs, name: str) -> Judged | None:
    """The target's out-of-fold rows whose truth is known, ordered by id; None where there are none.

    Truth is the label as given, which the score is of too: a correction changes what is learned.
    """
    if inputs.oof is None:
        return None
    target = inputs.competition.targets[name]
    oof = inputs.oof.sort_values("id", kind="stable")
    labels = inputs.part("train").set_index("id")[name].reindex(oof["id"])
    truth = target.encode(labels)
    known = ~np.isnan(truth) if truth.ndim == 1 else ~np.isnan(truth).any(axis=1)
    if not known.any():
        return None
    return Judged(
        name=name,
        target=target,
        ids=oof["id"].to_numpy(dtype=object)[known],
        given=np.array([as_written(value) for value in labels[known]], dtype=object),
        truth=truth[known],
        prediction=oof[columns_of(name, target)].to_numpy(dtype=np.float64)[known],
    )


def as_written(label: object) -> str:
    """A label as text; a number without the decimals of its column."""
    if isinstance(label, float | np.floating):
        return "–" if pd.isna(label) else number(float(label))
    return str(label) or "(none)"


def _plogp(probability: np.ndarray) -> np.ndarray:
    return -probability * np.log(np.maximum(probability, _SMALLEST_PROBABILITY))
