"""Named random generators: what is drawn depends on the seed and on names, never on who drew before."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


def derived_seed(seed: int, *names: object) -> int:
    """A 63-bit seed for what `names` says, as `derived_seed(seed, "augment", epoch, id)`.

    BLAKE2b of the seed and the names: nearby seeds and names give unrelated numbers, on any machine.
    """
    return _hash("\x1f".join([str(seed), *map(str, names)])) >> 1


def generator(seed: int, *names: object) -> np.random.Generator:
    """A numpy generator of its own for what `names` says."""
    return np.random.Generator(np.random.PCG64(derived_seed(seed, *names)))


def uniform_draws(seed: int, names: Sequence[object], ids: Iterable[str], count: int) -> np.ndarray:
    """`count` numbers for each id, uniform in 0..1 without its ends: (n, count) float64.

    What an id gets depends on the seed, the names and the id alone. All ids at once, since a numpy generator a
    picture takes longer to make than to crop it: Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy
    as 1, 2, 3", 2011), its key from seed and names, its counter from the id.
    """
    hashes = id_hashes(ids)[:, None]
    blocks = np.arange(-(-count // 4), dtype=np.uint64)[None, :]
    hashes, blocks = np.broadcast_arrays(hashes, blocks)
    words = philox((hashes & _LOW, hashes >> _HALF, blocks, np.zeros_like(blocks)), derived_seed(seed, *names))
    return (np.stack(words, axis=-1).reshape(len(hashes), -1)[:, :count] + 0.5) / 2.0**32


def id_hashes(ids: Iterable[str]) -> np.ndarray:
    """A uint64 an id, (n,): for `key_pairs`, which then need not hash the ids each time."""
    return np.array([_hash(id_) for id_ in ids], dtype=np.uint64)


def key_pairs(hashes: np.ndarray, seed: int, *names: object) -> tuple[np.ndarray, np.ndarray]:
    """Two uint64 for each of `id_hashes`, (n,) each, that have nothing to do with each other: Philox, as above."""
    none = np.zeros_like(hashes)
    a, b, c, d = philox((hashes & _LOW, hashes >> _HALF, none, none), derived_seed(seed, *names))
    return (a << _HALF) | b, (c << _HALF) | d


def philox(counter: Sequence[np.ndarray], key: int) -> tuple[np.ndarray, ...]:
    """Philox 4x32-10: four words of 32 bits (as uint64 arrays of one shape) and a key of 64 bits to four words."""
    a, b, c, d = counter
    low, high = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        first, second = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a, b, c, d = (
            (second >> _HALF) ^ b ^ np.uint64(low),
            second & _LOW,
            (first >> _HALF) ^ d ^ np.uint64(high),
            first & _LOW,
        )
        low, high = (low + 0x9E3779B9) & 0xFFFFFFFF, (high + 0xBB67AE85) & 0xFFFFFFFF
    return a, b, c, d


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


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
