import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import doctor
from tests.pipelines.repository import make_repository

SECRET = "0123456789abcdef"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_repository(tmp_path)
    (tmp_path / "constraints.txt").write_text(f"# tested\nnumpy=={importlib.metadata.version('numpy')}\n")
    return tmp_path


@pytest.fixture(autouse=True)
def environment(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of the test's own, and the PATH of an activated environment."""
    for key in [key for key in os.environ if key.startswith("KAGGLE_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("HOME", str(root))
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]))
    monkeypatch.setenv("COLUMNS", "400")


def test_a_sound_environment_exits_0_and_shows_no_secret(root: Path) -> None:
    (root / ".kaggle").mkdir()
    (root / ".kaggle" / "kaggle.json").write_text(f'{{"username": "someone", "key": "{SECRET}"}}')
    done = subprocess.run(["podium", "doctor"], cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    for what in ("Python", "torch", "device", "memory", "disk of the scratch cache", "versions", "dvc"):
        assert what in done.stdout
    assert "kaggle.json" in done.stdout
    assert SECRET not in done.stdout + done.stderr


def test_without_dvc_and_podium_on_the_path_it_exits_1_and_says_what_to_do(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "bin").mkdir()
    (root / "bin" / "python").symlink_to("/bin/false")
    monkeypatch.setenv("PATH", str(root / "bin"))
    assert doctor.doctor_command(root) == 1
    shown = capsys.readouterr().out
    wrong = [line for line in shown.splitlines() if line.startswith("wrong")]
    assert [line.split("  ")[1].strip() for line in wrong] == ["dvc", "python on the PATH"]
    assert all("activate" in line for line in wrong)
    assert "make a token on" in shown


def test_only_packages_in_another_version_are_listed() -> None:
    installed = importlib.metadata.version("numpy")
    constraints = f"# exact\n--extra-index-url x\n\nnumpy=={installed}\nnot-there==1.0\npandas==0.1  # old\n"
    differing = doctor.differing_versions(constraints + "torch==0.1; python_version < '3'\n")
    assert differing == [f"pandas {importlib.metadata.version('pandas')}, ==0.1 was tested"]


@pytest.mark.parametrize(
    ("version", "state"), [((3, 10), "wrong"), ((3, 11), "ok"), ((3, 13), "ok"), ((3, 14), "wrong")]
)
def test_python_must_be_one_that_is_supported(version: tuple[int, int], state: str) -> None:
    assert doctor.python(version).state == state


def test_a_repository_without_constraints_gets_a_note(tmp_path: Path) -> None:
    (finding,) = doctor.versions(tmp_path / "elsewhere" / "constraints.txt")
    assert (finding.state, finding.found) == ("note", "there is no constraints.txt")
