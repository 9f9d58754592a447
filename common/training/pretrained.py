"""Pretrained weights into a network that has another head and, maybe, another number of input channels."""

import inspect
import pickle
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn

from common.errors import UsageError
from common.training.timm_import import import_timm


def load_file(body: nn.Module, path: Path, channels: int) -> None:
    """Load a file of weights; see `read_file` and `load_weights`.

    Raises UsageError for a file that cannot be read or belongs to another architecture.
    """
    load_weights(body, read_file(path), channels, str(path))


def read_file(path: Path) -> dict[str, torch.Tensor]:
    """A file of weights: safetensors, or PyTorch's format as far as it holds tensors and nothing to be run.

    Raises UsageError for a file that cannot be read.
    """
    try:
        stored = import_timm().models.load_state_dict(str(path), weights_only=True)
    except SafetensorError as error:
        raise UsageError(f"weights: {path} is no safetensors file ({error})") from error
    except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            f"weights: {path} holds no plain weights, and nothing else is opened, since opening it may run code "
            f"({str(error).splitlines()[0][:200]}). Use a safetensors file"
        ) from error
    if not all(isinstance(value, torch.Tensor) for value in stored.values()):
        raise UsageError(f"weights: {path} holds more than tensors; use the state_dict of a network")
    return stored


def load_weights(body: nn.Module, stored: dict[str, torch.Tensor], channels: int, where: str) -> None:
    """Load all but the classifier, which belongs to other classes, with the first layer for `channels` channels.

    Raises UsageError where any other layer is missing, left over, or of another shape.
    """
    if stored and all(name.startswith("body.") for name in stored):  # written by a training of Podium's
        stored = {name.removeprefix("body."): value for name, value in stored.items()}
    stored = _in_timms_names(body, stored)
    own = body.state_dict()
    head = {f"{name}.{part}" for name in _named(body, "classifier") for part in ("weight", "bias")}
    fitting = {name: value for name, value in stored.items() if name not in head}
    for name in _named(body, "first_conv"):
        key = f"{name}.weight"
        if key in own and key in fitting and fitting[key].shape != own[key].shape:
            fitting[key] = for_channels(fitting[key], channels, where)
    missing = [name for name in own if name not in head and not name.endswith("num_batches_tracked")]
    wrong = [name for name in missing if name not in fitting or fitting[name].shape != own[name].shape]
    unexpected = [name for name in fitting if name not in own]
    if wrong or unexpected:
        raise UsageError(
            f"weights: {where} does not fit the architecture: {len(wrong)} layers differ (first: {wrong[:2]}), "
            f"{len(unexpected)} are not known (first: {unexpected[:2]})"
        )
    body.load_state_dict({name: value.to(own[name].dtype) for name, value in fitting.items()}, strict=False)


def for_channels(weight: torch.Tensor, channels: int, where: str) -> torch.Tensor:
    """The first convolution (outputs, 3, height, width), made for pictures in colour, for 1 or 4 channels.

    One channel: the sum over the colours, which answers a grey picture as the three did. Four: near-infrared
    starts at zero, so that the network answers as it did to the colours alone, and learns the rest.
    """
    if weight.ndim == 4 and weight.shape[1] == 3 and channels == 1:
        return weight.float().sum(dim=1, keepdim=True).to(weight.dtype)
    if weight.ndim == 4 and weight.shape[1] == 3 and channels == 4:
        return torch.cat([weight, torch.zeros_like(weight[:, :1])], dim=1)
    raise UsageError(
        f"weights: {where}: the first layer's weights {tuple(weight.shape)} cannot be turned into ones for "
        f"channels: {channels}; this works from 3 to 1 or 4, for networks that start with a convolution"
    )


def _in_timms_names(body: nn.Module, stored: dict[str, Any]) -> dict[str, Any]:
    """As published by its authors to timm's names of layers; position embeddings to the size of this network.

    timm keeps what does that in the module of the network.
    """
    convert = getattr(sys.modules[type(body).__module__], "checkpoint_filter_fn", None)
    if convert is None:
        return stored
    return convert(stored, body) if len(inspect.signature(convert).parameters) > 1 else convert(stored)


def _named(body: nn.Module, key: str) -> list[str]:
    """The layers that timm's description of a network names as its `classifier` or `first_conv`."""
    named = body.pretrained_cfg.get(key)  # type: ignore[union-attr, operator]
    return [named] if isinstance(named, str) else list(named or ())
