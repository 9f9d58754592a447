"""Test-time views of every kind of augmentation: each is another look at the picture, and the same one every time."""

import numpy as np
import pytest

from common.images.augment import AUGMENTATIONS, draw
from common.targets import Binary
from common.training.data import Examples
from common.training.hardware import Hardware
from common.training.network import make_network
from common.training.options import ModelOptions
from common.training.predict import Inference
from common.training.test_time import predict_views

TARGETS = {"label": Binary("a", "b")}


def views_of(folder, kind, rows, channels=3, dtype=np.uint8, workers=0):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, np.iinfo(dtype).max, (9, 32, 32, channels), dtype=dtype)
    examples = Examples(np.array([f"id{row}" for row in range(9)], dtype=object), pixels, {})
    options = ModelOptions(
        architecture="test_resnet", weights="none", image_size_px=32, epochs=1, learning_rate=1e-3,
        effective_batch_size=4, augmentation=kind, channels=channels,
    )  # fmt: skip
    network = make_network(options, TARGETS, folder, seed=1)
    inference = Inference(Hardware("cpu", 0, 1).accelerator("float32"), 1, 4, workers)
    return predict_views(network, examples.take(np.array(rows)), TARGETS, options, 3, inference, "views").predictions


@pytest.mark.parametrize("kind", sorted(AUGMENTATIONS))
def test_views_of_a_kind_are_other_looks_and_do_not_depend_on_the_rows_around(tmp_path, kind):
    everything = views_of(tmp_path, kind, range(9))
    few = views_of(tmp_path, kind, [7, 2], workers=2)
    assert list(few) == (["plain"] if kind == "none" else ["plain", "augmented"])
    for view, predictions in few.items():
        np.testing.assert_allclose(predictions["label"], everything[view]["label"][[7, 2]], rtol=1e-5)
    if kind != "none":
        assert (everything["plain"]["label"] != everything["augmented"]["label"]).all()


@pytest.mark.parametrize(("kind", "channels", "dtype"), [("radiograph", 1, np.uint16), ("top_down", 4, np.uint16)])
def test_views_of_sixteen_bits_and_other_channels(tmp_path, kind, channels, dtype):
    views = views_of(tmp_path, kind, range(9), channels, dtype)
    assert np.isfinite(views["augmented"]["label"]).all() and np.ptp(views["augmented"]["label"]) > 0


@pytest.mark.parametrize("kind", [kind for kind, changes in AUGMENTATIONS.items() if changes.symmetries == 8])
def test_seven_views_from_above_are_turned_in_seven_ways(kind):
    turned = [int(draw(["a"], kind, 1, "view", number).symmetry[0]) for number in range(1, 8)]
    assert sorted(turned) == list(range(1, 8))
