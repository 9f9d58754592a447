"""Submissions drawn in the formats of real competitions, and of honest other models for the same rows.

Used by `benchmarks/correlate.py` and by the tests of the diagnosis. A submission is a table of text ids in
the column `id` and numbers, labels or tag lists in the others.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

Table = pd.DataFrame
Random = np.random.Generator


@dataclass(frozen=True)
class Format:
    """A competition's submission: its ids, and what a model of some skill predicts for hidden truths."""

    name: str
    kind: str  # probability, numbers, labels, tags
    ids: Callable[[int], list[str]]
    predict: Callable[[np.ndarray, Random, float], Table]  # truths (rows, classes), noise
    classes: int
    smooth: bool = False


def draw(format_: Format, rows: int, rng: Random, noises: tuple[float, ...]) -> list[Table]:
    """One submission for each of `noises`, of models that saw the same truth and err on their own."""
    truth = rng.normal(size=(rows, format_.classes))
    if format_.smooth:
        # A year that goes up and down, and steps from day to day.
        truth = 0.3 * truth + np.cumsum(rng.normal(size=truth.shape), axis=0) / np.sqrt(rows) * 3
    tables = []
    for noise in noises:
        table = format_.predict(truth, rng, noise)
        table.insert(0, "id", format_.ids(rows))
        tables.append(table)
    return tables


def _heard(truth: np.ndarray, rng: Random, noise: float) -> np.ndarray:
    return truth + noise * rng.normal(size=truth.shape)


def _sharpness(rng: Random) -> float:
    """How confident a model is: two that learned the same differ by some ten per cent."""
    return 3 * float(np.exp(0.1 * rng.normal()))


def _binary(truth: np.ndarray, rng: Random, noise: float) -> Table:
    return pd.DataFrame({"label": 1 / (1 + np.exp(-_sharpness(rng) * _heard(truth, rng, noise)[:, 0]))})


def _softmax(truth: np.ndarray, rng: Random, noise: float) -> Table:
    logits = _sharpness(rng) * _heard(truth, rng, noise) + np.linspace(1, -1, truth.shape[1])
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return pd.DataFrame(p, columns=[f"class_{j}" for j in range(truth.shape[1])])


def _multilabel(truth: np.ndarray, rng: Random, noise: float) -> Table:
    p = 1 / (1 + np.exp(-_sharpness(rng) * (_heard(truth, rng, noise) - 0.5)))
    return pd.DataFrame(p, columns=[f"finding_{j}" for j in range(truth.shape[1])])


def _sales(truth: np.ndarray, rng: Random, noise: float) -> Table:
    return pd.DataFrame({"Sales": np.round(6000 * np.exp(0.4 * _heard(truth, rng, noise)[:, 0]))})


def _prices(truth: np.ndarray, rng: Random, noise: float) -> Table:
    heard = _heard(truth, rng, noise)
    return pd.DataFrame({"price": 200 + 50 * heard[:, 0], "area": 80 + 15 * heard[:, 1]})


def _labels(truth: np.ndarray, rng: Random, noise: float) -> Table:
    names = ["blast", "brown_spot", "dead_heart", "downy_mildew", "hispa", "normal", "tungro", "leaf_streak"]
    chosen = (_heard(truth, rng, 0.4 * noise) + np.linspace(1, -0.6, truth.shape[1])).argmax(axis=1)
    return pd.DataFrame({"label": np.array(names)[chosen]})


def _two_labels(truth: np.ndarray, rng: Random, noise: float) -> Table:
    return pd.DataFrame({"label": np.where(_heard(truth, rng, 0.5 * noise)[:, 0] > 0.3, "dog", "cat")})


def _tags(truth: np.ndarray, rng: Random, noise: float) -> Table:
    names = np.array(["primary", "clear", "agriculture", "road", "water", "haze", "bare_ground", "blooming"])
    present = _heard(truth, rng, 0.5 * noise) > np.linspace(-1.5, 1.6, truth.shape[1])
    return pd.DataFrame({"tags": [" ".join(names[row]) for row in present]})


def _numbered_tags(truth: np.ndarray, rng: Random, noise: float) -> Table:
    heard = _heard(truth, rng, 0.4 * noise) + np.linspace(0.8, -0.8, truth.shape[1])
    best, second = np.sort(heard, axis=1)[:, -1:], np.sort(heard, axis=1)[:, -2:-1]
    present = (heard == best) | ((heard == second) & (best - second < 0.1))
    return pd.DataFrame({"Target": ["".join(f"{tag} " for tag in np.flatnonzero(row)) for row in present]})


def _numbered(rows: int) -> list[str]:
    return [str(row) for row in range(1, rows + 1)]


def _hashed(rows: int) -> list[str]:
    return sorted(hashlib.md5(str(row).encode()).hexdigest() for row in range(rows))


FORMATS = (
    Format("dogs_vs_cats: a probability", "probability", _numbered, _binary, 1),
    Format("dog_breeds: probabilities of 12 classes", "probability", _hashed, _softmax, 12),
    Format("two columns of probabilities", "probability", _numbered, _softmax, 2),
    Format(
        "probabilities of 6 findings",
        "probability",
        lambda n: [f"scan_{i}.png" for i in range(n)],
        _multilabel,
        6,
    ),
    Format("rossmann: sales", "numbers", _numbered, _sales, 1),
    Format("sales by day, a slow curve", "numbers", _numbered, _sales, 1, smooth=True),
    Format("two numbers of other units", "numbers", _numbered, _prices, 2),
    Format("paddy: a label", "labels", lambda n: [f"{200001 + i}.jpg" for i in range(n)], _labels, 8),
    Format("one of two labels", "labels", lambda n: [f"test_{i}.jpg" for i in range(n)], _two_labels, 1),
    Format("planet: tags", "tags", lambda n: [f"test_{i}" for i in range(n)], _tags, 8),
    Format(
        "unifesp: numbered tags",
        "tags",
        lambda n: [f"1.2.826.0.{7 * i + 3}" for i in range(n)],
        _numbered_tags,
        10,
    ),
)
