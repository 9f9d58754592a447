"""The state of a training after an epoch, as safetensors: nothing is unpickled, half a file is never read."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from common.files import replacing


@dataclass
class Checkpoint:
    """What a resumed training needs to go on as if it had never stopped."""

    epochs_done: int
    history: list[dict[str, float]]
    scale: dict[str, float]  # of the fp16 gradient scaler; empty otherwise
    weights: dict[str, torch.Tensor]
    averaged: dict[str, torch.Tensor]  # see WeightAverage; empty where none is kept
    optimizer: dict[str, Any]  # AdamW's state_dict, that of the phase; of a loaded one, only `state`


def restore_optimizer(optimizer: torch.optim.Optimizer, saved: dict[str, Any]) -> None:
    """Give a new optimizer of the same parameters the moments and step counts that were saved."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state = {
        position: {name: _laid_out_as(parameters[position], value) for name, value in moments.items()}
        for position, moments in saved["state"].items()
    }
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _laid_out_as(parameter: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    """A moment in the parameter's order of memory, which may be channels last: the fused optimizer goes by memory."""
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value) if value.shape == parameter.shape else value


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    tensors = {
        f"{part}/{name}": value.detach().cpu().contiguous()
        for part, values in (("weights", checkpoint.weights), ("averaged", checkpoint.averaged))
        for name, value in values.items()
    }
    tensors |= {
        f"optimizer/{position}/{name}": value.detach().cpu().contiguous()
        for position, state in checkpoint.optimizer["state"].items()
        for name, value in state.items()
    }
    about = {
        "epochs_done": checkpoint.epochs_done,
        "history": checkpoint.history,
        "scale": checkpoint.scale,
    }
    with replacing(path) as beside:
        save_file(tensors, beside, metadata={"checkpoint": json.dumps(about)})


def load_checkpoint(path: Path) -> Checkpoint | None:
    """The checkpoint at `path`, or None where there is none that can be read."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            about: dict[str, Any] = json.loads(file.metadata()["checkpoint"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError):
        return None

    parts: dict[str, dict[str, torch.Tensor]] = {"weights": {}, "averaged": {}, "optimizer": {}}
    for key, value in tensors.items():
        part, _, name = key.partition("/")
        parts[part][name] = value
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in parts["optimizer"].items():
        position, _, name = key.partition("/")
        state.setdefault(int(position), {})[name] = value
    return Checkpoint(weights=parts["weights"], averaged=parts["averaged"], optimizer={"state": state}, **about)
