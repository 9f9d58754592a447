"""What is found is what Kaggle's client would use, and no secret is ever shown."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from common.kaggle.credentials import find_credentials
from tests.common.kaggle_server import KaggleServer, set_environment

SECRET = "KGAT_planted_secret_0123456789abcdef"

# A place of credentials: environment (paths start at the home folder), files, and the words that name it.
PLACES = {
    "token": ({"KAGGLE_API_TOKEN": SECRET}, {}, "the environment variable KAGGLE_API_TOKEN"),
    "long token": ({"KAGGLE_API_TOKEN": SECRET * 20}, {}, "the environment variable KAGGLE_API_TOKEN"),
    "token in a named file": (
        {"KAGGLE_API_TOKEN": "~/mine"},
        {"mine": SECRET},
        "the file that the environment",
    ),
    "token file": ({}, {".kaggle/access_token": SECRET}, ".kaggle/access_token"),
    "token file of Windows users": ({}, {".kaggle/access_token.txt": SECRET}, ".kaggle/access_token.txt"),
    "kernel": (
        {
            "KAGGLE_KERNEL_RUN_TYPE": "Batch",
            "KAGGLE_DATA_PROXY_URL": "http://x",
            "KAGGLE_API_V1_TOKEN": "~/of_kernel",
        },
        {"of_kernel": SECRET},
        "the Kaggle kernel's own token",
    ),
    "name and key": ({"KAGGLE_USERNAME": "ada", "KAGGLE_KEY": SECRET}, {}, "KAGGLE_USERNAME and KAGGLE_KEY"),
    "file": ({}, {".kaggle/kaggle.json": {"username": "ada", "key": SECRET}}, ".kaggle/kaggle.json"),
    "XDG": ({}, {"xdg/kaggle/kaggle.json": {"username": "ada", "key": SECRET}}, "xdg/kaggle/kaggle.json"),
    "other folder": (
        {"KAGGLE_CONFIG_DIR": "~/elsewhere"},
        {"elsewhere/kaggle.json": {"username": "ada", "key": SECRET}},
        "elsewhere/kaggle.json",
    ),
    "key in a file, name outside": (
        {"KAGGLE_USERNAME": "ada"},
        {".kaggle/kaggle.json": {"key": SECRET}},
        "kaggle.json and KAGGLE_USERNAME",
    ),
    "browser": ({}, {".kaggle/credentials.json": {"refresh_token": SECRET}}, ".kaggle/credentials.json"),
}
NOTHING = {
    "an empty home": ({}, {}),
    "a file without key": ({}, {".kaggle/kaggle.json": {"username": "ada"}}),
    "a file that is no JSON": ({}, {".kaggle/kaggle.json": SECRET}),
    "a name alone": ({"KAGGLE_USERNAME": "ada"}, {}),
    "an empty token file": ({}, {".kaggle/access_token": "\n"}),
    "the other folder while ~/.kaggle exists": (
        {},
        {".kaggle/note": "", "xdg/kaggle/kaggle.json": {"username": "ada", "key": SECRET}},
    ),
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    set_environment(monkeypatch, "http://127.0.0.1:9", tmp_path, None)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path


def put(home: Path, monkeypatch: pytest.MonkeyPatch, environment: dict, files: dict) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value.replace("~", str(home)))
    for name, content in files.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize("place", PLACES)
def test_each_place_is_found_and_named(home: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    environment, files, words = PLACES[place]
    put(home, monkeypatch, environment, files)
    found = find_credentials()
    assert found is not None and words in found and SECRET not in found


@pytest.mark.parametrize("case", NOTHING)
def test_what_is_no_use_is_not_found(home: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    put(home, monkeypatch, *NOTHING[case])
    assert find_credentials() is None


def test_kaggle_is_not_imported_since_that_logs_in() -> None:
    program = "import sys, common.kaggle.credentials as c; c.find_credentials(); assert 'kaggle' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


AGREE = """
import contextlib, io, sys
from common.kaggle.credentials import find_credentials
with contextlib.redirect_stdout(io.StringIO()):
    import kaggle
print(kaggle.api._authenticated, find_credentials() is not None)
"""


@pytest.mark.parametrize("place", ["token", "token file", "name and key", "XDG", "other folder", "nothing"])
def test_the_client_itself_agrees(home: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Run against the package: a new version that looks elsewhere fails here."""
    environment, files, _ = PLACES.get(place, ({}, {}, ""))
    put(home, monkeypatch, environment, files)
    with KaggleServer("any", {}, SECRET).running() as server:
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, server.address)
        # The client goes by the platform that it is on, which on macOS knows no XDG.
        if place == "XDG" and os.uname().sysname != "Linux":
            pytest.skip("only Linux has this place")
        answer = subprocess.run([sys.executable, "-c", AGREE], check=True, capture_output=True, text=True)
    assert answer.stdout.split() == [str(place != "nothing")] * 2
