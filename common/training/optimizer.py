"""AdamW over the layers of a network, each with its own rate."""

import torch

from common.training.network import Network, parameter_groups
from common.training.options import ModelOptions


def make_optimizer(network: Network, options: ModelOptions) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter, arXiv:1711.05101) of the weights that get gradients, on the network's device."""
    # One kernel for all weights instead of ten for each: a step of a small network costs a tenth.
    fused = network.mean.device.type in ("cpu", "cuda")
    groups = parameter_groups(network, options)
    return torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.99), fused=fused)
