"""The rows of an optimiser step, and their pixels, are the same however many share the work."""

import numpy as np
import pytest

from common.training.data import Batch, Examples, View, micro_batches, steps_of
from common.training.sampling import Sampling

EFFECTIVE = 9


def drawn_rows(replacement: bool) -> View:
    """Rows drawn by weight, some of them often; pixels that tell a row from every other."""
    rows = 30
    pixels = np.random.default_rng(0).integers(0, 256, (rows, 16, 16, 3), dtype=np.uint8)
    ids = np.array([f"id{row}" for row in range(rows)], dtype=object)
    examples = Examples(ids, pixels, {"label": np.arange(rows, dtype=float)})
    training = examples.take(np.arange(25))
    weights = np.r_[np.full(20, 1.0), np.full(5, 8.0)]
    return training.drawn(Sampling(training.ids, 3, weights, replacement).epoch(1))


def batches(
    view: View, micro_batch_size: int = 100, workers: int = 0, rank: int = 0, processes: int = 1
) -> list[Batch]:
    steps = steps_of(len(view), EFFECTIVE)
    return list(micro_batches(view, steps, micro_batch_size, "photo", 1, ("train", 0), workers, rank, processes))


def by_step(parts: list[Batch]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Positions, labels and pixels of each step, from its micro-batches."""
    steps, waiting = [], []
    for part in parts:
        waiting.append(part)
        if part.ends_step:
            fields = [(batch.rows, batch.truth["label"].numpy(), batch.pixels.numpy()) for batch in waiting]
            steps.append(tuple(np.concatenate(of_all) for of_all in zip(*fields, strict=True)))
            waiting = []
    assert not waiting
    return steps


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize(("processes", "micro_batch_size", "workers"), [(1, 4, 0), (1, 100, 2), (2, 100, 0), (3, 2, 0)])
def test_a_step_has_the_same_rows_and_pictures(replacement, processes, micro_batch_size, workers):
    view = drawn_rows(replacement)
    whole = by_step(batches(view))
    shares = [by_step(batches(view, micro_batch_size, workers, rank, processes)) for rank in range(processes)]
    assert len(whole) == -(-len(view) // EFFECTIVE)
    for step, expected in enumerate(whole):
        of_all = [np.concatenate(parts) for parts in zip(*(share[step] for share in shares), strict=True)]
        for found, wanted in zip(of_all, expected, strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_each_step_says_how_many_rows_it_has_in_all():
    view = drawn_rows(replacement=True)
    for rank in range(2):
        for part, own in zip(batches(view, rank=rank, processes=2), steps_of(len(view), EFFECTIVE), strict=True):
            assert part.step_rows == part.step_known["label"] == len(own)


def test_a_row_that_comes_again_is_augmented_anew():
    view = drawn_rows(replacement=True)
    rows, labels, pixels = (np.concatenate(parts) for parts in zip(*by_step(batches(view)), strict=True))
    often = np.bincount(labels.astype(int)).argmax()
    seen = pixels[labels == often]
    assert len(seen) >= 3 and len(rows) == 25
    assert len(np.unique(seen.reshape(len(seen), -1), axis=0)) == len(seen)
