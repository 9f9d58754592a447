import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import doctor
from tests.pipelines.repository import make_repository

SECRET = "0123456789abcdef"


def environment(home: Path, *folders: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("KAGGLE_")}
    path = os.pathsep.join(map(str, [*folders, "/usr/bin", "/bin"]))
    return kept | {"HOME": str(home), "PATH": path, "COLUMNS": "200"}


def podium_doctor(root: Path, env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).parent / "podium"
    return subprocess.run([program, "doctor"], cwd=root, env=env, capture_output=True, text=True, timeout=120)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_repository(tmp_path)
    (tmp_path / "constraints.txt").write_text(f"# tested\nnumpy=={importlib.metadata.version('numpy')}\n")
    return tmp_path


def test_a_sound_environment_exits_0_and_shows_no_secret(root: Path) -> None:
    (root / ".kaggle").mkdir()
    (root / ".kaggle" / "kaggle.json").write_text(f'{{"username": "someone", "key": "{SECRET}"}}')
    done = podium_doctor(root, environment(root, Path(sys.executable).parent))
    assert done.returncode == 0, done.stdout
    for what in ("Python", "torch", "device", "memory", "disk of the scratch cache", "versions", "dvc"):
        assert what in done.stdout
    assert "kaggle.json" in done.stdout
    assert SECRET not in done.stdout + done.stderr


def test_without_dvc_and_podium_on_the_path_it_exits_1_and_says_what_to_do(root: Path) -> None:
    done = podium_doctor(root, environment(root, root / "empty"))
    assert done.returncode == 1
    wrong = [line for line in done.stdout.splitlines() if line.startswith("wrong")]
    assert [line.split("  ")[1].strip() for line in wrong] == ["dvc", "python on the PATH"]
    assert all("activate" in line for line in wrong)
    assert "make a token on" in done.stdout


def test_only_packages_in_another_version_are_listed() -> None:
    installed = importlib.metadata.version("numpy")
    constraints = f"# exact\n--extra-index-url x\n\nnumpy=={installed}\nnot-there==1.0\npandas==0.1  # old\n"
    differing = doctor.differing_versions(constraints + "torch==0.1; python_version < '3'\n")
    assert differing == [f"pandas {importlib.metadata.version('pandas')}, ==0.1 was tested"]


def test_the_projects_own_constraints_can_be_read() -> None:
    path = Path(doctor.__file__).parent.parent / "constraints.txt"
    assert not any("torch 0" in line for line in doctor.differing_versions(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("version", "state"), [((3, 10), "wrong"), ((3, 11), "ok"), ((3, 13), "ok"), ((3, 14), "wrong")]
)
def test_python_must_be_one_that_is_supported(version: tuple[int, int], state: str) -> None:
    assert doctor.python(version).state == state


def test_a_repository_without_constraints_gets_a_note(tmp_path: Path) -> None:
    (finding,) = doctor.versions(tmp_path / "constraints.txt")
    assert (finding.state, finding.found) == ("note", "there is no constraints.txt")
