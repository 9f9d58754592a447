"""A stage in several processes that share its work: each is this program once more, told its rank.

`accelerate launch` does this too (docs/SEVERAL_DEVICES.md), but puts a report of its own in place of a stage's exit
code and message. What accelerate needs to know is in a few environment variables, so they are set here, the same
way for the CPU and for GPUs. A stage that finds them set is one of several processes, whoever started it.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import torch
from accelerate import Accelerator
from accelerate.utils import check_cuda_p2p_ib_support, gather_object

from common.errors import StartAgain, UsageError
from common.files import write_text
from pipelines.workspace import Machine, Workspace

_STOP_SECONDS = 10.0


def in_processes(workspace: Workspace, module: str) -> int | None:
    """Run this program's `module` in as many processes as the machine suits; None where that is one."""
    count = process_count(Machine.of(workspace), torch.cuda.device_count(), torch.backends.mps.is_available())
    return run_in_processes([sys.executable, "-m", module, *sys.argv[1:]], count) if count > 1 else None


def process_count(machine: Machine, cuda_devices: int, has_apple_gpu: bool) -> int:
    """Processes that share a training: as told, else one a CUDA device; UsageError where they find no device each."""
    on_cuda = machine.device == "cuda" or (machine.device == "auto" and cuda_devices > 0)
    if machine.processes is None:
        return max(1, cuda_devices) if on_cuda else 1
    on_apple_gpu = machine.device == "mps" or (machine.device == "auto" and has_apple_gpu)
    room = cuda_devices if on_cuda else 1 if on_apple_gpu or machine.device.startswith("cuda:") else None
    if room is not None and machine.processes > max(1, room):
        raise UsageError(
            f"params.yaml: machine.processes: {machine.processes}, but machine.device: {machine.device} gives {room} "
            "device(s), one a process"
        )
    return machine.processes


def require_one_training(accelerator: Accelerator, folder: Path) -> None:
    """Refuse processes that are not about to train the same with the same files.

    folder  in the scratch cache, named by all that the training depends on; every process has to see what the
            first one writes there, as its checkpoints

    Raises UsageError in every process: they would else wait for each other for ever.
    """
    if accelerator.num_processes == 1:
        return
    if len(set(gather_object([folder.name]))) > 1:
        raise UsageError(
            "the machines do not have the same recipe, code or data: let them share one checkout of the repository, "
            "with what its stages wrote"
        )
    sign = folder / "shared_by_all"
    if accelerator.is_main_process:
        write_text(sign, "")
    accelerator.wait_for_everyone()
    if not all(gather_object([sign.is_file()])):
        raise UsageError(
            f"the machines do not share the scratch cache: {sign} is not there on all of them; let PODIUM_SCRATCH name "
            "a folder on a disk that they share"
        )


def run_in_processes(command: Sequence[str], count: int) -> int:
    """Run `command` in `count` processes at once, and again whenever they ask for it; returns the exit code.

    The first process alone writes to the terminal; another one's messages are shown where it failed alone.
    """
    while True:
        code = _run_once(command, count)
        if code != StartAgain.exit_code:
            return code


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _run_once(command: Sequence[str], count: int) -> int:
    shared = {
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
    }
    if not check_cuda_p2p_ib_support():
        shared |= {"NCCL_P2P_DISABLE": "1", "NCCL_IB_DISABLE": "1"}  # graphics cards that cannot talk to each other
    children: list[subprocess.Popen] = []
    messages: list[IO[bytes] | None] = [None, *(tempfile.TemporaryFile() for _ in range(1, count))]  # noqa: SIM115
    try:
        for rank, file in enumerate(messages):
            environment = os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            children.append(subprocess.Popen(command, env=environment, stderr=file))
        failed = _wait(children)
    finally:
        _stop(children)  # they would wait for one that is gone
    if failed is None:
        return 0
    if file := messages[failed]:
        file.seek(0)
        sys.stderr.write(file.read().decode(errors="replace"))
    code = children[failed].returncode
    return code if code > 0 else 128 - code


def _wait(children: list[subprocess.Popen]) -> int | None:
    """Until all have ended well (None), or one has failed: its rank."""
    while True:
        codes = [child.poll() for child in children]
        for rank, code in enumerate(codes):
            if code:
                return rank
        if None not in codes:
            return None
        time.sleep(0.05)


def _stop(children: list[subprocess.Popen]) -> None:
    for child in children:
        child.terminate()
    for child in children:
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
