"""Class activation maps, of every kind of network that has places."""

import numpy as np
import pytest
import torch

from common.targets import Binary, Multiclass
from common.training.class_activation import activation_maps
from common.training.network import make_network
from common.training.options import ModelOptions

TARGETS = {"breed": Multiclass(("a", "b", "c")), "label": Binary("cat", "dog")}
SWIN = {"img_size": 160, "embed_dim": 16, "depths": (1, 1), "num_heads": (1, 2), "window_size": 5}


def network(architecture, tmp_path, **arguments):
    given = ModelOptions(
        architecture=architecture, architecture_arguments=arguments, weights="none", image_size_px=160, epochs=1,
        learning_rate=1e-3, effective_batch_size=4,
    )  # fmt: skip
    return make_network(given, TARGETS, tmp_path, seed=0).eval()


def pictures(rows=3):
    return np.random.default_rng(0).integers(0, 256, (rows, 160, 160, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("architecture", "arguments", "side"),
    [
        ("test_resnet", {}, 5),
        ("test_efficientnet", {}, 5),
        ("test_convnext", {}, 5),
        ("test_nfnet", {}, 5),
        ("test_vit", {}, 10),  # reads its class off one token
        ("test_vit", {"global_pool": "avg", "class_token": False}, 10),
        ("swin_tiny_patch4_window7_224", SWIN, 20),  # channels last
    ],
)
def test_maps_are_as_coarse_as_the_last_features(architecture, arguments, side, tmp_path):
    net = network(architecture, tmp_path, **arguments)
    maps = activation_maps(net, pictures(), np.array([0, 2, 3]), np.array([1.0, 1.0, -1.0]))
    assert maps.shape == (3, side, side) and maps.dtype == np.float32
    assert maps.min() >= 0 and maps.max() == pytest.approx(1, abs=1e-6)
    assert all(parameter.grad is None for parameter in net.parameters()), "nothing is left behind"


def test_behind_a_mean_over_places_it_is_the_weighted_sum_of_the_features(tmp_path):
    """The method before Grad-CAM: Zhou et al. (arXiv:1512.04150)."""
    net = network("test_resnet", tmp_path)
    given = pictures(4)
    with torch.no_grad():
        inputs = net.normalised(torch.from_numpy(given), torch.tensor([[1.0, 0.0]] * 4))
        features = net.body.forward_features(inputs)
        weights = torch.stack([net.head.weight[1], -net.head.weight[1], net.head.weight[3], -net.head.weight[3]])
        expected = torch.einsum("nchw,nc->nhw", features, weights).clamp(min=0)
        expected = expected / expected.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)
    maps = activation_maps(net, given, np.array([1, 1, 3, 3]), np.array([1.0, -1.0, 1.0, -1.0]))
    assert expected.amax() == 1
    np.testing.assert_allclose(maps, expected.numpy(), atol=1e-5)


def test_heat_lies_where_the_deciding_thing_is(tmp_path):
    """A network whose features are the brightness of each place: heat follows a bright square."""
    net = network("test_resnet", tmp_path)

    class Bright(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.gain = torch.nn.Parameter(torch.ones(1))

        def forward_features(self, inputs):
            return torch.nn.functional.avg_pool2d(inputs.mean(dim=1, keepdim=True), 16).relu() * self.gain

        def forward_head(self, features):
            return features.mean(dim=(2, 3))

    net.body = Bright()
    given = np.zeros((1, 160, 160, 3), dtype=np.uint8)
    given[0, 96:112, 32:48] = 255
    (heat,) = activation_maps(net, given, np.array([0]), np.array([1.0]))
    assert np.argwhere(heat > 0.5).tolist() == [[6, 2]]
    (none,) = activation_maps(net, given, np.array([0]), np.array([-1.0]))
    assert not none.any()


def test_a_network_without_places_has_no_maps(tmp_path):
    net = network("test_resnet", tmp_path)
    net.body.forward_features = lambda inputs: [inputs]
    net.body.forward_head = lambda features: features[0].mean(dim=(2, 3))
    assert activation_maps(net, pictures(1), np.array([0]), np.array([1.0])) is None
