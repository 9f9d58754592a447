"""Kill -9 at any moment of any stage, then `dvc repro`: the result is that of an unbroken run.

Each stage is killed half way with all its helpers and dvc, and alone just before an output gets its name; the
slow test kills at more moments, and leaves orphans that go on writing. In the end the submission must be the
unbroken one, byte for byte.
"""

import random
from pathlib import Path

import pytest

from tests.copied_repository import copy_repository, repro, set_machine

STAGES = ("code", "download", "preprocess", "split", "labels", "train", "tta", "ensemble", "submit", "report")
TARGETS = {"train": "train@tiny-0", "tta": "tta@tiny"}
RESULTS = ("submission.csv", "split.json", "ensemble/cv.json", "data/unreadable.csv", "runs/tiny/tta.json")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A finished copy, and how many seconds each stage took in it."""
    folder = copy_repository(tmp_path_factory.mktemp("unbroken") / "podium")
    set_machine(folder, threads=1, loader_workers=0)
    times = folder.parent / "times.txt"
    run = repro(folder, PODIUM_TEST_TIMES=str(times))
    assert run.returncode == 0, run.stdout
    seconds = {stage: float(text) for stage, text in (line.split() for line in times.read_text().splitlines())}
    return folder, seconds


def kill_and_go_on(folder: Path, stage: str, moment: str, victims: str) -> str:
    """Run up to `stage` with the kill planned; returns what dvc printed."""
    target = f"competitions/dogs_vs_cats/dvc.yaml:{TARGETS.get(stage, stage)}"
    run = repro(folder, target, PODIUM_TEST_KILL=f"{stage} {moment} {victims}")
    if victims != "parents":
        assert run.returncode != 0, f"{stage} was not killed at {moment}: {run.stdout}"
    return run.stdout


def assert_same_results(unbroken: Path, survivor: Path) -> None:
    run = repro(survivor)
    assert run.returncode == 0, run.stdout
    for name in RESULTS:
        expected = (unbroken / "competitions/dogs_vs_cats" / name).read_bytes()
        assert (survivor / "competitions/dogs_vs_cats" / name).read_bytes() == expected, name
    left_over = list((survivor / "competitions").rglob("*.partial"))
    assert not left_over, "half-written files are swept away by the next writer"


def test_every_stage_survives_a_kill(unbroken, tmp_path):
    whole, seconds = unbroken
    survivor = copy_repository(tmp_path / "podium")
    set_machine(survivor, threads=1, loader_workers=2)
    for stage in STAGES:
        kill_and_go_on(survivor, stage, f"{seconds[stage] / 2:.2f}", "group")
        kill_and_go_on(survivor, stage, "rename", "alone")
    assert_same_results(whole, survivor)


def test_an_orphaned_training_that_goes_on_writing_does_no_harm(unbroken, tmp_path):
    whole, seconds = unbroken
    survivor = copy_repository(tmp_path / "podium")
    set_machine(survivor, threads=1, loader_workers=2)
    kill_and_go_on(survivor, "train", f"{seconds['train'] * 0.6:.2f}", "parents")
    assert_same_results(whole, survivor)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [1, 2])
def test_every_stage_survives_kills_at_drawn_moments(unbroken, tmp_path, seed):
    whole, seconds = unbroken
    survivor = copy_repository(tmp_path / "podium")
    set_machine(survivor, threads=1, loader_workers=2)
    draw = random.Random(seed)
    for stage in STAGES:
        for victims in ("alone", "group", "parents"):
            kill_and_go_on(survivor, stage, f"{draw.uniform(0, 0.9) * seconds[stage]:.2f}", victims)
    assert_same_results(whole, survivor)
