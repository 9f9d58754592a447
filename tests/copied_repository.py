"""A copy of this repository in a folder of the test's own, with a recipe that runs in seconds."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KILL_SWITCH = ROOT / "tests" / "kill_switch"

# Every kind of stage, each as small as it goes.
TINY_RECIPE = """
recipe: sample
source: {kind: sample, path: sample.py}
preprocess: {max_unreadable: 1}
folds: 2
folds_to_run: [0, 1]
split: {near_duplicate_bits: 4}
extra: []
use_corrections: false
models:
  tiny:
    architecture: test_convnext
    weights: none
    image_size_px: 32
    epochs: 2
    learning_rate: 3.0e-3
    effective_batch_size: 32
tta: {views: 1, plain_weight: 0.5}
ensemble: {probability_clip: 0.01}
submit: {min_correlation: 0.9}
"""


def copy_repository(folder: Path, recipe: str = TINY_RECIPE) -> Path:
    """Copy what git knows or would take, as it lies here, and make it a repository of its own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / "competitions/dogs_vs_cats/params.yaml").write_text(recipe)
    (folder / "competitions/dogs_vs_cats/dvc.lock").unlink(missing_ok=True)
    (folder / "dvc.lock").unlink(missing_ok=True)
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    return folder


def set_machine(folder: Path, **keys: object) -> None:
    """Set keys under `machine` of the copy's params.yaml."""
    lines = (folder / "params.yaml").read_text().splitlines()
    for key, value in keys.items():
        lines = [f"  {key}: {value}" if line.strip().startswith(f"{key}:") else line for line in lines]
    (folder / "params.yaml").write_text("\n".join(lines) + "\n")


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a user who has activated the copy's own installation."""
    binaries = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{folder}{os.pathsep}{KILL_SWITCH}",
        "PODIUM_SCRATCH": str(folder.parent / f"{folder.name}-scratch"),
        **more,
    }


def repro(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `dvc repro` in the copy, as the leader of a process group that a test may kill."""
    # Into a file, not a pipe: helpers that outlive a killed stage would keep a pipe open.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(
            ["dvc", "repro", *(arguments or ("dogs_vs_cats",))],
            cwd=folder,
            env=environment(folder, **more),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        output.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, output.read())


def stages_run(output: str) -> list[str]:
    """The stages that `dvc repro` ran, from what it printed, without the folder."""
    marks = [line for line in output.splitlines() if line.startswith("Running stage '")]
    return [line.split("'")[1].rpartition(":")[2] for line in marks]
