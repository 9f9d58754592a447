"""A network that is not trained: batches that fit into memory, and rows in their order."""

import numpy as np
import pytest
import torch

from common.errors import PodiumError
from common.training.hardware import Hardware
from common.training.network import make_network
from common.training.predict import Inference
from tests.common.test_fit import OPTIONS, TARGETS, pictures


def inference(batch_size: int, workers: int = 0) -> Inference:
    return Inference(Hardware("cpu", 0, 1).accelerator("float32"), 1, batch_size, workers)


def small_device(folder, largest_batch: int):
    """A network that has room for `largest_batch` pictures, and the sizes of the batches that it was given."""
    network = make_network(OPTIONS, TARGETS, folder, seed=1)
    seen = []

    def refuse_large(module, arguments):
        seen.append(len(arguments[0]))
        if len(arguments[0]) > largest_batch:
            raise torch.OutOfMemoryError("CUDA out of memory")

    network.body.register_forward_pre_hook(refuse_large)
    return network, seen


@pytest.mark.parametrize("workers", [0, 2])
def test_out_of_memory_halves_the_batch_and_the_logits_are_those_of_small_batches(tmp_path, capsys, workers):
    view = pictures().take(np.arange(3, 36))
    network, seen = small_device(tmp_path, 5)
    halving = inference(16, workers)
    logits = halving.run(network, view, "photo", 1)
    expected = inference(4).run(make_network(OPTIONS, TARGETS, tmp_path, seed=1), view, "photo", 1)
    assert logits.dtype == np.float64 and halving.batch_size == 4
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-6)
    assert "predicting batches of 4" in capsys.readouterr().out
    del seen[:]
    halving.run(network, view)
    assert max(seen) == 4, "what was found out is kept"


def test_memory_that_runs_short_half_way_repeats_and_leaves_out_no_row(tmp_path):
    view = pictures().take(np.arange(36))
    network, seen = small_device(tmp_path, 8)

    def less_and_less(module, arguments):
        if len(seen) > 2 and len(arguments[0]) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")

    network.body.register_forward_pre_hook(less_and_less)
    expected = inference(8).run(make_network(OPTIONS, TARGETS, tmp_path, seed=1), view)
    np.testing.assert_allclose(inference(8).run(network, view), expected, rtol=1e-5, atol=1e-6)


def test_one_picture_that_is_too_large_is_an_error_that_says_what_to_change(tmp_path):
    network, _ = small_device(tmp_path, 0)
    with pytest.raises(
        PodiumError, match="lower image_size_px, choose a smaller architecture, or set precision to bf16"
    ):
        inference(4).run(network, pictures().take(np.arange(8)))
