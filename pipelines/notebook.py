"""Training from a notebook, where Kaggle's two GPUs are at hand: a process a GPU, forked from the notebook itself."""

import os
import sys

import torch
from accelerate import notebook_launcher
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

from common.errors import PodiumError, StartAgain
from pipelines.processes import free_port, process_count
from pipelines.stage import output_key, output_lock, own_part
from pipelines.train import train
from pipelines.workspace import Machine, Workspace


def train_in_notebook(name: str, model: str, fold: int | str) -> None:
    """Train MODEL without FOLD (or on all rows: `all-SEED`), as the stage `train@MODEL-FOLD` does.

    It takes a process for each GPU, or as many as `machine.processes` in the root params.yaml says. Call it from a
    folder in the repository, before anything in the notebook has used a GPU: a process that has cannot be forked.

    Raises PodiumError where the training fails; its reason is printed above.
    """
    workspace = Workspace.open(name)
    count = process_count(Machine.of(workspace), torch.cuda.device_count(), torch.backends.mps.is_available())
    key = output_key("train", {"model": model, "fold": fold})
    output_lock(workspace, key).release()  # waits for an earlier run here, rather than one process for another
    if count == 1:
        with own_part(workspace, key):
            train(workspace, model, fold)
        return
    while True:
        try:
            notebook_launcher(_train, (name, model, fold), num_processes=count, use_port=str(free_port()))
            return
        except ChildFailedError as error:
            _, failure = error.get_first_failure()
            if failure.exitcode != StartAgain.exit_code:
                raise PodiumError(f"{name}: the training of {model}, fold {fold} failed; see above") from None


def _train(name: str, model: str, fold: int | str) -> None:
    """One of several processes; it ends with the exit code that the stage would have."""
    try:
        workspace = Workspace.open(name)
        with own_part(workspace, output_key("train", {"model": model, "fold": fold})):
            train(workspace, model, fold)
    except PodiumError as error:
        print(f"\ntrain {name} (process {os.environ['RANK']}): {error}\n", file=sys.stderr, flush=True)
        sys.exit(error.exit_code)
