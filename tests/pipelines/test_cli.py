"""The command line as a person uses it: exit codes, one message, help that suffices."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from common.files import write_json
from pipelines.cli import app, main
from pipelines.workspace import Workspace
from tests.pipelines.repository import RECIPE, make_repository

COMMANDS = [
    "new",
    "predict",
    "use",
    "set",
    "recipes",
    "show",
    "correlate",
    "doctor",
    "clean",
    "cache",
    "augment",
    "dicom",
]


PROGRAM = Path(sys.executable).parent / "podium"


@dataclass(frozen=True)
class Outcome:
    returncode: int
    stdout: str
    stderr: str


Podium = Callable[..., Outcome]


@pytest.fixture
def podium(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Podium:
    """What the program does when it is called with these arguments in the folder `here`."""

    def run(*arguments: str, here: Path) -> Outcome:
        monkeypatch.chdir(here)
        monkeypatch.setattr("sys.argv", ["podium", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return Outcome(ended.value.code, *capsys.readouterr())

    return run


@pytest.fixture
def pets(tmp_path: Path) -> Workspace:
    return make_repository(tmp_path)


def test_help_names_every_command(tmp_path: Path) -> None:
    shown = subprocess.run([PROGRAM, "--help"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert all(f" {command} " in shown.stdout for command in COMMANDS)


def test_what_the_command_line_imports_is_little() -> None:
    code = "import sys, pipelines.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "pandas", "numpy", "dvc", "timm", "pydantic"} & set(done.stdout.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_says_what_it_does_with_an_example(command: str) -> None:
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert f"Example: podium {command}" in shown.output


def test_commands_work_from_any_folder_inside(podium: Podium, pets: Workspace) -> None:
    done = podium("set", "pets", "models.first.epochs=3", "tta.views=0", here=pets.folder / "recipes")
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["models.first.epochs: 8 -> 3", "tta.views: 4 -> 0"]
    assert "epochs: 3 " in pets.params_path.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["set", "pets", "models.first.epoch=3"], "did you mean 'models.first.epochs'"),
        (["use", "pets", "larger"], "did you mean 'large'"),
        (["show", "petz"], "no competition 'petz'"),
        (["nonsense"], "No such command"),
    ],
)
def test_a_mistake_is_one_message_and_exit_code_2(
    podium: Podium, pets: Workspace, arguments: list[str], message: str
) -> None:
    done = podium(*arguments, here=pets.root)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert pets.params_path.read_text() == RECIPE


def test_outside_a_repository_it_says_so(podium: Podium, tmp_path: Path) -> None:
    done = podium("show", "pets", here=tmp_path)
    assert done.returncode == 2
    assert "not inside a Podium repository" in done.stderr


def test_ctrl_c_ends_with_130_and_no_traceback(pets: Workspace) -> None:
    # A params.yaml that is a pipe, into which nobody writes, keeps the command waiting.
    pets.params_path.unlink()
    os.mkfifo(pets.params_path)
    process = subprocess.Popen(
        [PROGRAM, "recipes", "pets"], cwd=pets.root, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    writer = os.open(pets.params_path, os.O_WRONLY)  # returns once podium has begun to read
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    os.close(writer)
    assert process.returncode == 130
    assert "Traceback" not in errors


def test_show_before_a_run_says_what_to_run(podium: Podium, pets: Workspace) -> None:
    done = podium("show", "pets", here=pets.root)
    assert done.returncode == 1
    assert "ensemble/cv.json" in done.stderr
    assert "dvc repro pets" in done.stderr


def test_show_prints_score_checks_and_paths(podium: Podium, pets: Workspace) -> None:
    score = {"score": 0.12345, "standard_error": 0.01234}
    write_json(
        pets.ensemble("cv.json"),
        {
            **score,
            "recipe": "small",
            "metric": "log loss",
            "direction": "minimize",
            "caveat": "the weights have seen these pictures",
            "rows": 1238,
            "folds": {"0": 0.1, "1": 0.15},
            "members": {"first plain": {**score, "weight": 0.25}, "second tta": {**score, "weight": 0.75}},
            "accuracy": {"score": 0.9512, "standard_error": 0.004},
            "weighting": {"chosen": "equal", "equal": 0.12345, "fitted": 0.13012},
        },
    )
    checks = [
        {"name": "ids", "ok": True, "detail": "80, those of sample_submission.csv"},
        {"name": "range", "ok": False, "detail": "row 3: 1.2"},
    ]
    write_json(pets.submission_report, {"rows": 80, "checks": checks})
    pets.submission.touch()
    pets.report.parent.mkdir()
    pets.report.touch()
    lines = podium("show", "pets", here=pets.root).stdout.splitlines()
    assert lines == [
        "recipe      small",
        "CV score    log loss 0.1235 ± 0.0123 (standard error, 1,238 rows; lower is better)",
        "  mind      the weights have seen these pictures",
        "  folds     0: 0.1000   1: 0.1500",
        "  accuracy  0.9512 ± 0.0040",
        "  weights   equal: 0.1235 on rows they were not fitted to, fitted 0.1301",
        "  member    second tta: 0.1235 ± 0.0123, weight 0.75",
        "  member    first plain: 0.1235 ± 0.0123, weight 0.25",
        "submission  competitions/pets/submission.csv (80 rows)",
        "  ok        ids    80, those of sample_submission.csv",
        "  FAILED    range  row 3: 1.2",
        "report      competitions/pets/report/index.html",
    ]
    pets.params_path.write_text(RECIPE.replace("recipe: small", "recipe: large"))
    assert podium("show", "pets", here=pets.root).stdout.splitlines() == [
        "recipe      small",
        "  params.yaml has changed since: run dvc repro pets",
        *lines[1:],
    ]


def test_correlate_passes_its_exit_code_on_and_prints_json(podium: Podium, tmp_path: Path) -> None:
    known_good, new = tmp_path / "good.csv", tmp_path / "new.csv"
    known_good.write_text("id,label\n" + "".join(f"{row},{(row * 37) % 101 / 100}\n" for row in range(1, 60)))
    new.write_text("id,label\n" + "".join(f"{row},{1 - (row * 37) % 101 / 100:.2f}\n" for row in range(1, 60)))
    assert podium("correlate", str(known_good), str(known_good), here=tmp_path).returncode == 0
    done = podium("correlate", str(new), str(known_good), "--json", here=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["diagnosis"] == "inverted"
