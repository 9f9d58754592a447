"""Downloads with Kaggle's own client from a local server (see kaggle_server.py), with every fault we know."""

import io
import json
import shutil
import socket
import traceback
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import PodiumError
from common.kaggle import retries
from common.kaggle.download import download_files
from tests.common.kaggle_server import SIGNATURE, STORE, Fault, KaggleServer, set_environment

SLUG = "dogs-vs-cats-redux-kernels-edition"
TOKEN = "KGAT_planted_secret_0123456789abcdef"


def zip_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


TRAIN = zip_of({f"train/cat.{number}.jpg": bytes([number]) * 50_000 for number in range(8)})
FILES = {
    "sample_submission.csv": b"id,label\n1,0.5\n",
    "test.zip": zip_of({"test/1.jpg": b"x"}),
    "train.zip": TRAIN,
}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were asked for, none of which is made."""
    asked: list[float] = []
    monkeypatch.setattr(retries, "wait", lambda seconds, _: asked.append(seconds))
    return asked


@pytest.fixture
def kaggle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float], capfd: pytest.CaptureFixture[str]
) -> Iterator[KaggleServer]:
    """A server that has the files, and the environment of a user who may have them."""
    (tmp_path / "home").mkdir()
    with KaggleServer(SLUG, FILES, TOKEN, bundle=zip_of(FILES)).running() as server:
        set_environment(monkeypatch, server.address, tmp_path / "home", TOKEN)
        from kaggle.api.kaggle_api_extended import KaggleApi

        # The package reads its environment once, at the first import, which may be long ago.
        monkeypatch.setattr(KaggleApi, "args", ["--local"])
        server.requests.clear()
        yield server
    printed = capfd.readouterr()
    assert TOKEN not in printed.out + printed.err
    assert SIGNATURE not in printed.out + printed.err


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "raw"


def get(folder: Path, *names: str, slug: str = SLUG) -> list[Path]:
    return download_files(slug, names or tuple(FILES), folder, Path("kaggle_files.txt"))


def refused(folder: Path, *names: str, slug: str = SLUG) -> str:
    with pytest.raises(PodiumError) as error:
        get(folder, *names, slug=slug)
    assert TOKEN not in "".join(traceback.format_exception(error.value))
    return str(error.value)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_file_arrives_whole_and_nothing_else(kaggle: KaggleServer, folder: Path) -> None:
    paths = get(folder)
    assert [path.name for path in paths] == list(FILES)
    assert contents(folder) == FILES


def test_what_is_there_is_neither_fetched_nor_asked_for(
    kaggle: KaggleServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    get(folder)
    kaggle.requests.clear()
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    assert get(folder) and kaggle.requests == []


def test_the_bundle_of_all_files_is_named_after_the_competition(kaggle: KaggleServer, folder: Path) -> None:
    get(folder, f"{SLUG}.zip")
    assert contents(folder) == {f"{SLUG}.zip": kaggle.bundle}


def test_a_table_that_kaggle_zips_keeps_the_zip_in_its_name(kaggle: KaggleServer, folder: Path) -> None:
    kaggle.files = {"labels.csv": b"id,breed\n" * 1000}
    kaggle.files["labels.csv.zip"] = zip_of({"labels.csv": kaggle.files["labels.csv"]})
    kaggle.zipped = {"labels.csv"}
    assert [path.name for path in get(folder, "labels.csv")] == ["labels.csv.zip"]
    kaggle.requests.clear()
    assert [path.name for path in get(folder, "labels.csv")] == ["labels.csv.zip"] and not kaggle.requests


def test_the_store_is_not_told_the_token(kaggle: KaggleServer, folder: Path) -> None:
    get(folder, "train.zip")
    assert [headers["Host"] for headers in kaggle.sent("store")] == [STORE] * len(kaggle.sent("store"))
    assert not any("Authorization" in headers for headers in kaggle.sent("store"))


def test_verbose_which_other_tools_use_too_prints_no_token(
    kaggle: KaggleServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kaggle.api.kaggle_api_extended import KaggleApi

    monkeypatch.setenv("VERBOSE", "1")
    monkeypatch.setattr(KaggleApi, "args", ["--local", "--verbose"])
    get(folder, "sample_submission.csv")


def test_missing_credentials(kaggle: KaggleServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    message = refused(folder)
    assert "no Kaggle credentials" in message and "kaggle.com/settings/api" in message
    assert kaggle.requests == []


def test_a_token_that_kaggle_does_not_know(kaggle: KaggleServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kaggle.token = "another"
    assert "does not accept the credentials found in the environment variable KAGGLE_API_TOKEN" in refused(folder)


def test_a_name_and_key_that_kaggle_does_not_know(
    kaggle: KaggleServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    monkeypatch.setenv("KAGGLE_USERNAME", "ada")
    monkeypatch.setenv("KAGGLE_KEY", TOKEN)
    assert "does not accept the credentials found in the environment variables" in refused(folder)


def test_a_token_too_long_for_a_path(kaggle: KaggleServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN * 20)
    message = refused(folder)
    assert "KAGGLE_API_TOKEN" in message


@pytest.mark.parametrize("method", ["ListDataFiles", "DownloadDataFile"])
def test_rules_not_accepted(kaggle: KaggleServer, folder: Path, method: str) -> None:
    kaggle.fail(method, Fault(status=403))
    assert f"https://www.kaggle.com/competitions/{SLUG}/rules" in refused(folder)


def test_an_unknown_competition(kaggle: KaggleServer, folder: Path) -> None:
    message = refused(folder, slug="dogs-vs-cat")
    assert "(404): 'dogs-vs-cat'" in message and "`slug` in competition.py" in message


def test_a_file_that_kaggle_does_not_list(kaggle: KaggleServer, folder: Path) -> None:
    assert "Kaggle lists no file 'trian.zip'" in refused(folder, "trian.zip")
    assert "did you mean 'train.zip'?" in refused(folder, "trian.zip")
    assert kaggle.sent("DownloadDataFile") == []


@pytest.mark.parametrize("name", ["../train.zip", "/etc/passwd", "a\\b.csv", "train/../../b", ".hidden"])
def test_no_name_leads_out_of_the_folder(kaggle: KaggleServer, folder: Path, name: str) -> None:
    kaggle.files = {name: b"bad"}
    assert "is not the path of a file" in refused(folder, name)
    assert not folder.exists()


def test_a_rate_limit_is_waited_for_as_long_as_asked(kaggle: KaggleServer, folder: Path, pauses: list[float]) -> None:
    kaggle.fail("ListDataFiles", Fault(status=429, headers={"Retry-After": "17"}), Fault(status=429))
    get(folder)
    assert pauses == [17.0, 10.0] and contents(folder) == FILES


def test_a_rate_limit_that_stays(kaggle: KaggleServer, folder: Path) -> None:
    kaggle.fail("ListDataFiles", *[Fault(status=429)] * retries.TRIES)
    assert "(429): run this again in an hour" in refused(folder)


def test_a_wait_of_an_hour_is_left_to_the_user(kaggle: KaggleServer, folder: Path, pauses: list[float]) -> None:
    kaggle.fail("ListDataFiles", Fault(status=429, headers={"Retry-After": "3600"}))
    assert "run this again in 60 minutes" in refused(folder) and pauses == []


def test_trouble_at_kaggle_passes_or_is_told(kaggle: KaggleServer, folder: Path) -> None:
    kaggle.fail("ListDataFiles", Fault(status=503))
    kaggle.fail("store", Fault(status=503), Fault(status=500))
    get(folder)
    assert contents(folder) == FILES
    kaggle.fail("ListDataFiles", *[Fault(status=503)] * retries.TRIES)
    shutil.rmtree(folder)
    assert "trouble of its own (HTTP 503" in refused(folder)


def test_no_network(kaggle: KaggleServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{closed.getsockname()[1]}")
        assert "Kaggle cannot be reached" in refused(folder)


def test_an_answer_that_is_no_answer(kaggle: KaggleServer, folder: Path) -> None:
    kaggle.fail("ListDataFiles", Fault(body=f"<html>{TOKEN}</html>".encode()))
    assert "Kaggle's client failed" in refused(folder)


def test_a_broken_download_goes_on_where_it_broke(kaggle: KaggleServer, folder: Path) -> None:
    kaggle.fail("store", Fault(cut_after=200_000))
    get(folder, "train.zip")
    first, second = kaggle.sent("store")[-1], kaggle.sent("store")
    assert contents(folder) == {"train.zip": TRAIN}
    assert first["Range"].startswith("bytes=") and 100_000 < int(first["Range"][6:-1]) <= 200_000
    assert "Range" not in second[0]


def test_an_interrupted_download_goes_on_the_next_time(
    kaggle: KaggleServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    kaggle.fail("store", Fault(cut_after=200_000))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(retries, "wait", interrupt)
        get(folder, "train.zip")
    assert not (folder / "train.zip").exists()
    assert sorted(contents(folder)) == [".train.zip.partial", ".train.zip.partial.json"]

    get(folder, "train.zip")
    assert contents(folder) == {"train.zip": TRAIN}
    assert "Range" in kaggle.sent("store")[-1]


def leave_partial(folder: Path, content: bytes, **note: object) -> None:
    folder.mkdir()
    (folder / ".train.zip.partial").write_bytes(content)
    (folder / ".train.zip.partial.json").write_text(json.dumps(note))


def test_a_part_of_an_older_version_is_thrown_away(kaggle: KaggleServer, folder: Path) -> None:
    leave_partial(folder, b"old" * 1000, version='"old"', total=len(TRAIN), name="train.zip")
    get(folder, "train.zip")
    assert contents(folder) == {"train.zip": TRAIN}


def test_a_part_of_unknown_origin_is_thrown_away(kaggle: KaggleServer, folder: Path) -> None:
    leave_partial(folder, TRAIN[:1000])
    get(folder, "train.zip")
    assert contents(folder) == {"train.zip": TRAIN}
    assert not any("Range" in headers for headers in kaggle.sent("store"))


def test_a_part_longer_than_the_file_is_thrown_away(kaggle: KaggleServer, folder: Path) -> None:
    leave_partial(folder, TRAIN + b"more", version='"x"', total=len(TRAIN) + 9, name="train.zip")
    kaggle.fail("store", Fault(status=416))
    get(folder, "train.zip")
    assert contents(folder) == {"train.zip": TRAIN}


def test_a_rest_that_starts_elsewhere_is_not_appended(kaggle: KaggleServer, folder: Path) -> None:
    kaggle.fail("store", Fault(cut_after=200_000), Fault(headers={"Content-Range": f"bytes 7-9/{len(TRAIN)}"}))
    get(folder, "train.zip")
    assert contents(folder) == {"train.zip": TRAIN}


def test_a_server_without_ranges_is_asked_for_the_whole_again(kaggle: KaggleServer, folder: Path) -> None:
    kaggle.fail("store", Fault(cut_after=200_000), Fault(ignore_range=True))
    get(folder, "train.zip")
    assert contents(folder) == {"train.zip": TRAIN}


def test_a_length_that_never_comes_is_told_and_the_part_is_kept(kaggle: KaggleServer, folder: Path) -> None:
    lie = Fault(promised_bytes=len(TRAIN) + 1000, ignore_range=True)
    kaggle.fail("store", *[lie] * (retries.TRIES + 1))
    message = refused(folder, "train.zip")
    assert f"broke off {retries.TRIES} times in a row" in message and "Run this again" in message
    assert not (folder / "train.zip").exists()


def test_a_login_page_is_not_taken_for_the_file(kaggle: KaggleServer, folder: Path) -> None:
    page = Fault(body=b"<html>Please log in", headers={"Content-Type": "text/html; charset=utf-8"})
    kaggle.fail("store", *[page] * retries.TRIES)
    assert "a web page came instead of the file" in refused(folder, "sample_submission.csv")
    assert contents(folder) == {}


def test_what_is_not_a_zip_is_not_taken_for_one(kaggle: KaggleServer, folder: Path) -> None:
    kaggle.fail("store", Fault(body=b"x" * len(TRAIN)))
    get(folder, "train.zip")
    assert contents(folder) == {"train.zip": TRAIN}


def test_too_little_disk_space_is_told_before_anything_is_fetched(
    kaggle: KaggleServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 1000, 1000))
    kaggle.files = {"big.csv": b"x" * 20_000_000}
    message = refused(folder, "big.csv")
    assert "20.0 MB are needed and 1.0 kB are free" in message
    assert kaggle.sent("DownloadDataFile") == []


def test_too_little_disk_space_for_the_bundle_is_told_by_its_length(
    kaggle: KaggleServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12 - 1000, 1000))
    assert "are needed" in refused(folder, f"{SLUG}.zip")
    assert contents(folder).keys() <= {f".{SLUG}.zip.partial.json"}
