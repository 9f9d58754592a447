"""What every test starts from: one torch thread, no model hub, no cache of the user's."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["DVC_NO_ANALYTICS"] = "1"

import pytest


@pytest.fixture(autouse=True)
def scratch(tmp_path_factory, monkeypatch):
    """A scratch cache of the test's own."""
    folder = tmp_path_factory.mktemp("scratch")
    monkeypatch.setenv("PODIUM_SCRATCH", str(folder))
    return folder


@pytest.fixture(scope="module")
def monkeypatch_module():
    """Undone after the last test of a file."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


# A worker that has two tests left is given the next file already, so the file of two long tests comes third.
LONG_FILES = ["test_reproducible.py", "test_processes.py", "test_kill.py", "test_new.py"]


def pytest_collection_modifyitems(items):
    """Whole pipelines first: the last minutes of a parallel run are then shared out evenly."""
    place = {name: number for number, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: place.get(item.path.name, len(LONG_FILES)))
