"""The weights at the ends of cycles, in files of their own: averaged, or all kept to predict together.

average   one network with the mean of the weights: Izmailov et al., "Averaging Weights Leads to Wider Optima and
          Better Generalization" (arXiv:1803.05407). Batch-norm statistics are of other weights then, and are
          measured anew over the training rows.
ensemble  the mean of the predictions: Huang et al., "Snapshot Ensembles" (arXiv:1704.00109)
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch import nn

from common.files import replacing
from common.training.data import Batch
from common.training.network import Network
from common.training.options import ModelOptions
from common.training.schedule import snapshot_epochs

WEIGHTS = "weights.safetensors"


def weights_files(folder: Path, options: ModelOptions) -> list[Path]:
    """The files of a finished training whose predictions are averaged: one, but for an ensemble of snapshots."""
    earlier = snapshot_epochs(options)[:-1] if options.snapshots == "ensemble" else []
    return [*(snapshot_path(folder, epochs_done) for epochs_done in earlier), folder / WEIGHTS]


def snapshot_path(folder: Path, epochs_done: int) -> Path:
    return folder / f"snapshot_after_{epochs_done}_epochs.safetensors"


def save_weights(path: Path, network: nn.Module, about: dict[str, str] | None = None) -> None:
    """Write weights and statistics to `path`, whole or not at all."""
    weights = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    with replacing(path) as beside:
        save_file(weights, beside, metadata=about)


def each_loaded(network: nn.Module, files: Sequence[Path]) -> Iterator[nn.Module]:
    """The network with the weights of each file in turn; it ends with those of the last one."""
    for file in files:
        network.load_state_dict(load_file(file))
        yield network


def load_mean(network: nn.Module, files: Sequence[Path]) -> None:
    """Give the network the mean over the files of each weight; of counters, which are whole numbers, the last."""
    last = load_file(files[-1])
    total = {name: value.double() for name, value in last.items() if value.is_floating_point()}
    for file in files[:-1]:
        for name, value in load_file(file).items():
            if name in total:
                total[name] += value
    mean = {name: (value / len(files)).to(last[name].dtype) for name, value in total.items()}
    network.load_state_dict(last | mean)


@torch.no_grad()
def measure_batch_norm(network: Network, batches: Iterable[Batch], accelerator: Accelerator) -> None:
    """Set the running statistics of batch norm to the mean over `batches`, but in layers that do not learn."""
    network.eval()
    layers = [
        module
        for module in network.modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.weight is not None
        if module.weight.requires_grad and module.track_running_stats
    ]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # of all batches the same
        layer.train()
    for batch in batches if layers else ():
        with accelerator.autocast():
            there = batch.to(accelerator.device)
            network(there.pixels, there.light)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
        layer.eval()
