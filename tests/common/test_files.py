"""A file or folder is what it was before or what it should become, whatever happens to the writer."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from common.files import read_json, remove, replacing, scratch_folder, write_json, write_text


def content(folder: Path) -> dict[str, str]:
    """Every file under `folder`, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_file_is_written_with_its_folders(tmp_path):
    write_text(tmp_path / "runs" / "0" / "note.txt", "grün\n")
    assert (tmp_path / "runs" / "0" / "note.txt").read_bytes() == "grün\n".encode()


def test_nothing_is_to_be_seen_until_the_writer_is_done(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with replacing(tmp_path / "a.txt") as beside:
        beside.write_text("new")
        assert (tmp_path / "a.txt").read_text() == "old"
    assert content(tmp_path) == {"a.txt": "new"}


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(RuntimeError), replacing(tmp_path / "a.txt") as beside:
        beside.write_text("ne")
        raise RuntimeError
    assert content(tmp_path) == {"a.txt": "old"}


def test_a_folder_is_replaced_whole(tmp_path):
    for names in (["weights", "history"], ["weights"]):
        with replacing(tmp_path / "fold") as beside:
            beside.mkdir()
            for name in names:
                (beside / name).write_text(str(len(names)))
    assert content(tmp_path) == {"fold/weights": "1"}


def test_a_failed_write_leaves_the_old_folder_and_nothing_else(tmp_path):
    with replacing(tmp_path / "fold") as beside:
        (beside / "deep").mkdir(parents=True)
        (beside / "deep" / "weights").write_text("old")
    with pytest.raises(RuntimeError), replacing(tmp_path / "fold") as beside:
        beside.mkdir()
        (beside / "other").write_text("new")
        raise RuntimeError
    assert content(tmp_path) == {"fold/deep/weights": "old"}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_writer_that_wrote_nothing_fails_and_takes_nothing_away(tmp_path, kind):
    with replacing(tmp_path / "old") as beside:
        if kind == "folder":
            beside.mkdir()
            beside = beside / "inside"
        beside.write_text("old")
    before = content(tmp_path)
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "old"):
        pass
    assert content(tmp_path) == before


def test_a_folder_gives_way_to_a_file_and_a_file_to_a_folder(tmp_path):
    path = tmp_path / "it"
    write_text(path, "file")
    with replacing(path) as beside:
        beside.mkdir()
        (beside / "inside").write_text("folder")
    assert content(tmp_path) == {"it/inside": "folder"}
    write_text(path, "file")
    assert content(tmp_path) == {"it": "file"}


def test_a_link_is_replaced_and_what_it_points_to_is_left_alone(tmp_path):
    (tmp_path / "theirs").mkdir()
    write_text(tmp_path / "theirs" / "a.txt", "theirs")
    for name, target in (("link.txt", "theirs/a.txt"), ("link", "theirs")):
        (tmp_path / name).symlink_to(tmp_path / target)
        write_text(tmp_path / name, "ours")
    assert content(tmp_path) == {"theirs/a.txt": "theirs", "link.txt": "ours", "link": "ours"}
    assert not (tmp_path / "link.txt").is_symlink() and not (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("name", ["data[1].csv", "fold"])
def test_left_overs_of_this_path_are_swept_and_those_of_others_are_not(tmp_path, name):
    (tmp_path / f".{name}.0123abcd.partial").write_text("left over")
    (tmp_path / f".{name}.89abcdef.partial").mkdir()
    (tmp_path / f".{name}.json.0123abcd.partial").write_text("another writer's")
    write_text(tmp_path / name, "new")
    assert content(tmp_path) == {name: "new", f".{name}.json.0123abcd.partial": "another writer's"}
    assert not (tmp_path / f".{name}.89abcdef.partial").exists()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_killed_writer_leaves_the_old_content_and_the_next_one_sweeps_up(tmp_path, kind):
    def write(text):
        with replacing(tmp_path / "it") as beside:
            if kind == "folder":
                beside.mkdir()
                beside = beside / "inside"
            beside.write_text(text)

    write("old")
    before = content(tmp_path)
    program = f"""
        import sys, time
        from pathlib import Path
        from common.files import replacing
        with replacing(Path(sys.argv[1])) as beside:
            if {kind == "folder"}:
                beside.mkdir()
                beside = beside / "inside"
            beside.write_text("half of the n")
            print("half way", flush=True)
            time.sleep(60)
    """
    writer = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "it")],
        stdout=subprocess.PIPE,
        text=True,
    )
    with writer:
        assert writer.stdout.readline() == "half way\n"
        writer.send_signal(signal.SIGKILL)
    after = content(tmp_path)
    assert before.items() < after.items(), "the old content, and a left-over"
    write("new")
    assert list(content(tmp_path).values()) == ["new"]


def test_equal_content_is_equal_bytes_of_json(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": [0.1, None]})
    write_json(tmp_path / "b.json", {"a": [0.1, None], "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert read_json(tmp_path / "a.json") == {"a": [0.1, None], "b": 1}


def test_numbers_that_are_no_json_leave_the_old_file(tmp_path):
    write_json(tmp_path / "a.json", {"score": 1})
    with pytest.raises(ValueError):
        write_json(tmp_path / "a.json", {"score": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"score": 1}


def test_remove_takes_a_link_away_and_not_what_it_points_to(tmp_path):
    write_text(tmp_path / "folder" / "a.txt", "kept")
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    remove(tmp_path / "link")
    remove(tmp_path / "was never there")
    assert content(tmp_path) == {"folder/a.txt": "kept"} and not os.path.lexists(tmp_path / "link")


def test_the_scratch_folder_is_the_one_that_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PODIUM_SCRATCH", str(tmp_path / "fast" / "disk"))
    assert scratch_folder() == tmp_path / "fast" / "disk" and scratch_folder().is_dir()
