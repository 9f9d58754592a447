"""The device that a stage computes on."""

import ctypes
import os
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from common.errors import UsageError
from common.training.memory import limit_cuda_memory

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # of glibc's malloc.h


@dataclass(frozen=True)
class Hardware:
    """Where and with what help to compute; changes the time, not the result."""

    device: str = "auto"  # auto, cpu, cuda, cuda:1, mps
    loader_workers: int = 0
    threads: int = 1  # of torch, on the CPU
    max_memory_gb: float | None = None  # of each GPU, or of main memory for all processes; None: what is there

    def accelerator(self, precision: str) -> Accelerator:
        """Accelerate's view of the device and of the other processes, if there are any.

        Raises UsageError for a device that is not there and a precision that it cannot do.
        """
        torch.set_num_threads(self.threads)
        if self.device.startswith("cuda") and not torch.cuda.is_available():
            raise UsageError(
                f"params.yaml: machine.device: {self.device}, but torch sees no CUDA device; `podium doctor` says more"
            )
        if self.device.startswith("cuda:"):
            torch.cuda.set_device(self.device)
        # It is one for the whole process; models of one recipe may differ in precision.
        AcceleratorState._reset_state()
        mixed_precision = "no" if precision == "float32" else precision
        # Without a GPU, accelerate takes several processes for ones that know nothing of each other, unless told `cpu`.
        several_on_cpu = "LOCAL_RANK" in os.environ and not torch.cuda.is_available()
        accelerator = Accelerator(cpu=self.device == "cpu" or several_on_cpu, mixed_precision=mixed_precision)
        if accelerator.device.type == "cpu":
            _keep_freed_memory()
        elif accelerator.device.type == "cuda":
            limit_cuda_memory(accelerator.device, self.max_memory_gb)
        elif self.max_memory_gb is not None:
            raise UsageError("params.yaml: machine.max_memory_gb works on CUDA devices and the CPU; set it to auto")
        if precision == "fp16" and accelerator.device.type == "cpu":
            raise UsageError("precision: fp16 needs a GPU; on the CPU use float32 or bf16")
        return accelerator


def _keep_freed_memory() -> None:
    """Let glibc reuse the memory of activations instead of giving it back to the kernel at each step.

    A large tensor is a mapping of its own, whose pages the kernel clears whenever it is made anew.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):
        return  # another C library
    mallopt(_M_MMAP_MAX, 0)
    mallopt(_M_TRIM_THRESHOLD, 2**31 - 1)
    mallopt(_M_TOP_PAD, 2**26)
