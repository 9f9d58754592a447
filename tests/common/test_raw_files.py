"""Raw files have the same names and contents however Kaggle, or the user, packed them."""

import io
import pickle
import stat
import struct
import zipfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.errors import PodiumError
from common.raw import archives
from common.raw.files import RawFiles

SLUG = "dogs-vs-cats-redux-kernels-edition"
FILES = {
    "sample_submission.csv": b"id,label\n1,0.5\n2,0.5\n",
    "test/1.jpg": b"one",
    "test/10.jpg": b"ten" * 1000,
    "test/2.jpg": b"",
    "train/cat.0.jpg": bytes(range(256)) * 20,
    "train/dog.0.jpg": b"dog",
}
TABLE = {name: content for name, content in FILES.items() if "/" not in name}


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def part(name: str, keep: bool) -> dict[str, bytes]:
    """`train` or `test`, with the folder in the names or without."""
    prefix = f"{name}/"
    return {
        path if keep else path.removeprefix(prefix): content
        for path, content in FILES.items()
        if path.startswith(prefix)
    }


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def two_zips(keep: bool, method: int = zipfile.ZIP_STORED) -> dict[str, bytes]:
    return {f"{name}.zip": zipped(part(name, keep), method) for name in ("train", "test")}


JUNK = {
    "__MACOSX/train/._cat.0.jpg": b"junk",
    ".DS_Store": b"junk",
    "train/._dog.0.jpg": b"junk",
    "train/.DS_Store": b"",
}
DEFLATED = zipfile.ZIP_DEFLATED
LAYOUTS = {
    "loose": FILES,
    "zips that hold their folder": TABLE | two_zips(keep=True),
    "zips that do not": TABLE | two_zips(keep=False),
    "deflated zips": TABLE | two_zips(keep=True, method=DEFLATED),
    "a zipped table": two_zips(keep=True) | {"sample_submission.csv.zip": zipped(TABLE, DEFLATED)},
    "the bundle of zips, stored": {f"{SLUG}.zip": zipped(TABLE | two_zips(keep=True))},
    "the bundle of zips, deflated": {f"{SLUG}.zip": zipped(TABLE | two_zips(keep=False), DEFLATED)},
    "the bundle of loose files": {f"{SLUG}.zip": zipped(FILES, DEFLATED)},
    "the bundle, renamed": {"archive (1).zip": zipped(TABLE | two_zips(keep=True))},
    "the bundle beside what came out of it": {f"{SLUG}.zip": zipped(TABLE | two_zips(keep=True)), **FILES},
    "the bundle beside its zips": {f"{SLUG}.zip": zipped(TABLE | two_zips(keep=True)), **two_zips(keep=True)},
    "the bundle with a zipped table": {
        f"{SLUG}.zip": zipped(
            {**two_zips(keep=True, method=DEFLATED), "sample_submission.csv.zip": zipped(TABLE)}, DEFLATED
        )
    },
    "zips made on a Mac": TABLE | {"train.zip": zipped(part("train", True) | JUNK), "test": b""}
    | {f"test/{name}": content for name, content in part("test", False).items()} | JUNK,
}  # fmt: skip
del LAYOUTS["zips made on a Mac"]["test"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_shows_the_same_files(tmp_path: Path, layout: str) -> None:
    files = RawFiles(put(tmp_path, LAYOUTS[layout]), bundle=SLUG)
    assert files.names() == sorted(FILES)
    assert {name: files.read_bytes(name) for name in files.names()} == FILES


@pytest.mark.parametrize("layout", ["loose", "the bundle of zips, stored"])
def test_the_folder_may_be_read_only_and_stays_as_it_is(tmp_path: Path, layout: str) -> None:
    put(tmp_path, LAYOUTS[layout])
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    for path in [*before, tmp_path]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    try:
        files = RawFiles(tmp_path, bundle=SLUG)
        assert [files.read_bytes(name) for name in files.names()] == [FILES[name] for name in sorted(FILES)]
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    finally:
        for path in [tmp_path, *before]:
            path.chmod(path.stat().st_mode | stat.S_IWUSR)


def test_a_single_zip_can_be_the_root(tmp_path: Path) -> None:
    put(tmp_path, {"all.zip": zipped(FILES), "not.csv": b"mine"})
    assert RawFiles(tmp_path / "all.zip").names() == sorted(FILES)


def test_zips_in_folders_open_where_they_lie(tmp_path: Path) -> None:
    put(tmp_path, {"images/train.zip": zipped({"1.jpg": b"x"}), "labels.csv": b""})
    assert RawFiles(tmp_path).names() == ["images/train/1.jpg", "labels.csv"]


def test_a_zip_in_a_zip_in_a_zip_is_a_file(tmp_path: Path) -> None:
    deep = zipped({"b.zip": zipped({"c.zip": zipped({"d.txt": b""})})})
    put(tmp_path, {"a.zip": deep, "labels.csv": b""})
    assert RawFiles(tmp_path).names() == ["a/b/c.zip", "labels.csv"]


def test_a_loose_file_wins_over_a_zipped_one(tmp_path: Path) -> None:
    put(tmp_path, {"train.zip": zipped({"train/1.jpg": b"zipped"}), "train/1.jpg": b"loose"})
    assert RawFiles(tmp_path).read_bytes("train/1.jpg") == b"loose"


def test_two_zips_that_disagree_are_refused(tmp_path: Path) -> None:
    put(tmp_path, {"train.zip": zipped({"1.jpg": b"a"}), "empty.zip": zipped({}), "x/y.csv": b""})
    assert RawFiles(tmp_path).names() == ["train/1.jpg", "x/y.csv"]
    put(tmp_path, {f"{SLUG}.zip": zipped({"train/1.jpg": b"b"})})
    with pytest.raises(PodiumError, match=r"'train/1.jpg' is in .*and, with other content, in .*train.zip"):
        RawFiles(tmp_path, bundle=SLUG).names()


def test_under_a_folder(tmp_path: Path) -> None:
    files = RawFiles(put(tmp_path, FILES | {"train-extra/1.jpg": b"", "train0": b""}))
    assert files.under("train") == files.under("train/") == ["train/cat.0.jpg", "train/dog.0.jpg"]
    assert files.under("nowhere") == []


def test_a_compressed_zip_in_a_zip_is_unpacked_once(tmp_path: Path, scratch: Path) -> None:
    put(tmp_path, LAYOUTS["the bundle of zips, deflated"])
    RawFiles(tmp_path, bundle=SLUG).names()
    copies = {path: path.stat().st_mtime_ns for path in (scratch / "archives").glob("*.zip")}
    assert len(copies) == 2
    RawFiles(tmp_path, bundle=SLUG).names()
    assert {path: path.stat().st_mtime_ns for path in (scratch / "archives").glob("*.zip")} == copies

    for path in copies:
        path.write_bytes(path.read_bytes()[:-1])  # as nothing of ours leaves it
    assert RawFiles(tmp_path, bundle=SLUG).read_bytes("train/dog.0.jpg") == b"dog"


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_worker_processes_can_use_it(tmp_path: Path, start: str) -> None:
    files = RawFiles(put(tmp_path, LAYOUTS["the bundle of zips, deflated"]), bundle=SLUG)
    names = files.names()
    with ProcessPoolExecutor(2, mp_context=get_context(start)) as workers:
        assert list(workers.map(files.read_bytes, names)) == [FILES[name] for name in names]
    assert len(pickle.dumps(files)) < 500  # it travels with every task


def test_tables_are_text_as_it_stands_there(tmp_path: Path) -> None:
    files = RawFiles(put(tmp_path, {"a.csv": b"\xef\xbb\xbfid,breed\n007,NA\n1e3,\n"}))
    table = files.read_csv("a.csv")
    assert list(table.columns) == ["id", "breed"]
    assert list(table["id"]) == ["007", "1e3"]
    assert table["breed"][0] == "NA" and table["breed"].isna()[1]
    assert files.read_csv("a.csv", dtype={"id": float})["id"].tolist() == [7.0, 1000.0]


def test_a_table_that_is_none_is_named(tmp_path: Path) -> None:
    files = RawFiles(put(tmp_path, {"a.csv": b'id,b\n1,2\n1,2,3,4\n"', "empty.csv": b""}))
    for name in ("a.csv", "empty.csv"):
        with pytest.raises(PodiumError, match=f"{name}: not a CSV file"):
            files.read_csv(name)


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ("sample_submision.csv", "sample_submission.csv"),
        ("cat.0.jpg", "train/cat.0.jpg"),
        ("train/train/cat.0.jpg", "train/cat.0.jpg"),
    ],
)
def test_a_missing_file_names_the_nearest(tmp_path: Path, asked: str, nearest: str) -> None:
    with pytest.raises(PodiumError, match=f"no file '{asked}'; the nearest is '{nearest}'"):
        RawFiles(put(tmp_path, FILES)).read_csv(asked)


@pytest.mark.parametrize("name", ["/etc/passwd", "../up.txt", "a/../../up", "..\\up", "C:\\x", "C:/x", "a/.."])
@pytest.mark.parametrize("nested", [False, True])
def test_no_member_leaves_its_archive(tmp_path: Path, name: str, nested: bool) -> None:
    evil = zipped({"good.txt": b"", name: b"evil"})
    put(tmp_path, {"train.zip": zipped({"evil.zip": evil}) if nested else evil, "labels.csv": b""})
    with pytest.raises(PodiumError) as error:
        RawFiles(tmp_path).names()
    assert repr(name) in str(error.value) and ("evil.zip" if nested else "train.zip") in str(error.value)


def test_links_and_passwords_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "train.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(PodiumError, match=r"train.zip: member 'link' is refused: a symbolic link"):
        RawFiles(tmp_path).names()

    locked = bytearray(zipped({"a.txt": b"x"}))
    locked[locked.index(b"PK\1\2") + 8] |= 1
    put(tmp_path, {"train.zip": bytes(locked)})
    with pytest.raises(PodiumError, match=r"'a.txt' is locked with a password"):
        RawFiles(tmp_path).names()


def test_a_packing_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    put(tmp_path, {"train.zip": zipped({"a.txt": b"x"}, zipfile.ZIP_BZIP2)})
    with pytest.raises(PodiumError, match=r"'a.txt' is packed by a method that cannot be read here \(bzip2\)"):
        RawFiles(tmp_path).names()


def test_a_bomb_is_refused_by_what_it_claims_and_by_what_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = zipped({"bomb.csv": b"0" * 1_000_000}, DEFLATED)
    put(tmp_path, {"train.zip": content})
    with monkeypatch.context() as patch, pytest.raises(PodiumError, match=r"'bomb.csv' claims"):
        patch.setattr(archives, "MAX_MEMBER_BYTES", 999_999)
        RawFiles(tmp_path).names()

    lie = bytearray(content)
    struct.pack_into("<L", lie, lie.index(b"PK\1\2") + 24, 10)
    put(tmp_path, {"train.zip": bytes(lie)})
    with pytest.raises(PodiumError, match=r"'bomb.csv' is damaged \(its length is wrong\)"):
        RawFiles(tmp_path).read_bytes("bomb.csv")


@pytest.mark.parametrize("content", [b"", b"PK", b"<html>not found</html>" * 100, LAYOUTS["loose"]["test/10.jpg"]])
def test_what_is_no_zip_is_told(tmp_path: Path, content: bytes) -> None:
    put(tmp_path, {"train.zip": content})
    with pytest.raises(PodiumError, match=r"train.zip: not a readable zip .* fetch it again"):
        RawFiles(tmp_path).names()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), deflated=st.booleans())
def test_damage_never_passes_for_content(tmp_path: Path, data: st.DataObject, deflated: bool) -> None:
    """Any bytes cut off or changed: a name still gives its own content, or a PodiumError."""
    files = {"a.txt": b"alpha" * 20, "b.txt": bytes(range(200, 250))}
    content = bytearray(zipped(files, DEFLATED if deflated else zipfile.ZIP_STORED))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    put(tmp_path, {"train.zip": bytes(content)})
    raw = RawFiles(tmp_path)
    try:
        found = {name: raw.read_bytes(name) for name in raw.names()}
    except PodiumError:
        return
    assert found.items() <= files.items()


names = st.lists(st.sampled_from(["a", "b", "train", "x.csv", "y.jpg"]), min_size=1, max_size=3).map("/".join)


@settings(max_examples=100, deadline=None)
@given(
    files=st.dictionaries(names, st.binary(max_size=40), min_size=1, max_size=6),
    inner=st.sampled_from([zipfile.ZIP_STORED, DEFLATED]),
    outer=st.sampled_from([zipfile.ZIP_STORED, DEFLATED]),
)
def test_packing_changes_no_name(tmp_path_factory, files: dict[str, bytes], inner: int, outer: int) -> None:
    """The same tree, loose in the bundle, or as train.zip in the bundle, shows the same files."""
    tree = {f"train/{name}": content for name, content in files.items()}
    expected = dict(sorted(tree.items()))
    for packed in (
        {f"{SLUG}.zip": zipped(tree, inner)},
        {f"{SLUG}.zip": zipped({"train.zip": zipped(tree, inner), "z.csv": b""}, outer)},
    ):
        raw = RawFiles(put(tmp_path_factory.mktemp("raw"), packed), bundle=SLUG)
        assert {name: raw.read_bytes(name) for name in raw.under("train")} == expected
