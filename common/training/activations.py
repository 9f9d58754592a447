"""What the main blocks of a network put out while it trains: a network that dies is seen here before the loss says so.

After the ActivationStats of fastai (docs.fast.ai/callback.hook.html): mean, deviation, and the share of numbers near
zero, a layer. A layer whose share goes to 1 passes nothing on, and learns nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from common.files import replacing

NEAR_ZERO = 0.05  # fastai's bound
COLUMNS = ("epoch", "batch", "layer", "mean", "deviation", "near_zero")
_LEAST_APART = 8  # batches between two that are looked at
_MOST_AN_EPOCH = 16
_MOST_LAYERS = 12
_MOST_PICTURES = 8  # of a batch


class Activations:
    """Rows of COLUMNS over a training: `batch` counts the forward passes of an epoch, `near_zero` is a share.

    path         where the rows wait for a resume
    epochs_done  by an earlier run that is gone on from; its rows are kept
    """

    def __init__(self, body: nn.Module, path: Path, epochs_done: int) -> None:
        self.layers = main_blocks(body)
        self.path = path
        table = (
            pd.read_csv(path, float_precision="round_trip")
            if epochs_done and path.is_file()
            else pd.DataFrame(columns=list(COLUMNS))
        )
        self.rows: list[dict[str, Any]] = table[table["epoch"] <= epochs_done].to_dict("records")  # type: ignore

    @contextmanager
    def recorded(self, epoch: int, batches: int) -> Iterator[None]:
        """Inside, every k-th of the `batches` training passes is looked at, k being 8 or more."""
        every = max(_LEAST_APART, -(-batches // _MOST_AN_EPOCH))
        seen: list[tuple[int, str, torch.Tensor]] = []
        hooks = [layer.register_forward_hook(_look(name, every, seen)) for name, layer in self.layers.items()]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
        for batch, name, numbers in seen:  # read after the epoch, since reading makes the device wait
            mean, deviation, near_zero = numbers.tolist()
            self.rows.append(dict(zip(COLUMNS, (epoch, batch, name, mean, deviation, near_zero), strict=True)))

    def table(self) -> pd.DataFrame:
        return pd.DataFrame(self.rows, columns=list(COLUMNS))

    def keep(self) -> None:
        """Write the rows, for a run that goes on from here."""
        with replacing(self.path) as beside:
            self.table().to_csv(beside, index=False)


def main_blocks(body: nn.Module) -> dict[str, nn.Module]:
    """The stages or blocks that timm names as a network's features, from the input on, at most twelve of them."""
    described: Any = getattr(body, "feature_info", None) or []
    modules = dict(body.named_modules())
    names = list(dict.fromkeys(one["module"] for one in described if one.get("module") in modules))
    if not names:
        names = [name for name, child in body.named_children() if any(True for _ in child.parameters())]
    if len(names) > _MOST_LAYERS:
        names = [names[round(place * (len(names) - 1) / (_MOST_LAYERS - 1))] for place in range(_MOST_LAYERS)]
    return {name: modules[name] for name in names}


def _look(name: str, every: int, seen: list[tuple[int, str, torch.Tensor]]) -> Callable[..., None]:
    passes = 0

    def hook(layer: nn.Module, _: object, output: object) -> None:
        nonlocal passes
        if not layer.training or not isinstance(output, torch.Tensor):
            return
        if passes % every == 0:
            seen.append((passes, name, _numbers(output)))
        passes += 1

    return hook


@torch.no_grad()
def _numbers(output: torch.Tensor) -> torch.Tensor:
    """Mean, deviation and share near zero of the first pictures of a batch, (3,) float32, on its device."""
    values = output.detach()[:_MOST_PICTURES].float()
    deviation, mean = torch.std_mean(values, correction=0)
    return torch.stack([mean, deviation, (values.abs() <= NEAR_ZERO).float().mean()])
