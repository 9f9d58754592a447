"""Batches: which rows an optimiser step sees, and their pixels.

The order of an epoch depends on (seed, epoch, id) alone (`sampling.py`), and so does every augmentation: the number of
loader workers, of processes and of micro-batches changes no picture.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from common.ahead import in_order
from common.images.augment import augment
from common.images.mix import Mixes, Mixing, draw_mixes, erase, mix
from common.images.pictures import MappedPictures, Pictures
from common.images.resize import resized
from common.training.loss import known_rows
from common.training.sampling import repeats


@dataclass(frozen=True)
class Examples:
    """Rows of one part: ids (n,), pixels (n, side, side, channels), and the truth of each target.

    image_size_px  side at which the pictures are seen; None: as they are stored
    """

    ids: np.ndarray
    pixels: Pictures | np.ndarray
    truth: Mapping[str, np.ndarray]
    image_size_px: int | None = None

    def pictures(self, rows: np.ndarray) -> np.ndarray:
        """Pixels of some rows, (rows, image_size_px, image_size_px, channels)."""
        return resized(self.pixels[rows], self.side_px)

    @property
    def side_px(self) -> int:
        return self.image_size_px or self.pixels.shape[1]

    def take(self, rows: np.ndarray) -> "View":
        return View(self, rows)

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class View:
    """Some rows of examples, without a copy of their pixels.

    repeats  how often each row has come before, where a row may stand there several times; None: each is there once
    """

    examples: Examples
    rows: np.ndarray
    repeats: np.ndarray | None = None

    @property
    def ids(self) -> np.ndarray:
        return self.examples.ids[self.rows]

    def at(self, image_size_px: int) -> "View":
        """The same rows, seen at another size."""
        return replace(self, examples=replace(self.examples, image_size_px=image_size_px))

    def drawn(self, positions: np.ndarray) -> "View":
        """The rows at `positions`, in that order, also several times."""
        return View(self.examples, self.rows[positions], repeats(positions))

    def names(self, positions: np.ndarray) -> list[str]:
        """What chance goes by: the ids, and how often a row has come before, so that it is augmented anew each time."""
        ids = self.examples.ids[self.rows[positions]]
        if self.repeats is None:
            return ids.tolist()
        told = zip(ids, self.repeats[positions], strict=True)
        return [f"{id_}\x1f{before}" if before else id_ for id_, before in told]

    def truth(self, name: str) -> np.ndarray:
        return self.examples.truth[name][self.rows]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Batch:
    """A micro-batch. Pixels stay integers until they are on the device.

    Where pictures are mixed, `truth` holds for the `share` of each, and `partner_truth` for the rest.
    """

    rows: np.ndarray
    pixels: torch.Tensor
    light: torch.Tensor
    truth: dict[str, torch.Tensor]
    step_rows: int  # rows of the whole optimiser step that this is a part of
    step_known: dict[str, int]  # those of them whose truth is known, a target
    ends_step: bool
    share: torch.Tensor | None = None
    partner_truth: dict[str, torch.Tensor] = field(default_factory=dict)

    def to(self, device: torch.device) -> "Batch":
        """The same on a device; from pinned memory, the copy runs while the device still computes."""

        def moved(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return {name: values.to(device, non_blocking=True) for name, values in tensors.items()}

        return replace(
            self,
            pixels=self.pixels.to(device, non_blocking=True),
            light=self.light.to(device, non_blocking=True),
            truth=moved(self.truth),
            share=None if self.share is None else self.share.to(device, non_blocking=True),
            partner_truth=moved(self.partner_truth),
        )


def steps_of(rows: int, effective_batch_size: int) -> list[np.ndarray]:
    """Positions 0 to rows - 1, cut into optimiser steps.

    All steps have the same number of rows within one, at most `effective_batch_size`: no step is decided by
    a few left-over rows.
    """
    return np.array_split(np.arange(rows), -(-rows // effective_batch_size))


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
    mixing: Mixing | None = None,
    device: torch.device | None = None,
) -> Iterator[Batch]:
    """The micro-batches of this process: its share of each step, split where it is too large for the device.

    workers  threads that make them ahead; 0: each is made when it is asked for
    device   where they go: for a GPU they wait in memory from which it copies while it computes
    """
    parts: list[tuple[np.ndarray, np.ndarray, bool]] = []
    for step in steps:
        own = np.array_split(step, processes)[rank]
        pieces = np.array_split(own, max(1, -(-len(own) // micro_batch_size)))
        parts += [(piece, step, piece is pieces[-1]) for piece in pieces]
    loader = _Loader(view, kind, seed, purpose, mixing or Mixing(), device)
    ahead = max(1, workers)

    def make(number: int) -> Batch:
        if number + ahead < len(parts):
            loader.announce(parts[number + ahead][0])
        return loader.batch(*parts[number])

    return in_order(make, range(len(parts)), workers)


@dataclass(frozen=True)
class _Loader:
    """Makes micro-batches, ready for the device."""

    view: View
    kind: str
    seed: int
    purpose: tuple
    mixing: Mixing
    device: torch.device | None

    def batch(self, positions: np.ndarray, step: np.ndarray, ends_step: bool) -> Batch:
        examples, own = self.view.examples, self.view.rows[positions]
        mixes = self._mixes(positions)
        seen = positions if mixes is None else np.concatenate([positions, mixes.partners])
        names, given = self.view.names(seen), (self.seed, *self.purpose)
        pixels, light = augment(examples.pictures(self.view.rows[seen]), names, self.kind, *given)
        erase(pixels, names, self.mixing.random_erasing, *given)
        share, partners = None, {}
        if mixes is not None:
            mix(pixels[: len(own)], pixels[len(own) :], mixes)
            share, partners = self._tensor(mixes.share), self._truth(self.view.rows[mixes.partners])
        return Batch(
            positions,
            self._tensor(pixels[: len(own)]),
            self._tensor(light[: len(own)]),
            self._truth(own),
            len(step),
            known_rows({name: values[self.view.rows[step]] for name, values in examples.truth.items()}),
            ends_step,
            share,
            partners,
        )

    def announce(self, positions: np.ndarray) -> None:
        """These rows will be next: where they come from a slow disk, it may begin to read them."""
        pixels = self.view.examples.pixels
        if isinstance(pixels, MappedPictures) and pixels.exceeds_memory:
            mixes = self._mixes(positions)
            pixels.announce(self.view.rows[positions])
            if mixes is not None:
                pixels.announce(self.view.rows[mixes.partners])

    def _mixes(self, positions: np.ndarray) -> Mixes | None:
        if not self.mixing.has_partners:
            return None
        names, side_px = self.view.names(positions), self.view.examples.side_px
        return draw_mixes(names, len(self.view), side_px, self.mixing, self.seed, *self.purpose)

    def _truth(self, rows: np.ndarray) -> dict[str, torch.Tensor]:
        truth = self.view.examples.truth
        return {name: self._tensor(values[rows].astype(np.float32)) for name, values in truth.items()}

    def _tensor(self, values: np.ndarray) -> torch.Tensor:
        tensor = torch.from_numpy(values)
        if self.device is None or self.device.type != "cuda":
            return tensor
        with torch.cuda.device(self.device):  # a thread begins on the first GPU, and would take memory there
            return tensor.pin_memory()
