"""A running average of the weights, which predicts better than where the last steps happen to end."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


class WeightAverage:
    """Exponential moving average of all weights and statistics (Polyak and Juditsky 1992); decay 0 keeps none.

    In the first steps it follows more closely, by a decay of (1 + steps) / (10 + steps): else the drawn weights
    would stay in it for long.
    """

    def __init__(self, network: nn.Module, decay: float, tensors: dict[str, torch.Tensor], steps: int) -> None:
        self.decay = decay
        self.steps = steps
        own = network.state_dict() if decay else {}
        self.tensors = {name: tensors.get(name, value).detach().clone().to(value.device) for name, value in own.items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the weights after an optimiser step."""
        if not self.decay:
            return
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        now = network.state_dict()
        numbers = [name for name, value in now.items() if value.is_floating_point()]
        # All at once, as torch.optim.swa_utils does it: on a GPU each of them would be a kernel of its own.
        torch._foreach_lerp_([self.tensors[name] for name in numbers], [now[name] for name in numbers], 1 - decay)
        for name in now.keys() - numbers:
            self.tensors[name].copy_(now[name])

    @contextmanager
    def applied(self, network: nn.Module) -> Iterator[None]:
        """Inside, `network` has the averaged weights."""
        if not self.decay:
            yield
            return
        trained = {name: value.detach().clone() for name, value in network.state_dict().items()}
        network.load_state_dict(self.tensors)
        yield
        network.load_state_dict(trained)
