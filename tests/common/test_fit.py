"""The training loop, on pictures small enough that it runs in moments."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from common.errors import PodiumError
from common.files import write_json
from common.metrics import log_loss
from common.targets import Binary, Multiclass, Regression
from common.training import phase as phase_module
from common.training.data import Examples
from common.training.fit import fit
from common.training.hardware import Hardware
from common.training.network import freeze_layers, make_network, start_head
from common.training.options import ModelOptions
from common.training.schedule import phases_of
from common.training.task import Task

TARGETS = {"label": Binary("dark", "light")}
OPTIONS = ModelOptions(
    architecture="test_convnext", weights="none", image_size_px=32, epochs=4,
    learning_rate=3e-3, effective_batch_size=8, augmentation="photo",
)  # fmt: skip


def pictures(rows=36, seed=0):
    """Dark and light noise, and the label that says which."""
    rng = np.random.default_rng(seed)
    truth = (np.arange(rows) % 2).astype(float)
    noise = rng.integers(0, 120, size=(rows, 32, 32, 3))
    pixels = (noise + 100 * truth[:, None, None, None]).astype(np.uint8)
    return Examples(np.array([f"id{row}" for row in range(rows)], dtype=object), pixels, {"label": truth})


def task(folder: Path, options=OPTIONS, hardware=None, make=None) -> Task:
    examples = pictures()
    training, validation = examples.take(np.arange(24)), examples.take(np.arange(24, 36))

    def new():
        network = make_network(options, TARGETS, folder, seed=1)
        start_head(network, TARGETS, {"label": training.truth("label")})
        return network

    return Task(
        make or new, training, validation, TARGETS,
        lambda predictions: {"validation_log_loss": log_loss(validation.truth("label"), predictions["label"][:, 0])},
        options, 1, hardware or Hardware("cpu", 0, 1), folder / "checkpoint.safetensors",
    )  # fmt: skip


def in_micro_batches_of(size: int, the_task: Task):
    """Train as after running out of memory with more."""
    found = {phase.name: size for phase in phases_of(the_task.options)}
    write_json(the_task.checkpoint_path.with_name("micro_batch_sizes.json"), found)
    return fit(the_task)


def weights(result):
    return {name: value.numpy().copy() for name, value in result.network.state_dict().items()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def killed_after(epochs: int, the_task: Task, monkeypatch) -> None:
    """Train until the checkpoint after so many epochs is written, and no further."""
    save, saved = phase_module.save_checkpoint, []

    def save_and_die(path, checkpoint):
        save(path, checkpoint)
        saved.append(path)
        if len(saved) == epochs:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(phase_module, "save_checkpoint", save_and_die)
        fit(the_task)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    return fit(task(tmp_path_factory.mktemp("unbroken")))


def test_it_learns_what_is_plain_to_see(unbroken):
    assert len(unbroken.history) == 4
    assert unbroken.history[-1]["validation_log_loss"] < 0.45  # a guess scores 0.693
    assert unbroken.history[-1]["train_loss"] < unbroken.history[0]["train_loss"]


def test_two_loader_workers_change_nothing(unbroken, tmp_path):
    assert_same(weights(unbroken), weights(fit(task(tmp_path, hardware=Hardware("cpu", 2, 1)))))


@pytest.mark.parametrize("epochs_before_the_kill", [1, 4])
def test_a_killed_training_resumes_and_ends_with_the_same_weights(
    unbroken, tmp_path, monkeypatch, epochs_before_the_kill
):
    killed_after(epochs_before_the_kill, task(tmp_path), monkeypatch)
    resumed = fit(task(tmp_path))
    assert_same(weights(unbroken), weights(resumed))
    np.testing.assert_array_equal(unbroken.predictions["label"], resumed.predictions["label"])
    assert [entry["train_loss"] for entry in resumed.history] == [entry["train_loss"] for entry in unbroken.history]


def test_averaged_weights_survive_a_kill_too(tmp_path, monkeypatch):
    options = OPTIONS.model_copy(update={"weight_average": 0.9, "epochs": 2})
    unbroken = fit(task(tmp_path / "unbroken", options))
    killed_after(1, task(tmp_path / "broken", options), monkeypatch)
    resumed = fit(task(tmp_path / "broken", options))
    assert_same(weights(unbroken), weights(resumed))
    last = fit(task(tmp_path / "last", options.model_copy(update={"weight_average": 0.0})))
    assert any(not np.array_equal(weights(last)[name], value) for name, value in weights(unbroken).items())


def test_frozen_layers_keep_their_weights(tmp_path):
    base = task(tmp_path, OPTIONS.model_copy(update={"epochs": 1}))

    def make_frozen():
        network = base.make()
        freeze_layers(network, 3)
        return network

    before = base.make().state_dict()
    after = fit(replace(base, make=make_frozen)).network.state_dict()
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert any("stem" in name for name in same) and not any("head" in name for name in same)
    assert any("stages.3" in name for name in set(before) - same)


def test_out_of_memory_halves_the_micro_batch_and_goes_on(tmp_path, capsys):
    base = task(tmp_path)

    def make_small_device():
        network = base.make()

        def refuse_large(module, arguments):
            if len(arguments[0]) > 3:
                raise torch.OutOfMemoryError("CUDA out of memory")

        network.body.register_forward_pre_hook(refuse_large)
        return network

    result = fit(replace(base, make=make_small_device))
    assert result.micro_batch_size == 2
    assert "going on with micro-batches of 4" in capsys.readouterr().out
    assert len(result.history) == 4


def test_the_micro_batch_size_does_not_change_the_gradient(tmp_path):
    """ConvNeXt has no batch norm, so a step in pieces is the step in one, up to rounding."""
    whole = fit(task(tmp_path))
    base = task(tmp_path / "pieces")
    pieces = in_micro_batches_of(3, base)
    assert pieces.history[0]["train_loss"] == pytest.approx(whole.history[0]["train_loss"], rel=1e-4)
    assert pieces.history[-1]["train_loss"] == pytest.approx(whole.history[-1]["train_loss"], rel=0.02)


def test_one_picture_too_large_for_the_device_is_an_error_that_says_what_to_change(tmp_path):
    base = task(tmp_path)

    def make_tiny_device():
        network = base.make()

        def refuse(module, arguments):
            raise torch.OutOfMemoryError("CUDA out of memory")

        network.body.register_forward_pre_hook(refuse)
        return network

    with pytest.raises(PodiumError, match="image_size_px"):
        fit(replace(base, make=make_tiny_device))


def test_a_loss_that_is_not_finite_stops_with_advice(tmp_path):
    options = OPTIONS.model_copy(update={"learning_rate": 1e30, "gradient_clip": None})
    with pytest.raises(PodiumError, match="lower learning_rate"):
        fit(task(tmp_path, options))


def test_constant_predictions_stop_with_advice(tmp_path):
    base = task(tmp_path)

    def make_blind():
        network = base.make()
        network.register_forward_hook(lambda module, arguments, output: output * 0)
        return network

    with pytest.raises(PodiumError, match="the same 'label' for every picture"):
        fit(replace(base, make=make_blind))


def test_half_precision_on_the_cpu_is_refused(tmp_path):
    with pytest.raises(PodiumError, match="fp16 needs a GPU"):
        fit(task(tmp_path, OPTIONS.model_copy(update={"precision": "fp16"})))


def test_bf16_trains_on_the_cpu(tmp_path):
    result = fit(task(tmp_path, OPTIONS.model_copy(update={"precision": "bf16"})))
    assert result.history[-1]["validation_log_loss"] < 0.55


@pytest.mark.parametrize("frozen", [True, False])
def test_batch_norm_keeps_its_statistics_where_it_is_frozen_and_there_alone(tmp_path, frozen):
    changes = {"architecture": "test_resnet", "freeze_batch_norm": frozen, "learning_rate": 1e-3, "epochs": 1}
    the_task = task(tmp_path, OPTIONS.model_copy(update=changes))
    before, after = the_task.make().state_dict(), fit(the_task).network.state_dict()
    statistics = [name for name in before if "running" in name]
    assert len(statistics) > 10
    for name in statistics:
        assert torch.equal(before[name], after[name]) == frozen, name


@pytest.mark.parametrize(("clip", "moves"), [(1e-9, False), (None, True)])
def test_a_clipped_gradient_moves_the_weights_less(tmp_path, clip, moves):
    """Of AdamW's steps the length of the gradient is no part, but for its epsilon of 1e-8."""
    the_task = task(tmp_path, OPTIONS.model_copy(update={"gradient_clip": clip, "weight_decay": 0.0, "epochs": 1}))
    before, after = the_task.make().state_dict(), fit(the_task).network.state_dict()
    largest = max(float((before[name] - after[name]).abs().max()) for name in before)
    assert (largest > 1e-3) == moves


def test_several_targets_train_at_once_and_one_of_weight_zero_is_predicted_by_its_mean(tmp_path):
    targets = {**TARGETS, "tone": Regression(), "kind": Multiclass(("a", "b", "c"))}
    options = OPTIONS.model_copy(update={"target_weights": {"tone": 0.5, "kind": 0.0}, "epochs": 8})
    examples = pictures()
    rows = np.arange(36)
    light = examples.truth["label"]
    truth = {
        "label": np.where(rows % 5 == 1, np.nan, light),
        "tone": np.where(rows % 3 == 0, np.nan, 2 + light),
        "kind": (rows % 3).astype(float),
    }
    examples = replace(examples, truth=truth)
    training, validation = examples.take(rows[:24]), examples.take(rows[24:])

    def make():
        network = make_network(options, targets, tmp_path, seed=1)
        start_head(network, targets, {name: training.truth(name) for name in targets}, left_out=["kind"])
        return network

    base = task(tmp_path, options)
    result = fit(replace(base, make=make, training=training, validation=validation, targets=targets, score=no_score))
    is_light = light[24:] == 1
    assert ((result.predictions["label"][:, 0] > 0.5) == is_light).all()
    tone = result.predictions["tone"][:, 0]
    assert np.median(tone[is_light]) > np.median(tone[~is_light]) + 0.4
    np.testing.assert_allclose(result.predictions["kind"], 1 / 3, atol=1e-6)


def no_score(predictions):
    return {}


def test_mixed_and_erased_pictures_train_the_same_with_any_workers_and_after_a_kill(tmp_path, monkeypatch):
    options = OPTIONS.model_copy(update={"mixup": 0.4, "cutmix": 1.0, "random_erasing": 0.5, "epochs": 2})
    mixed = fit(task(tmp_path / "mixed", options))
    plain = fit(task(tmp_path / "plain", OPTIONS.model_copy(update={"epochs": 2})))
    assert mixed.history[0]["train_loss"] != plain.history[0]["train_loss"]
    killed_after(1, task(tmp_path / "killed", options, Hardware("cpu", 2, 1)), monkeypatch)
    assert_same(weights(mixed), weights(fit(task(tmp_path / "killed", options, Hardware("cpu", 3, 1)))))
