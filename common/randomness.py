"""Named random generators: what is drawn depends on the seed and on names, never on who drew before."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def derived_seed(seed: int, *names: object) -> int:
    """A 63-bit seed for what `names` says, as `derived_seed(seed, "augment", epoch, id)`.

    BLAKE2b of the seed and the names: nearby seeds and names give unrelated numbers, on any machine.
    """
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") >> 1


def generator(seed: int, *names: object) -> np.random.Generator:
    """A numpy generator of its own for what `names` says."""
    return np.random.Generator(np.random.PCG64(derived_seed(seed, *names)))


def sort_keys(seed: int, purpose: str, ids: Iterable[str]) -> np.ndarray:
    """One uint64 an id, shape (n,): sorting by it is a shuffle that depends on each id alone.

    Adding or removing a row moves no other row relative to the rest.
    """
    return np.array([derived_seed(seed, purpose, id_) for id_ in ids], dtype=np.uint64)


@contextmanager
def torch_seed(seed: int, *names: object, device: "torch.device | None" = None) -> Iterator[None]:
    """Inside, torch's global generators start from a derived seed.

    Afterwards that of the CPU, and that of `device` where it is a CUDA device, are as they were before.
    For what torch offers no generator for: initial weights, dropout and stochastic depth.
    """
    import torch

    devices = [device] if device is not None and device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(derived_seed(seed, *names))
        yield
