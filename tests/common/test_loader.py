"""Batches: the same whatever the workers, processes and micro-batches; mixed truths beside mixed pixels."""

import numpy as np
import pytest
import torch

from common.images.augment import AUGMENTATIONS, augment
from common.images.cache import decode_once
from common.images.decode import encode_png
from common.images.mix import Mixing
from common.images.store import write_store
from common.targets import Binary, Multiclass
from common.training.data import Examples, micro_batches, steps_of
from common.training.loss import loss_share
from common.training.network import Network
from common.training.options import ModelOptions
from common.training.sampling import Sampling

MIXED = Mixing(mixup=0.3, cutmix=1.0, random_erasing=0.5)


def examples(rows=30, side=24, dtype=np.uint8):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, np.iinfo(dtype).max, (rows, side, side, 3), dtype=dtype)
    truth = {"label": (np.arange(rows) % 2).astype(float), "kind": (np.arange(rows) % 3).astype(float)}
    return Examples(np.array([f"id{row}" for row in range(rows)], dtype=object), pixels, truth)


def by_id(batches, view):
    """All that a batch says of a row, by the row's id."""
    found = {}
    for batch in batches:
        share = torch.ones(len(batch.rows)) if batch.share is None else batch.share
        truths = [batch.truth[name] for name in sorted(batch.truth)]
        truths += [batch.partner_truth[name] for name in sorted(batch.partner_truth)]
        for row, id_ in enumerate(view.ids[batch.rows]):
            numbers = [batch.light[row], share[row], *(truth[row] for truth in truths)]
            found[id_] = (batch.pixels[row].numpy().tobytes(), *(np.asarray(number).tobytes() for number in numbers))
    return found


@pytest.mark.parametrize("kind", sorted(AUGMENTATIONS))
@pytest.mark.parametrize("mixing", [None, MIXED])
def test_workers_processes_and_micro_batches_change_nothing(kind, mixing):
    view = examples().take(np.arange(2, 29))
    view = view.drawn(Sampling(view.ids, 5).epoch(5))
    steps = steps_of(len(view), 10)
    given = (kind, 1, ("train", 5))
    expected = by_id(micro_batches(view, steps, 100, *given, 0, mixing=mixing), view)
    assert len(expected) == 27
    assert by_id(micro_batches(view, steps, 3, *given, 3, mixing=mixing), view) == expected
    shares = [micro_batches(view, steps, 4, *given, 2, rank, 2, mixing) for rank in range(2)]
    assert by_id((batch for share in shares for batch in share), view) == expected


def test_workers_give_the_batches_in_the_same_order():
    view = examples().take(np.arange(30))
    steps = steps_of(len(view), 10)
    orders = [
        [batch.rows.tolist() for batch in micro_batches(view, steps, 3, "photo", 1, ("train", 0), workers)]
        for workers in (0, 1, 4)
    ]
    assert orders[0] == orders[1] == orders[2]


def test_the_partner_of_a_picture_looks_as_it_does_for_itself():
    view = examples().take(np.arange(30))
    steps = [np.arange(30)]
    (alone,) = micro_batches(view, steps, 30, "photo", 1, ("train", 0), 0)
    (mixed,) = micro_batches(view, steps, 30, "photo", 1, ("train", 0), 0, mixing=Mixing(mixup=1.0))
    own, share = alone.pixels.float(), mixed.share[:, None, None, None]
    rest = (mixed.pixels.float() - share * own) / (1 - share)  # the partner, up to rounding
    for row in torch.nonzero(mixed.share < 0.5).flatten():
        error = (rest[row] - own).abs().mean(dim=(1, 2, 3))
        partner = int(error.argmin())
        assert error[partner] < 1.5
        assert all(mixed.partner_truth[name][row] == alone.truth[name][partner] for name in alone.truth)


def test_the_loss_of_a_mixed_picture_is_mixed_like_its_pixels():
    targets = {"label": Binary("a", "b"), "kind": Multiclass(("x", "y", "z"))}
    logits = torch.randn(4, 4)
    truth = {"label": torch.tensor([0.0, 1, 1, float("nan")]), "kind": torch.tensor([0.0, 1, 2, 1])}
    partner = {"label": torch.tensor([1.0, 1, 0, 0]), "kind": torch.tensor([2.0, 1, 0, 0])}
    share = torch.tensor([0.25, 1.0, 0.6, 0.5])
    known, weights = {"label": 3, "kind": 4}, {"label": 1.0, "kind": 0.5}
    found = loss_share(logits, truth, targets, 0.1, known, weights, share, partner)
    expected = 0.0
    for name, columns in (("label", slice(0, 1)), ("kind", slice(1, 4))):
        for row in range(4):
            one = [targets[name].loss(logits[row : row + 1, columns], values[name][row : row + 1], 0.1)
                   for values in (truth, partner)]  # fmt: skip
            expected += weights[name] * float(share[row] * one[0] + (1 - share[row]) * one[1]) / known[name]
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_mixing_where_nothing_trains_is_refused():
    given = {"architecture": "test_resnet", "weights": "none", "image_size_px": 32, "learning_rate": 1e-3,
             "effective_batch_size": 8, "head_views": 1}  # fmt: skip
    assert ModelOptions(**given, epochs=1, cutmix=1.0).mixing == Mixing(cutmix=1.0)
    with pytest.raises(ValueError, match="cutmix: of no use with epochs: 0"):
        ModelOptions(**given, epochs=0, cutmix=1.0)


def test_sixteen_bits_go_from_the_file_to_the_device(tmp_path):
    """A ramp of all 65,536 shades: through the store, the map and a symmetry, not one is lost or changed."""
    ramp = np.random.default_rng(3).permutation(65536).astype(np.uint16).reshape(256, 256)
    write_store(tmp_path / "images.zip", [("train/a.png", encode_png(ramp))])
    pixels = decode_once(tmp_path / "images.zip", ["train/a.png"], ["hash"], 16, 256, "squash", 1, channels=1)
    view = Examples(np.array(["a"], dtype=object), pixels, {}).take(np.array([0]))
    (batch,) = micro_batches(view, [np.array([0])], 1, "mirror", 1, ("view", 1), 0)
    network = Network(torch.nn.Identity(), (0.0,), (1.0,))
    there = batch.to(torch.device("cpu"))
    shades = network(there.pixels, there.light)[0, 0].double().numpy() * 65535
    np.testing.assert_allclose(shades, ramp[:, ::-1], atol=0.01)
    turned, _ = augment(pixels[:], ["a"], "radiograph", 1, "train", 0)
    assert turned.dtype == np.uint16 and len(np.unique(turned)) > 20_000
