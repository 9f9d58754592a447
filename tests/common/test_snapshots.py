"""Restarts, snapshots, phases and frozen epochs, each shown on a network that trains in moments."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from common.training.fit import fit
from common.training.network import make_network
from common.training.options import PhaseOptions
from common.training.predict import Inference, mean_predictions, to_predictions
from common.training.snapshots import weights_files
from tests.common.test_fit import OPTIONS, TARGETS, assert_same, killed_after, task, weights

RESTARTS = {"schedule": "cosine_restarts", "cycle_epochs": 1, "cycle_multiplier": 2, "warmup_share": 0.1}
PHASES = (PhaseOptions(image_size_px=16, epochs=1), PhaseOptions(image_size_px=32, epochs=3))
EVERYTHING = {
    **RESTARTS,
    "architecture": "test_efficientnet",
    "phases": PHASES,
    "frozen_epochs": 1,
    "weight_average": 0.5,
    "gradient_clip": 0.5,
}


def options(**changes):
    return type(OPTIONS).model_validate(OPTIONS.model_dump() | changes)


def predicted_from(files: list[Path], the_task) -> dict[str, np.ndarray]:
    """The mean over networks with the weights of files, made from scratch."""
    inference = Inference(the_task.hardware.accelerator("float32"), the_task.seed, 8, 0)
    several = []
    for file in files:
        network = make_network(the_task.options, TARGETS, Path(), seed=99)
        network.load_state_dict(load_file(file))
        several.append(to_predictions(inference.run(network, the_task.validation), TARGETS))
    return mean_predictions(several)


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory):
    """A task with all that takes turns in it, and its training in one go."""
    the_task = task(tmp_path_factory.mktemp("ensemble"), options(snapshots="ensemble", **EVERYTHING))
    return the_task, fit(the_task)


@pytest.mark.parametrize("epochs_before_the_kill", [1, 3, 5])
def test_phases_restarts_and_snapshots_survive_a_kill(ensemble, tmp_path, monkeypatch, epochs_before_the_kill):
    """After the frozen epoch, after the first cycle of the last phase, and after everything."""
    the_task, unbroken = ensemble
    broken = task(tmp_path, the_task.options)
    killed_after(epochs_before_the_kill, broken, monkeypatch)
    resumed = fit(broken)
    assert_same(weights(unbroken), weights(resumed))
    np.testing.assert_array_equal(unbroken.predictions["label"], resumed.predictions["label"])
    for mine, other in zip(resumed.earlier_snapshots, unbroken.earlier_snapshots, strict=True):
        assert_same(*({name: tensor.numpy() for name, tensor in load_file(one).items()} for one in (mine, other)))


def test_a_checkpoint_whose_snapshots_are_gone_is_not_used(ensemble, tmp_path, monkeypatch):
    the_task, unbroken = ensemble
    broken = task(tmp_path, the_task.options)
    killed_after(4, broken, monkeypatch)
    next(tmp_path.glob("snapshot_*")).unlink()
    assert_same(weights(unbroken), weights(fit(broken)))


def test_the_history_tells_the_phases(ensemble):
    _, result = ensemble
    assert [entry["image_size_px"] for entry in result.history] == [16, 16, 32, 32, 32]
    assert [entry["epoch"] for entry in result.history] == [1, 2, 3, 4, 5]
    assert [figures["phase"] for figures in result.phases] == ["frozen body, 16 px", "16 px", "32 px"]
    assert [figures["epochs"] for figures in result.phases] == [1, 1, 3]
    for figures in result.phases:
        assert figures["images_per_second"] > 0 and figures["micro_batch_size"] == 8
        assert 10e6 < figures["peak_memory_bytes"] < 100e9


def test_an_ensemble_is_the_mean_of_the_predictions_of_its_snapshots(ensemble):
    the_task, result = ensemble
    assert len(result.earlier_snapshots) == 1  # after 3 epochs; the network is what it is after 5
    files = [*result.earlier_snapshots, the_task.checkpoint_path.with_name("snapshot_after_5_epochs.safetensors")]
    assert_same(weights(result), {name: tensor.numpy() for name, tensor in load_file(files[-1]).items()})
    np.testing.assert_allclose(predicted_from(files, the_task)["label"], result.predictions["label"], rtol=1e-6)
    stored = [path.name for path in weights_files(Path("folder"), the_task.options)]
    assert stored == ["snapshot_after_3_epochs.safetensors", "weights.safetensors"]


def test_an_average_is_the_mean_of_the_weights(tmp_path):
    the_task = task(tmp_path, options(snapshots="average", schedule="constant", cycle_epochs=1, epochs=3))
    result = fit(the_task)
    files = [tmp_path / f"snapshot_after_{epochs}_epochs.safetensors" for epochs in (1, 2, 3)]
    assert not result.earlier_snapshots and weights_files(tmp_path, the_task.options) == [
        tmp_path / "weights.safetensors"
    ]
    for name, value in result.network.state_dict().items():
        mean = torch.stack([load_file(file)[name] for file in files]).mean(dim=0)
        torch.testing.assert_close(value, mean)
    assert any(not torch.equal(load_file(files[0])[name], load_file(files[2])[name]) for name in load_file(files[0]))


def test_an_average_measures_batch_norm_anew(tmp_path):
    """The statistics are those of the averaged weights: the first layer's are the mean over what it sees."""
    changes = {"architecture": "test_resnet", "augmentation": "none", "schedule": "constant", "cycle_epochs": 1}
    the_task = task(tmp_path, options(snapshots="average", epochs=2, **changes))
    network = fit(the_task).network
    layers = {name: module for name, module in network.named_modules() if isinstance(module, torch.nn.BatchNorm2d)}
    name, first = next(iter(layers.items()))
    seen = []
    first.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    Inference(the_task.hardware.accelerator("float32"), 1, 24, 0).run(network, the_task.training)
    torch.testing.assert_close(first.running_mean, seen[0].mean(dim=(0, 2, 3)), rtol=1e-4, atol=1e-5)
    snapshots = [load_file(path) for path in sorted(tmp_path.glob("snapshot_*"))]
    carried_over = sum(snapshot[f"{name}.running_mean"] for snapshot in snapshots) / len(snapshots)
    assert not torch.allclose(first.running_mean, carried_over, rtol=1e-3)


def test_frozen_epochs_train_the_head_alone_and_then_everything_moves(tmp_path):
    """With batch norm, whose statistics in the body stay as well."""
    the_task = task(tmp_path, options(architecture="test_resnet", frozen_epochs=2, epochs=0))
    before, after = the_task.make().state_dict(), fit(the_task).network.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith("body.fc.") for name in changed)

    thawed = task(tmp_path / "thawed", options(architecture="test_resnet", frozen_epochs=1, epochs=1))
    result = fit(thawed)
    moved = {name for name, value in result.network.state_dict().items() if not torch.equal(before[name], value)}
    assert any("conv1.weight" in name for name in moved) and any("running_mean" in name for name in moved)
    assert all(parameter.requires_grad for parameter in result.network.parameters())


def test_pictures_grow_from_phase_to_phase_and_prediction_sees_the_last_size(tmp_path):
    the_task = task(tmp_path, options(architecture="test_efficientnet", phases=PHASES))
    network = the_task.make()
    seen = []
    network.body.register_forward_pre_hook(
        lambda module, arguments: seen.append((network.training, arguments[0].shape[-1])) and None
    )
    fit(type(the_task)(**{**vars(the_task), "make": lambda: network}))
    assert set(seen) == {(True, 16), (False, 16), (True, 32), (False, 32)}
    assert seen[-1] == (False, 32)
