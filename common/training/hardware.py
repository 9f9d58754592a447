"""The device that a stage computes on."""

from dataclasses import dataclass

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState

from common.errors import UsageError


@dataclass(frozen=True)
class Hardware:
    """Where and with what help to compute; changes the time, not the result."""

    device: str = "auto"  # auto, cpu, cuda, cuda:1, mps
    loader_workers: int = 0
    threads: int = 1  # of torch, on the CPU

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
        accelerator = Accelerator(
            cpu=self.device == "cpu",
            mixed_precision={"float32": "no"}.get(precision, precision),
            # While the head is trained alone, the body's parameters get no gradient.
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
        )
        if precision == "fp16" and accelerator.device.type == "cpu":
            raise UsageError("precision: fp16 needs a GPU; on the CPU use float32 or bf16")
        return accelerator
