"""How much memory a training has taken."""

import resource
import sys

import torch


def peak_memory_bytes(device: torch.device) -> int:
    """The most memory so far: on a GPU that of all tensors, else that of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # macOS counts bytes, Linux KiB
