"""A training ends where one process does, whoever starts its processes, and on however many machines."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from pipelines.processes import free_port
from pipelines.train import train
from pipelines.workspace import Workspace
from tests.copied_repository import ROOT
from tests.pipelines.drawn_workspace import prepared_workspace

STAGE = ["-m", "pipelines.train", "dogs_vs_cats", "--model", "weighted", "--fold", "0"]
COMPARED = ["train_loss", "validation_log_loss", "validation_accuracy"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Workspace:
    return prepared_workspace(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def by_one(prepared) -> pd.DataFrame:
    """The history of a training in one process."""
    train(prepared, "weighted", 0)
    return history(prepared)


def history(workspace: Workspace) -> pd.DataFrame:
    return pd.read_csv(workspace.fold_run("weighted", 0) / "history.csv")


def launch(workspace: Workspace, *arguments: str, scratch: str = "scratch") -> subprocess.Popen[str]:
    """`accelerate-launch` of the stage, as docs/SEVERAL_DEVICES.md has it."""
    options = ["--multi_gpu", "--num_processes", "2", "--mixed_precision", "no", "--dynamo_backend", "no"]
    program = Path(sys.executable).with_name("accelerate-launch")
    return started(workspace, [str(program), *options, *arguments, *STAGE], scratch)


def started(workspace: Workspace, command: list[str], scratch: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PODIUM_SCRATCH": str(workspace.root / scratch)}
    return subprocess.Popen(
        command, cwd=workspace.root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def ended(*processes: subprocess.Popen[str]) -> list[str]:
    """What each said; nobody is left running, whatever happens."""
    try:
        return [process.communicate(timeout=180)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()


def assert_the_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found[COMPARED], expected[COMPARED], rtol=1e-4)


def test_two_processes_of_accelerate_launch(prepared, by_one):
    (said,) = ended(launch(prepared, "--num_machines", "1", "--main_process_port", str(free_port())))
    assert "2 process(es)" in said, said
    assert_the_same(history(prepared), by_one)


@pytest.mark.slow
def test_two_processes_of_a_notebook(prepared, by_one):
    cell = "from pipelines.notebook import train_in_notebook; train_in_notebook('dogs_vs_cats', 'weighted', 0)"
    (said,) = ended(started(prepared, [sys.executable, "-c", cell], "notebook"))
    assert "2 process(es)" in said, said
    assert_the_same(history(prepared), by_one)


@pytest.mark.slow
def test_a_training_that_fails_in_a_notebook_says_why(prepared):
    cell = "from pipelines.notebook import train_in_notebook; train_in_notebook('dogs_vs_cats', 'weighted', 7)"
    (said,) = ended(started(prepared, [sys.executable, "-c", cell], "notebook"))
    assert "fold 7: 0 rows to validate" in said and "PodiumError: dogs_vs_cats: the training of weighted" in said


@pytest.mark.slow
def test_two_machines(prepared, by_one):
    said = ended(*on_two_machines(prepared, "scratch", "scratch"))
    assert "2 process(es)" in said[0], said[0]
    assert_the_same(history(prepared), by_one)


@pytest.mark.slow
def test_machines_that_share_no_scratch_cache_are_refused_and_do_not_wait_for_ever(prepared):
    said = ended(*on_two_machines(prepared, "one", "other"))
    assert all("the machines do not share the scratch cache" in text for text in said)


def on_two_machines(workspace: Workspace, *scratches: str) -> list[subprocess.Popen[str]]:
    """Both are this one; each starts one of two processes."""
    place = ["--num_machines", "2", "--main_process_ip", "127.0.0.1", "--main_process_port", str(free_port())]
    return [
        launch(workspace, *place, "--machine_rank", str(rank), scratch=scratch)
        for rank, scratch in enumerate(scratches)
    ]
