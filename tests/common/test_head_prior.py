"""The head starts from the pretrained classifier where the old classes are the new ones."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from common.errors import UsageError
from common.targets import Multiclass, Regression
from common.training.head import fit_head, head_logits
from common.training.head_prior import Head, pretrained_classifier, prior_head
from common.training.network import make_network
from common.training.options import ModelOptions
from common.training.timm_import import import_timm

GIVEN = {
    "architecture": "test_resnet", "weights": "old.safetensors", "image_size_px": 32, "epochs": 0, "head_views": 1,
    "head_prior": "pretrained", "learning_rate": 1e-3, "effective_batch_size": 8,
}  # fmt: skip
OPTIONS = ModelOptions(**GIVEN)
TARGETS = {"kind": Multiclass(("a", "b", "c")), "age": Regression()}


@pytest.fixture
def old():
    """Five old classes, each of a direction of its own."""
    return Head(4 * np.eye(5, 8), np.arange(5.0) / 10)


def pictures_of(old_classes: list[int], seed=0) -> np.ndarray:
    """Features that the old classifier takes for these classes, and some noise."""
    return 2 * np.eye(5, 8)[old_classes] + np.random.default_rng(seed).normal(0, 0.1, (len(old_classes), 8))


def test_each_class_gets_the_old_row_that_its_pictures_look_like(old):
    truth = {"kind": np.array([0.0, 0, 1, 2, 2, np.nan]), "age": np.array([3.0, 5, 7, 1, 1, np.nan])}
    prior = prior_head(old, pictures_of([4, 4, 0, 2, 2, 1]), truth, TARGETS)
    assert (prior.weight[:3] == old.weight[[4, 0, 2]]).all()
    assert (prior.bias[:3] == old.bias[[4, 0, 2]]).all()
    assert not prior.weight[3].any() and not prior.bias[3]


def test_all_pictures_of_a_class_decide_together_and_no_picture_leaves_the_mean(old):
    truth = {"kind": np.array([0.0, 0, 0, 1])}
    features = pictures_of([3, 3, 1, 2])  # one of the first class looks like another
    weight = prior_head(old, features, truth, {"kind": TARGETS["kind"]}).weight
    assert (weight[0] == old.weight[3]).all()
    assert np.allclose(weight[2], old.weight.mean(axis=0))


def test_what_the_old_classifier_knows_outlasts_a_fit_to_a_picture_a_class(old, tmp_path):
    class Body(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = torch.nn.Linear(8, 3)

    network, targets = Body(), {"kind": TARGETS["kind"]}
    truth = {"kind": np.array([0.0, 1, 2])}
    features = pictures_of([4, 0, 2])
    new, classes = (
        pictures_of([4, 0, 2] * 20, seed=1) + np.random.default_rng(2).normal(0, 0.6, (60, 8)),
        [0, 1, 2] * 20,
    )

    def right(prior: Head | None) -> float:
        fit_head(network, features, truth, targets, {"kind": 1.0}, 10.0, 0.0, prior)
        return float((head_logits(network, new).argmax(axis=1) == classes).mean())

    assert right(prior_head(old, features, truth, targets)) > right(None)


def test_the_classifier_is_read_from_the_weights(tmp_path):
    whole = import_timm().create_model("test_resnet", num_classes=7)
    save_file(whole.state_dict(), tmp_path / "old.safetensors")
    network = make_network(OPTIONS, TARGETS, tmp_path, 0)
    old = pretrained_classifier(OPTIONS, network, tmp_path)
    assert old.weight.shape == (7, network.head.in_features) and old.bias.shape == (7,)
    assert np.allclose(old.weight, whole.get_classifier().weight.detach().numpy())


def test_weights_without_a_classifier_are_refused(tmp_path):
    save_file(import_timm().create_model("test_resnet", num_classes=0).state_dict(), tmp_path / "old.safetensors")
    network = make_network(OPTIONS, TARGETS, tmp_path, 0)
    with pytest.raises(UsageError, match=r"head_prior: .*old\.safetensors holds no classifier 'fc'"):
        pretrained_classifier(OPTIONS, network, tmp_path)


@pytest.mark.parametrize("change", [{"weights": "none"}, {"head_views": 0, "epochs": 1}])
def test_a_prior_needs_pretrained_weights_and_a_fit(change):
    with pytest.raises(ValidationError, match="head_prior: pretrained needs"):
        ModelOptions(**{**GIVEN, **change})
