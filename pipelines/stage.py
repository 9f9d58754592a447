"""How every stage starts and ends: arguments, the lock on its outputs, errors as one message."""

import argparse
import inspect
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock

from common.errors import PodiumError
from pipelines.workspace import Workspace


def run(
    stage: Callable[..., None],
    in_processes: Callable[[Workspace, str], int | None] | None = None,
    **arguments: Callable[[str], Any],
) -> None:
    """Run `stage(workspace, **arguments)` from the command line `python -m pipelines.STAGE NAME --model M`.

    An argument for which `stage` has a default may be left out.

    in_processes  may run the stage, by its module's name, in processes that share the work, and give the exit code;
                  None where one process does it
    """
    module = Path(sys.modules[stage.__module__].__file__ or "stage").stem
    parser = argparse.ArgumentParser(prog=f"python -m pipelines.{module}", description=stage.__doc__)
    parser.add_argument("name", help="the competition's folder")
    defaults = {name: one.default for name, one in inspect.signature(stage).parameters.items()}
    required = [name for name in arguments if defaults[name] is inspect.Parameter.empty]
    for argument, kind in arguments.items():
        default = None if argument in required else defaults[argument]
        parser.add_argument(f"--{argument}", type=kind, required=argument in required, default=default)
    given = vars(parser.parse_args())
    name = given.pop("name")
    try:
        workspace = Workspace.open(name)
        key = output_key(module, {argument: given[argument] for argument in required})
        if in_processes and "RANK" not in os.environ:
            output_lock(workspace, key).release()  # waits for an earlier run here, rather than one process for another
            code = in_processes(workspace, f"pipelines.{module}")
            if code is not None:
                sys.exit(code)
        with own_part(workspace, key):
            stage(workspace, **given)
    except PodiumError as error:
        print(f"\n{module} {name}: {error}\n", file=sys.stderr)
        if not is_first_process():
            time.sleep(1)  # where all fail of the same, the first one is to be seen to fail
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print(f"\n{module} {name}: stopped; `dvc repro {name}` goes on from here", file=sys.stderr)
        sys.exit(130)


def output_key(module: str, given: Mapping[str, object]) -> str:
    """What names the outputs of a stage with these arguments."""
    return "-".join([module, *map(str, given.values())])


def is_first_process() -> bool:
    """Whether this is the only process of a stage, or the first of those that share it."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def own_part(workspace: Workspace, key: str) -> Iterator[None]:
    """Of several processes the first one speaks, writes, and holds the lock: it may outlive the one that started it."""
    if is_first_process():
        with output_lock(workspace, key):
            yield
    else:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        yield


def output_lock(workspace: Workspace, key: str) -> filelock.BaseFileLock:
    """One writer at a time for a stage's outputs.

    A killed `dvc` leaves its stage running, which may still write: the next run waits here until it has
    ended. The kernel drops the lock when its holder dies, however it dies.
    """
    folder = workspace.folder / ".locks"
    folder.mkdir(exist_ok=True)
    path = folder / f"{key}.lock"
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        print(f"{key}: an earlier run of this stage is still writing; waiting until it has ended ...", flush=True)
        lock.acquire()
    os.utime(path)
    return lock
