"""Can this machine run a competition? Each check says what was found and, where it matters, what to do."""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil
from packaging.requirements import InvalidRequirement, Requirement
from rich.console import Console
from rich.table import Table

from common.errors import PodiumError
from common.files import scratch_folder
from common.kaggle.credentials import TOKEN_PAGE, find_credentials
from pipelines.workspace import find_root

_GOOD_PYTHONS = ((3, 11), (3, 13))
_LOW_DISK_BYTES = 5e9
_LOW_MEMORY_BYTES = 3e9
_MARKS = {"ok": "[green]ok[/]", "note": "[yellow]note[/]", "wrong": "[red]wrong[/]"}


@dataclass(frozen=True)
class Finding:
    """One line of the table; `wrong` means that no run can work before it is mended."""

    what: str
    state: Literal["ok", "note", "wrong"]
    found: str
    remedy: str = ""


def doctor_command(here: Path) -> int:
    """Print the table; returns 1 where something essential is broken."""
    root = find_root(here)
    findings = list(examine(root))
    table = Table(box=None, pad_edge=False)
    for column in ("", "", "found", "what to do"):
        table.add_column(column, overflow="fold")  # a path that is cut off helps nobody
    for finding in findings:
        table.add_row(_MARKS[finding.state], finding.what, finding.found, finding.remedy)
    Console().print(table)
    return 1 if any(finding.state == "wrong" for finding in findings) else 0


def examine(root: Path) -> Iterator[Finding]:
    """All findings about this machine and the repository at `root`."""
    yield python(sys.version_info[:2])
    yield from torch_and_device()
    yield memory()
    yield disk("disk of the repository", root)
    yield disk("disk of the scratch cache", scratch_folder())
    yield kaggle()
    yield from versions(root / "constraints.txt")
    yield dvc()
    yield python_on_path()


def python(version: tuple[int, ...]) -> Finding:
    found = f"{'.'.join(map(str, version))} in {sys.prefix}"
    if _GOOD_PYTHONS[0] <= version <= _GOOD_PYTHONS[1]:
        return Finding("Python", "ok", found)
    return Finding("Python", "wrong", found, "use Python 3.11 to 3.13: make setup PYTHON=python3.13")


def torch_and_device() -> Iterator[Finding]:
    """torch, and the device that `device: auto` takes."""
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Finding("torch", "wrong", f"does not import: {error}", "make setup")
        return
    yield Finding("torch", "ok", torch.__version__)
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(index)
            found = f"{about.name}, {about.total_memory / 2**30:.0f} GB, capability {about.major}.{about.minor}"
            advice = "" if about.major >= 8 else "precision: fp16 in recipes; this GPU is slow in bf16"
            yield Finding(f"device cuda:{index}", "ok", found, advice)
    elif torch.backends.mps.is_available():
        yield Finding("device mps", "ok", "Apple GPU", "precision: float32 in recipes")
    else:
        found = f"no GPU that torch can use; {torch.get_num_threads()} CPU threads"
        advice = "recipes sample and cpu; with an NVIDIA GPU: a CUDA build of torch (pytorch.org)"
        yield Finding("device cpu", "ok", found, advice)


def memory() -> Finding:
    now = psutil.virtual_memory()
    found = f"{now.available / 1e9:.1f} GB free of {now.total / 1e9:.1f} GB"
    if now.available < _LOW_MEMORY_BYTES:
        return Finding("memory", "note", found, "close other programs, or lower machine.workers in params.yaml")
    return Finding("memory", "ok", found)


def disk(what: str, folder: Path) -> Finding:
    usage = shutil.disk_usage(folder)
    found = f"{usage.free / 1e9:.1f} GB free in {folder}"
    if not os.access(folder, os.W_OK):
        return Finding(what, "wrong", f"{folder} is read-only", "copy the repository, or set PODIUM_SCRATCH")
    if usage.free < _LOW_DISK_BYTES:
        return Finding(what, "note", found, "podium clean, podium cache, or PODIUM_SCRATCH=FOLDER on a larger disk")
    return Finding(what, "ok", found)


def kaggle() -> Finding:
    """Where credentials lie; they are neither read aloud nor tried."""
    place = find_credentials()
    if place:
        return Finding("Kaggle credentials", "ok", f"found: {place}")
    advice = f"only for downloads and submissions: make a token on {TOKEN_PAGE}"
    return Finding("Kaggle credentials", "note", "none", advice)


def versions(constraints: Path) -> Iterator[Finding]:
    """What podium needs must be installed; another version than the tested one is worth a note."""
    needed = [Requirement(line) for line in importlib.metadata.requires("podium") or ()]
    absent = [one.name for one in needed if _applies(one) and _installed(one.name) is None]
    if absent:
        yield Finding("packages", "wrong", f"not installed: {', '.join(absent)}", "make setup")
    if not constraints.is_file():
        yield Finding("versions", "note", "there is no constraints.txt", f"git checkout {constraints.name}")
        return
    differing = differing_versions(constraints.read_text(encoding="utf-8"))
    if differing:
        advice = "make setup, for the set that the tests ran on; others mostly work"
        yield Finding("versions", "note", "\n".join(differing), advice)
    elif not absent:
        yield Finding("versions", "ok", f"those of {constraints.name}")


def differing_versions(constraints: str) -> list[str]:
    """A line for each package that is installed in another version than constraints.txt has."""
    differing = []
    for line in constraints.splitlines():
        try:
            pinned = Requirement(line.partition("#")[0].strip())
        except InvalidRequirement:
            continue  # a blank or comment line, or an option of pip
        installed = _installed(pinned.name)
        if _applies(pinned) and installed and not pinned.specifier.contains(installed, prereleases=True):
            differing.append(f"{pinned.name} {installed}, {pinned.specifier} was tested")
    return differing


def dvc() -> Finding:
    path = shutil.which("dvc")
    advice = f"put {Path(sys.executable).parent} on the PATH: source {Path(sys.prefix) / 'bin/activate'}"
    if path is None:
        return Finding("dvc", "wrong", "not on the PATH", advice)
    done = _run([path, "--version"])
    version = re.search(r"\d+\.\d+\S*", done.stdout)
    if done.returncode or not version:
        return Finding("dvc", "wrong", f"{path} does not run: {done.stderr.strip()[-200:]}", advice)
    if version[0].split(".")[0] != "3":
        return Finding("dvc", "wrong", f"{version[0]} ({path})", f"DVC 3 is needed; {advice}")
    return Finding("dvc", "ok", f"{version[0]} ({path})")


def python_on_path() -> Finding:
    """The stages are run as `python -m pipelines.STAGE`, by whatever `python` the PATH gives."""
    what, path = "python on the PATH", shutil.which("python")
    advice = f"stages are run by it: source {Path(sys.prefix) / 'bin/activate'}"
    if path is None:
        return Finding(what, "wrong", "none", advice)
    done = _run([path, "-c", "import sys, importlib.metadata as m; m.version('podium'); print(sys.prefix)"])
    if done.returncode:
        return Finding(what, "wrong", f"{path} does not have podium", advice)
    prefix = done.stdout.strip()
    if Path(prefix).resolve() != Path(sys.prefix).resolve():
        return Finding(what, "note", f"{path}, of another environment ({prefix})", advice)
    return Finding(what, "ok", path)


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _run(command: list[str]) -> "subprocess.CompletedProcess[str]":
    command = [os.path.abspath(command[0]), *command[1:]]
    try:
        # From another folder: in the repository every python finds the project, installed or not.
        return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=Path(command[0]).anchor)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PodiumError(f"{' '.join(command)}: {error}") from error
