"""Networks: made from a name, normalised inside, divided into layer groups."""

import numpy as np
import pytest
import torch

from common.errors import UsageError
from common.targets import Binary, Multiclass, Regression
from common.training.network import Network, freeze_layers, make_network, parameter_groups, start_head
from common.training.options import ModelOptions

PETS = {"label": Binary("cat", "dog")}


def options(**more):
    return ModelOptions(
        **({"architecture": "test_resnet", "weights": "none", "image_size_px": 32, "epochs": 1, "learning_rate": 1e-3,
            "effective_batch_size": 4} | more)
    )  # fmt: skip


def test_the_head_has_an_output_for_every_class_of_every_target(tmp_path):
    targets = {"label": Multiclass(("a", "b", "c")), "age": Regression()}
    network = make_network(options(), targets, tmp_path, seed=0)
    pixels = torch.randint(0, 255, (2, 32, 32, 3), dtype=torch.uint8)
    assert network(pixels, torch.tensor([[1.0, 0.0]] * 2)).shape == (2, 4)


def test_initial_weights_depend_on_the_seed_alone(tmp_path):
    torch.manual_seed(5)
    first = make_network(options(), PETS, tmp_path, seed=1).state_dict()
    state = torch.get_rng_state()
    second = make_network(options(), PETS, tmp_path, seed=1).state_dict()
    assert torch.equal(state, torch.get_rng_state()), "a library function leaves the global generator alone"
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = make_network(options(), PETS, tmp_path, seed=2).state_dict()
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize(("dtype", "full"), [(np.uint8, 255), (np.uint16, 65535)])
def test_pixels_are_normalised_by_their_own_range(dtype, full):
    network = Network(torch.nn.Identity(), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    pixels = torch.from_numpy(np.array([0, full], dtype=dtype).reshape(1, 1, 2, 1).repeat(3, axis=3))
    normalised = network(pixels, torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(normalised[0, 0, 0], torch.tensor([-2.0, 2.0]))


def test_sixteen_bits_reach_the_network():
    network = Network(torch.nn.Identity(), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    ramp = torch.from_numpy(np.arange(65536, dtype=np.uint16).reshape(1, 256, 256, 1).repeat(3, axis=3))
    assert len(network(ramp, torch.tensor([[1.0, 0.0]]))[0, 0].unique()) == 65536


def test_the_head_starts_at_the_share_of_the_classes(tmp_path):
    truth = {"label": np.array([1.0] * 90 + [0.0] * 10)}
    network = make_network(options(), PETS, tmp_path, seed=0)
    start_head(network, PETS, truth)
    network.eval()
    pixels = torch.randint(0, 255, (8, 32, 32, 3), dtype=torch.uint8)
    probabilities = network(pixels, torch.tensor([[1.0, 0.0]] * 8)).detach().sigmoid()
    assert float(probabilities.mean()) == pytest.approx(0.9, abs=0.05)


def test_a_target_that_is_left_out_is_predicted_by_its_mean(tmp_path):
    targets = {**PETS, "age": Regression()}
    truth = {"label": np.array([1.0] * 90 + [0.0] * 10), "age": np.arange(100.0)}
    network = make_network(options(), targets, tmp_path, seed=0)
    start_head(network, targets, truth, left_out=["age"])
    network.eval()
    logits = network(torch.randint(0, 255, (4, 32, 32, 3), dtype=torch.uint8), torch.tensor([[1.0, 0.0]] * 4))
    assert logits[:, 1].tolist() == [49.5] * 4 and len(logits[:, 0].unique()) == 4


def test_earlier_layers_learn_more_slowly(tmp_path):
    groups = parameter_groups(make_network(options(), PETS, tmp_path, 0), options(layer_decay=0.5))
    scales = sorted({group["lr_scale"] for group in groups})
    assert scales[-1] == 1.0 and scales[0] < 0.5
    assert all(group["weight_decay"] == 0 for group in groups if all(p.ndim < 2 for p in group["params"]))


def test_freezing_every_layer_is_refused(tmp_path):
    network = make_network(options(), PETS, tmp_path, 0)
    with pytest.raises(
        UsageError, match=r"frozen_layers: 999 leaves nothing to train: .* has (\d+) layer groups"
    ) as told:
        freeze_layers(network, 999)
    most = int(str(told.value).rsplit(maxsplit=1)[-1])
    freeze_layers(network, most)
    assert any(parameter.requires_grad for parameter in network.parameters())
    with pytest.raises(UsageError, match="nothing to train"):
        freeze_layers(network, most + 1)


def test_what_is_missing_is_named(tmp_path):
    for name, message in {
        "resnet50x": "knows no network 'resnet50x'; near: resnet50",
        "tf_efficientnet_b0_ns": "calls 'tf_efficientnet_b0_ns' tf_efficientnet_b0.ns_jft_in1k now",
        "vit_tiny_patch16_224_in21k": "calls 'vit_tiny_patch16_224_in21k' vit_tiny_patch16_224.augreg_in21k now",
    }.items():
        with pytest.raises(UsageError, match=message):
            make_network(options(architecture=name), PETS, tmp_path, seed=0)
    with pytest.raises(UsageError, match="architecture_arguments"):
        make_network(options(architecture_arguments={"depht": 3}), PETS, tmp_path, seed=0)


@pytest.mark.parametrize("channels", [1, 4])
def test_other_numbers_of_channels_have_a_first_layer_and_a_mean_of_their_own(tmp_path, channels):
    network = make_network(options(channels=channels), PETS, tmp_path, 0)
    pixels = torch.randint(0, 255, (2, 32, 32, channels), dtype=torch.uint8)
    assert network(pixels, torch.tensor([[1.0, 0.0]] * 2)).shape == (2, 1)
    colours = make_network(options(), PETS, tmp_path, 0).mean
    assert float(network.mean[-1]) == pytest.approx(float(colours.mean()))


def test_a_mean_has_a_number_a_channel():
    with pytest.raises(ValueError, match="mean: 3 numbers for channels: 1"):
        options(channels=1, mean=(0.5, 0.5, 0.5))


@pytest.mark.parametrize(("batch", "side"), [(5, 16), (2, 600)])
def test_light_is_a_gain_around_mid_grey_then_an_offset_then_cut_to_the_range(batch, side):
    network = Network(torch.nn.Identity(), (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))
    pixels = torch.randint(0, 256, (batch, side, side, 3), dtype=torch.uint8)
    light = torch.rand(batch, 2) * torch.tensor([1.0, 0.4]) + torch.tensor([0.5, -0.2])
    shades = (pixels.double() / 255 - 0.5) * light[:, 0, None, None, None] + 0.5 + light[:, 1, None, None, None]
    expected = (shades.clamp(0, 1) - network.mean) / network.std
    torch.testing.assert_close(network(pixels, light).double(), expected.permute(0, 3, 1, 2), rtol=1e-5, atol=1e-5)
    assert network(pixels, light).is_contiguous(memory_format=torch.channels_last)
