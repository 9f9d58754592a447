"""`podium cache`: what the list says, what clearing drops and what it keeps."""

import io
import os
import re
import time
from pathlib import Path

import pytest

import pipelines
from common.errors import PodiumError, UsageError
from common.files import write_json
from pipelines.scratch import SCRATCH_KINDS, clear_command, list_command
from pipelines.workspace import Workspace
from tests.pipelines.repository import make_repository
from tests.pipelines.test_clean import held, write


@pytest.fixture
def pets(tmp_path: Path) -> Workspace:
    return make_repository(tmp_path)


@pytest.fixture
def decoded(scratch: Path) -> Path:
    """A map as decode_once leaves it."""
    folder = scratch / "decoded" / "0123456789abcdef0123"
    write(folder / "pixels.bin", 2 * 4 * 4 * 3)
    write_json(folder / "cache.json", {"shape": [2, 4, 4, 3], "dtype": "uint8", "resize": "crop"})
    return folder


def clear(pets: Workspace, *wanted: str) -> None:
    assert clear_command(pets.root, wanted, yes=True) == 0


def test_the_list_says_kind_what_size_and_last_use(
    pets: Workspace, scratch: Path, decoded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training = write(scratch / "training" / "feed" / "checkpoint.safetensors", 3000)
    last_week = time.time() - 7 * 86400
    for path in (training, training.parent):
        os.utime(path, (last_week, last_week))
    assert list_command(pets.root) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{scratch}: ") and lines[0].endswith("in 2 entries")
    today, before = (time.strftime("%Y-%m-%d", time.localtime(when)) for when in (time.time(), last_week))
    assert re.match(rf"decoded +01234567 +2 pictures, 4 px, 3 x uint8, crop +\d+ B +{today} \d\d:\d\d$", lines[1])
    assert re.match(rf"training +feed +the last epoch of an unfinished training +3\.0 kB +{before}", lines[2])


def test_clearing_drops_a_kind_an_entry_or_everything(pets: Workspace, scratch: Path, decoded: Path) -> None:
    training = [write(scratch / "training" / name / "checkpoint.safetensors") for name in ("feed", "beef", "cafe")]
    clear(pets, "decoded", "beef")
    assert not decoded.exists() and [path.exists() for path in training] == [True, False, True]
    clear(pets)
    assert not any(path.exists() for path in training)


def test_what_is_being_written_stays_whole_or_half(pets: Workspace, scratch: Path, decoded: Path) -> None:
    half = write(scratch / "decoded" / ".feed0000.12345678.partial" / "pixels.bin")
    locks = [held(scratch / "decoded" / f"{name}.lock") for name in (decoded.name, "feed0000")]
    try:
        clear(pets)
        assert decoded.exists() and half.exists()
    finally:
        for process in locks:
            process.kill()
            process.wait()
    clear(pets)
    assert not decoded.exists() and not half.exists()


def test_while_a_stage_runs_nothing_goes(pets: Workspace, decoded: Path) -> None:
    (pets.folder / ".locks").mkdir()
    process = held(pets.folder / ".locks" / "train-first-0.lock")
    try:
        clear(pets)
        assert decoded.exists()
    finally:
        process.kill()
        process.wait()


def test_a_folder_with_other_things_in_it_is_left_alone(pets: Workspace, scratch: Path, decoded: Path) -> None:
    write(scratch / "thesis.tex")
    with pytest.raises(PodiumError, match=r"thesis\.tex, which is not ours"):
        clear_command(pets.root, [], yes=True)
    assert decoded.exists()


def test_an_unknown_name_is_a_mistake(pets: Workspace, decoded: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing called 'decode' .*kinds: archives, decoded"):
        clear_command(pets.root, ["decode"], yes=True)
    assert decoded.exists()


def test_without_an_answer_nothing_goes(pets: Workspace, decoded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert clear_command(pets.root, [], yes=False) == 1
    assert decoded.exists()


def test_every_kind_of_scratch_is_known() -> None:
    root = Path(pipelines.__file__ or "").parent.parent
    code = "\n".join(path.read_text() for part in ("common", "pipelines") for path in (root / part).rglob("*.py"))
    assert set(re.findall(r"scratch_folder\(\) / \"(\w+)\"", code)) <= set(SCRATCH_KINDS)
