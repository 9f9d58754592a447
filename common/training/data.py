"""Batches: which rows an optimiser step sees, and their pixels.

The order of an epoch depends on (seed, epoch, id) alone, and so does every augmentation: the number of
loader workers, of processes and of micro-batches changes no picture.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from common.images.augment import augment
from common.images.resize import resized
from common.randomness import sort_keys
from common.training.loss import known_rows


@dataclass(frozen=True)
class Examples:
    """Rows of one part: ids (n,), pixels (n, side, side, channels), and the truth of each target.

    image_size_px  side at which the pictures are seen; None: as they are stored
    """

    ids: np.ndarray
    pixels: np.ndarray
    truth: Mapping[str, np.ndarray]
    image_size_px: int | None = None

    def pictures(self, rows: np.ndarray) -> np.ndarray:
        """Pixels of some rows, (rows, image_size_px, image_size_px, channels)."""
        return resized(self.pixels[rows], self.image_size_px or self.pixels.shape[1])

    def take(self, rows: np.ndarray) -> "View":
        return View(self, rows)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class View:
    """Some rows of examples, without a copy of their pixels."""

    examples: Examples
    rows: np.ndarray

    @property
    def ids(self) -> np.ndarray:
        return self.examples.ids[self.rows]

    def at(self, image_size_px: int) -> "View":
        """The same rows, seen at another size."""
        return View(replace(self.examples, image_size_px=image_size_px), self.rows)

    def truth(self, name: str) -> np.ndarray:
        return self.examples.truth[name][self.rows]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Batch:
    """A micro-batch. Pixels stay integers until they are on the device."""

    rows: np.ndarray
    pixels: torch.Tensor
    light: torch.Tensor
    truth: dict[str, torch.Tensor]
    step_rows: int  # rows of the whole optimiser step that this is a part of
    step_known: dict[str, int]  # those of them whose truth is known, a target
    ends_step: bool


def epoch_steps(ids: Iterable[str], effective_batch_size: int, seed: int, epoch: int) -> list[np.ndarray]:
    """Positions of the rows of each optimiser step.

    All steps have the same number of rows within one, at most `effective_batch_size`: no step is decided by
    a few left-over rows.
    """
    order = np.argsort(sort_keys(seed, f"order {epoch}", ids), kind="stable")
    steps = -(-len(order) // effective_batch_size)
    return np.array_split(order, steps)


class _MicroBatches(Dataset):
    """Item i is the i-th micro-batch, ready for the device."""

    def __init__(
        self, view: View, parts: list[tuple[np.ndarray, np.ndarray, bool]], kind: str, seed: int, purpose: tuple
    ):
        self.view, self.parts, self.kind, self.seed, self.purpose = view, parts, kind, seed, purpose

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: int) -> Batch:
        positions, step, ends_step = self.parts[index]
        rows = self.view.rows[positions]
        examples = self.view.examples
        pixels, light = augment(examples.pictures(rows), examples.ids[rows], self.kind, self.seed, *self.purpose)
        truth = {name: torch.from_numpy(values[rows].astype(np.float32)) for name, values in examples.truth.items()}
        step_known = known_rows({name: values[self.view.rows[step]] for name, values in examples.truth.items()})
        return Batch(
            positions, torch.from_numpy(pixels), torch.from_numpy(light), truth, len(step), step_known, ends_step
        )


def micro_batches(
    view: View,
    steps: list[np.ndarray],
    micro_batch_size: int,
    kind: str,
    seed: int,
    purpose: tuple,
    workers: int,
    rank: int = 0,
    processes: int = 1,
) -> Iterator[Batch]:
    """The micro-batches of this process: its share of each step, split where it is too large for the device."""
    parts: list[tuple[np.ndarray, np.ndarray, bool]] = []
    for step in steps:
        own = np.array_split(step, processes)[rank]
        pieces = np.array_split(own, max(1, -(-len(own) // micro_batch_size)))
        parts += [(piece, step, piece is pieces[-1]) for piece in pieces]
    loader: DataLoader = DataLoader(
        _MicroBatches(view, parts, kind, seed, purpose),
        batch_size=None,
        num_workers=min(workers, len(parts)),
        # A generator of its own: else each start of the loader draws from torch's global one.
        generator=torch.Generator().manual_seed(0),
    )
    return iter(loader)
