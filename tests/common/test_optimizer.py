"""The fused optimizer makes the steps of torch's plain AdamW, whatever order of memory weights and moments have."""

import torch

from common.training.checkpoint import Checkpoint, load_checkpoint, restore_optimizer, save_checkpoint
from common.training.network import make_network, parameter_groups
from common.training.optimizer import make_optimizer
from tests.common.test_fit import OPTIONS, TARGETS

RESNET = OPTIONS.model_copy(update={"architecture": "test_resnet", "layer_decay": 0.7, "weight_decay": 0.1})


def stepped(network, optimizer, steps: int) -> None:
    for number in range(steps):
        torch.manual_seed(number)
        pixels = torch.randint(0, 255, (8, 32, 32, 3), dtype=torch.uint8)
        light = torch.tensor([[1.0, 0.0]]).repeat(8, 1)
        network(pixels, light).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()


def assert_close(network, other) -> None:
    for value, expected in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(value, expected, rtol=0, atol=1e-4)  # a step is some 1e-3


def test_its_steps_are_those_of_plain_adamw_also_after_a_checkpoint(tmp_path):
    ours, plain = (make_network(RESNET, TARGETS, tmp_path, seed=1) for _ in range(2))
    assert any(value.stride()[1] == 1 and value.shape[2] > 1 for value in ours.parameters() if value.ndim == 4)
    reference = torch.optim.AdamW(parameter_groups(plain, RESNET), lr=RESNET.learning_rate, betas=(0.9, 0.99))
    optimizer = make_optimizer(ours, RESNET)
    stepped(plain, reference, 3)
    stepped(ours, optimizer, 3)
    assert_close(ours, plain)

    save_checkpoint(tmp_path / "state", Checkpoint(1, [], {}, ours.state_dict(), {}, optimizer.state_dict()))
    again = make_network(RESNET, TARGETS, tmp_path, seed=2)
    saved = load_checkpoint(tmp_path / "state")
    again.load_state_dict(saved.weights)
    resumed = make_optimizer(again, RESNET)
    restore_optimizer(resumed, saved.optimizer)
    stepped(plain, reference, 3)
    stepped(again, resumed, 3)
    assert_close(again, plain)
