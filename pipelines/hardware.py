"""What the root params.yaml says about this machine, as training and prediction use it."""

import os

import torch

from common.training.hardware import Hardware
from pipelines.workspace import Machine, Workspace


def hardware(workspace: Workspace) -> Hardware:
    """The device, with as many loader workers as suit it."""
    machine = Machine.of(workspace)
    loader_workers = machine.loader_workers
    if loader_workers is None:
        # On the CPU the network needs every core: a loader beside it only takes turns with it.
        uses_gpu = machine.device != "cpu" and torch.cuda.is_available()
        loader_workers = min(4, machine.workers // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))) if uses_gpu else 0
    return Hardware(machine.device, loader_workers, machine.threads, machine.max_memory_gb)
