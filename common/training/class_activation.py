"""Class activation maps: which places of a picture raised an output. Grad-CAM, Selvaraju et al. (arXiv:1610.02391)."""

import math

import numpy as np
import torch
from torch import nn

from common.training.network import Network


@torch.enable_grad()
def activation_maps(network: Network, pixels: np.ndarray, outputs: np.ndarray, signs: np.ndarray) -> np.ndarray | None:
    """Maps (n, rows, columns) float32, as coarse as the network's last features; the largest value of each is 1.

    pixels   (n, side, side, channels), as the network takes them
    outputs  (n,) which of the network's outputs each picture's map is of
    signs    (n,) 1: what raised the output, -1: what lowered it

    A map of zeros has nothing that did. None for a network whose last features have no places.
    """
    network.eval()
    device = next(network.parameters()).device
    light = torch.tensor([[1.0, 0.0]], device=device).repeat(len(pixels), 1)
    inputs = network.normalised(torch.from_numpy(np.ascontiguousarray(pixels)).to(device), light)
    features, logits = _features_and_logits(network.body, inputs)
    if features is None:
        return None
    rows = torch.arange(len(pixels), device=device)
    chosen = logits[rows, torch.from_numpy(outputs).to(device)] * torch.from_numpy(signs).to(device)
    (gradient,) = torch.autograd.grad(chosen.sum(), features)
    places = _as_places(network.body, torch.stack([features.detach(), gradient]).float())
    if places is None:
        return None
    values, slopes = places
    weights = slopes.mean(dim=(1, 2), keepdim=True)
    maps = (weights * values).sum(dim=3).clamp(min=0)
    return (maps / maps.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)).cpu().numpy().astype(np.float32)


def _features_and_logits(body: nn.Module, inputs: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor]:
    """The last features that have places and reach every output.

    A network of tokens may read its class off one token alone, so that the last places of the others reach
    nothing: there it is what the last block takes in.
    """
    taken: list[torch.Tensor] = []
    blocks = getattr(body, "blocks", None)
    hook = blocks[-1].register_forward_pre_hook(lambda _, given: taken.append(given[0])) if blocks else None
    try:
        features = body.forward_features(inputs)  # type: ignore[operator]
    finally:
        if hook:
            hook.remove()
    logits = body.forward_head(features)  # type: ignore[operator]
    if isinstance(features, torch.Tensor) and features.ndim == 3 and taken and taken[0].ndim == 3:
        features = taken[0]
    usable = isinstance(features, torch.Tensor) and features.ndim in (3, 4) and features.requires_grad
    return (features if usable else None), logits


def _as_places(body: nn.Module, features: torch.Tensor) -> torch.Tensor | None:
    """(2, n, ...) as the network lays them out to (2, n, rows, columns, channels); None for an unknown grid."""
    if features.ndim == 5:
        return features if getattr(body, "output_fmt", "NCHW") == "NHWC" else features.permute(0, 1, 3, 4, 2)
    tokens = features[:, :, getattr(body, "num_prefix_tokens", 0) :]
    side = math.isqrt(tokens.shape[2])  # pictures are squares
    return tokens.unflatten(2, (side, side)) if side * side == tokens.shape[2] else None
