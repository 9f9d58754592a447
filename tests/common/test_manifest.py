"""The manifest tells whether raw files are the ones that were listed."""

import hashlib
import os
from pathlib import Path

import pytest

from common.errors import PodiumError
from common.raw.manifest import check_files, make_manifest

FILES = {"train.zip": b"PK", "labels.csv": b"id,breed\n", "train/b.jpg": b"", "train/a.jpg": b"picture"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return fill(tmp_path / "raw")


def fill(folder: Path) -> Path:
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def test_it_lists_path_size_and_hash_sorted_by_path(folder: Path) -> None:
    entries = make_manifest(folder)["files"]
    assert [entry["path"] for entry in entries] == sorted(FILES)
    for entry in entries:
        content = FILES[entry["path"]]
        assert entry == {
            "path": entry["path"],
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }


def test_the_same_files_elsewhere_give_the_same_manifest(folder: Path, tmp_path: Path) -> None:
    assert make_manifest(folder) == make_manifest(fill(tmp_path / "other" / "place"))


def test_junk_and_unfinished_downloads_are_left_out(folder: Path) -> None:
    expected = make_manifest(folder)
    for name in (".DS_Store", "train/._a.jpg", "__MACOSX/a.jpg", ".train.zip.partial", ".cache/x"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"junk")
    assert make_manifest(folder) == expected


def test_a_linked_folder_counts_and_a_loop_ends(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "1.jpg").write_bytes(b"x")
    os.symlink(tmp_path / "disk", folder / "test")
    os.symlink(folder, folder / "train" / "loop")
    assert [entry["path"] for entry in make_manifest(folder)["files"]] == sorted([*FILES, "test/1.jpg"])


def test_a_single_file_is_a_delivery(folder: Path) -> None:
    assert [entry["path"] for entry in make_manifest(folder / "train.zip")["files"]] == ["train.zip"]


def test_an_empty_and_a_missing_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PodiumError, match="holds no files"):
        make_manifest(tmp_path)
    with pytest.raises(PodiumError, match="no such folder"):
        make_manifest(tmp_path / "nowhere")


def test_unchanged_files_pass(folder: Path) -> None:
    check_files(folder, make_manifest(folder), "list again")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "labels.csv").unlink(), "'labels.csv' is missing"),
        (lambda folder: (folder / "more.csv").write_text("x"), "'more.csv' is new"),
        (lambda folder: (folder / "labels.csv").write_text("x"), "'labels.csv' has another size"),
        (lambda folder: [path.unlink() for path in folder.glob("train/*")], r"'train/a.jpg' \(and 1 more\)"),
    ],
)
def test_a_difference_is_named_with_the_remedy(folder: Path, change, words: str) -> None:
    manifest = make_manifest(folder)
    change(folder)
    with pytest.raises(PodiumError, match=words + ".*list again"):
        check_files(folder, manifest, "list again")
