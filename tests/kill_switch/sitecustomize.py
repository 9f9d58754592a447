"""Python runs this file at its start when its folder is on PYTHONPATH: it kills a stage at a planned moment.

PODIUM_TEST_KILL is `STAGE MOMENT VICTIMS`: the stage's module, `rename` (just before a finished output gets its
name) or seconds after the start (at the latest at such a rename), and who dies: `alone` (the stage; its helpers
are orphaned), `group` (all: dvc, the stage, its helpers) or `parents` (dvc; the stage goes on writing).
PODIUM_TEST_TIMES names a file to which each stage adds its name and how long it ran.
"""

import atexit
import os
import signal
import sys
import threading
import time

_module = next((word for word in sys.orig_argv if word.startswith("pipelines.")), "")


def _kill(victims: str) -> None:
    os.environ.pop("PODIUM_TEST_KILL")
    if victims == "group":
        os.killpg(os.getpgrp(), signal.SIGKILL)
    if victims == "alone":
        os.kill(os.getpid(), signal.SIGKILL)
    import psutil

    leader = os.getpgrp()
    for parent in psutil.Process().parents():
        if os.getpgid(parent.pid) == leader:
            parent.kill()


def _plan(stage: str, moment: str, victims: str) -> None:
    if _module != f"pipelines.{stage}":
        return
    if moment != "rename":
        timer = threading.Timer(float(moment), _kill, [victims])
        timer.daemon = True
        timer.start()
    # A run that is faster than planned dies here at the latest.
    replace = os.replace

    def replace_or_die(source, destination, **keywords):  # type: ignore[no-untyped-def]
        if f"{os.sep}competitions{os.sep}" in os.path.abspath(destination) and "PODIUM_TEST_KILL" in os.environ:
            _kill(victims)
        replace(source, destination, **keywords)

    os.replace = replace_or_die  # type: ignore[assignment]


if _module and os.environ.get("PODIUM_TEST_TIMES"):
    _begin = time.monotonic()

    def _note() -> None:
        with open(os.environ["PODIUM_TEST_TIMES"], "a") as file:
            file.write(f"{_module.removeprefix('pipelines.')} {time.monotonic() - _begin:.3f}\n")

    atexit.register(_note)
if _module and os.environ.get("PODIUM_TEST_KILL"):
    _plan(*os.environ["PODIUM_TEST_KILL"].split())
