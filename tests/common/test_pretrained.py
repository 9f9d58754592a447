"""Pretrained weights: from a file, a folder or the hub, into networks with another head and other channels."""

import pickle
import socket
import time
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

from common.errors import PodiumError, UsageError
from common.targets import Binary
from common.training.network import make_network
from common.training.options import ModelOptions
from common.training.timm_import import import_timm

PETS = {"label": Binary("cat", "dog")}
ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT.parent / "shared/weights/mobilenetv2_100.safetensors"
LIGHT = torch.tensor([[1.0, 0.0]] * 2)


def options(**more):
    return ModelOptions(
        **({"architecture": "test_resnet", "weights": "none", "image_size_px": 32, "epochs": 1, "learning_rate": 1e-3,
            "effective_batch_size": 4} | more)
    )  # fmt: skip


def body(architecture="test_resnet", **more):
    return import_timm().create_model(architecture, **{"num_classes": 7, **more})


def test_weights_of_another_head_are_loaded_from_a_file(tmp_path):
    body = import_timm().create_model("test_resnet", num_classes=7)
    save_file(body.state_dict(), tmp_path / "body.safetensors")
    network = make_network(options(weights="body.safetensors"), PETS, tmp_path, seed=0)
    loaded, stored = network.body.state_dict(), body.state_dict()
    head = {name for name in stored if loaded[name].shape != stored[name].shape}
    assert head == {"fc.weight", "fc.bias"}
    assert all(torch.equal(loaded[name], stored[name]) for name in stored if name not in head)


def test_weights_of_another_architecture_are_refused(tmp_path):
    save_file(import_timm().create_model("test_convnext").state_dict(), tmp_path / "other.safetensors")
    with pytest.raises(UsageError, match="does not fit the architecture"):
        make_network(options(weights="other.safetensors"), PETS, tmp_path, seed=0)


def test_pytorchs_own_format_is_read_as_far_as_it_holds_tensors(tmp_path):
    stored = body().state_dict()
    torch.save(
        {"state_dict": {f"module.{name}": value for name, value in stored.items()}, "epoch": 3}, tmp_path / "a.pth"
    )
    loaded = make_network(options(weights="a.pth"), PETS, tmp_path, seed=0).body.state_dict()
    assert torch.equal(loaded["layer1.0.conv1.weight"], stored["layer1.0.conv1.weight"])


class Trap:
    """Unpickling it makes a file."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return (open, (str(self.file), "w"))


@pytest.mark.parametrize("save", [torch.save, lambda trap, path: path.write_bytes(pickle.dumps(trap, protocol=2))])
def test_code_in_a_weights_file_is_never_run(save, tmp_path):
    save({"layer1.0.conv1.weight": Trap(tmp_path / "sprung")}, tmp_path / "trap.bin")
    with pytest.raises(UsageError, match=r"trap.bin holds no plain weights, and nothing else is opened"):
        make_network(options(weights="trap.bin"), PETS, tmp_path, seed=0)
    assert not (tmp_path / "sprung").exists()


def test_a_folder_stands_for_the_one_weights_file_below_it(tmp_path):
    folder = tmp_path / "input" / "resnet" / "pytorch" / "1"
    folder.mkdir(parents=True)
    (folder / "README.md").touch()
    with pytest.raises(UsageError, match=r"input holds no file of .safetensors, .bin, .pth, .pt"):
        make_network(options(weights="input"), PETS, tmp_path, seed=0)
    stored = body().state_dict()
    save_file(stored, folder / "model.safetensors")
    torch.save(stored, folder / "pytorch_model.bin")  # beside it, as the hub keeps them
    loaded = make_network(options(weights="input"), PETS, tmp_path, seed=0).body.state_dict()
    assert torch.equal(loaded["layer1.0.conv1.weight"], stored["layer1.0.conv1.weight"])
    save_file(stored, folder / "another.safetensors")
    with pytest.raises(UsageError, match=r"holds 3 weights files; name one of them: resnet/pytorch/1/another.safet"):
        make_network(options(weights="input"), PETS, tmp_path, seed=0)


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"weights: no file or folder .*nowhere.safetensors"):
        make_network(options(weights="nowhere.safetensors"), PETS, tmp_path, seed=0)


@pytest.mark.parametrize("architecture", ["test_resnet", "test_efficientnet", "test_convnext", "test_vit"])
def test_near_infrared_starts_without_a_voice(architecture, tmp_path):
    size = {"image_size_px": 160, "architecture": architecture, "weights": "it.safetensors"}
    save_file(body(architecture).state_dict(), tmp_path / "it.safetensors")
    colour = make_network(options(**size), PETS, tmp_path, seed=0).eval()
    four = make_network(options(**size, channels=4), PETS, tmp_path, seed=0).eval()
    pixels = torch.randint(0, 255, (2, 160, 160, 4), dtype=torch.uint8)
    torch.testing.assert_close(
        four(pixels, LIGHT, features_only=True), colour(pixels[..., :3], LIGHT, features_only=True)
    )
    wide = next(parameter for parameter in four.body.parameters() if parameter.ndim == 4)
    assert wide.shape[1] == 4 and not wide[:, 3].any()


@pytest.mark.parametrize("architecture", ["test_resnet", "test_efficientnet", "test_convnext", "test_vit"])
def test_a_grey_picture_is_seen_as_its_three_equal_colours(architecture, tmp_path):
    size = {"image_size_px": 160, "architecture": architecture, "weights": "it.safetensors"}
    save_file(body(architecture).state_dict(), tmp_path / "it.safetensors")
    colour = make_network(options(**size, mean=(0.5,) * 3, std=(0.2,) * 3), PETS, tmp_path, seed=0).eval()
    one = make_network(options(**size, channels=1, mean=(0.5,), std=(0.2,)), PETS, tmp_path, seed=0).eval()
    pixels = torch.randint(0, 255, (2, 160, 160, 1), dtype=torch.uint8)
    torch.testing.assert_close(
        one(pixels, LIGHT, features_only=True), colour(pixels.repeat(1, 1, 1, 3), LIGHT, features_only=True),
        rtol=1e-3, atol=1e-3,
    )  # fmt: skip
    assert len(make_network(options(**size, channels=1), PETS, tmp_path, seed=0).mean) == 1


def test_weights_of_a_finished_training_start_another_one(tmp_path):
    trained = make_network(options(channels=4), PETS, tmp_path, seed=1)
    save_file(
        {name: value.contiguous() for name, value in trained.state_dict().items()}, tmp_path / "weights.safetensors"
    )
    next_one = make_network(options(channels=4, weights="weights.safetensors"), PETS, tmp_path, seed=2)
    assert torch.equal(next_one.body.layer1[0].conv1.weight, trained.body.layer1[0].conv1.weight)
    assert not torch.equal(next_one.head.weight, trained.head.weight)


def test_position_embeddings_fit_another_picture_size(tmp_path):
    save_file(body("test_vit").state_dict(), tmp_path / "vit.safetensors")
    given = options(
        architecture="test_vit", weights="vit.safetensors", image_size_px=224, architecture_arguments={"img_size": 224}
    )
    network = make_network(given, PETS, tmp_path, seed=0)
    pixels = torch.randint(0, 255, (2, 224, 224, 3), dtype=torch.uint8)
    assert network(pixels, LIGHT).shape == (2, 1)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_the_hub_gave_before_is_used_without_a_network(channels, tmp_path, monkeypatch):
    kept = tmp_path / "models--timm--test_resnet.r160_in1k"
    snapshot = kept / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("0" * 40)
    stored = body(num_classes=1000).state_dict()
    save_file(stored, snapshot / "model.safetensors")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    network = make_network(options(weights="hub", channels=channels), PETS, tmp_path, seed=0)
    assert network.body.conv1[0].weight.shape[1] == channels
    assert torch.equal(network.body.layer1[0].conv1.weight, stored["layer1.0.conv1.weight"])


def test_the_hub_without_a_network_leaves_two_ways(tmp_path):
    with pytest.raises(PodiumError) as told:
        make_network(options(architecture="resnet18.a1_in1k", weights="hub"), PETS, tmp_path, seed=0)
    assert "HF_HUB_OFFLINE is set" in str(told.value)
    assert "download model.safetensors from https://huggingface.co/timm/resnet18.a1_in1k" in str(told.value)
    assert "set `weights` to that file or its folder, or set `weights` to none" in str(told.value)


def test_a_hub_that_never_answers_is_given_up_in_seconds(tmp_path, monkeypatch):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/{revision}/{filename}")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        begin = time.monotonic()
        with pytest.raises(PodiumError, match=rf"no answer from {address}.* or set `weights` to none"):
            make_network(options(weights="hub"), PETS, tmp_path, seed=0)
        assert time.monotonic() - begin < 10


@pytest.mark.skipif(not WEIGHTS.is_file(), reason="the ImageNet weights are not at hand")
def test_the_real_imagenet_weights_fit(tmp_path):
    real = options(
        architecture="mobilenetv2_100", architecture_arguments={"bn_eps": 1e-3, "pad_type": "same"},
        weights=str(WEIGHTS), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5),
    )  # fmt: skip
    network = make_network(real, PETS, tmp_path, seed=0)
    assert network.body.conv_stem.weight.dtype == torch.float32
    assert float(network.body.bn1.running_var.mean()) != 1.0
