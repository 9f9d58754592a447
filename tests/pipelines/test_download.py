"""The stage `download`: three sources, one manifest, and nothing of the user's touched."""

import importlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from common.errors import PodiumError, UsageError
from common.files import read_json
from pipelines.download import download
from pipelines.raw import open_raw
from pipelines.workspace import Workspace
from tests.common.kaggle_server import KaggleServer, set_environment

TOKEN = "KGAT_planted_secret_0123456789abcdef"
SLUG = "toy-competition"
COMPETITION = f"""
from types import SimpleNamespace
COMPETITION = SimpleNamespace(slug={SLUG!r})
"""
SAMPLE = """
def draw(folder, seed):
    (folder / "train").mkdir()
    (folder / "train" / "1.jpg").write_bytes(b"drawn with %d" % seed)
    (folder / "labels.csv").write_text("id,label\\n1,cat\\n")
"""
DRAWN = ["labels.csv", "train/1.jpg"]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A repository with one competition, whose source is the sample."""
    folder = tmp_path / "repository" / "competitions" / "toy"
    folder.mkdir(parents=True)
    (folder / "competition.py").write_text(COMPETITION)
    (folder / "sample.py").write_text(SAMPLE)
    (folder / "kaggle_files.txt").write_text("# from the data page\ntrain.zip\nlabels.csv\n")
    (tmp_path / "repository" / "params.yaml").write_text("seed: 7\n")
    competitions = importlib.import_module("competitions")
    monkeypatch.setattr(competitions, "__path__", [*competitions.__path__, str(folder.parent)])
    for module in [name for name in sys.modules if name.startswith("competitions.toy")]:
        monkeypatch.delitem(sys.modules, module)
    use(folder, "sample", "sample.py")
    return Workspace(tmp_path / "repository", "toy")


def use(folder: Path, kind: str, path: object) -> None:
    (folder / "params.yaml").write_text(f"source:\n  kind: {kind}\n  path: {path}\n")


def run(workspace: Workspace, kind: str | None = None, path: object = None) -> list[str]:
    """Run the stage with this source; the paths in its manifest."""
    if kind is not None:
        use(workspace.folder, kind, path)
    download(Workspace(workspace.root, workspace.name))
    return [entry["path"] for entry in read_json(workspace.raw_manifest)["files"]]


def opened(workspace: Workspace) -> dict[str, bytes]:
    files = open_raw(Workspace(workspace.root, workspace.name))
    return {name: files.read_bytes(name) for name in files.names()}


def local_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    with zipfile.ZipFile(folder / "train.zip", "w") as archive:
        archive.writestr("train/1.jpg", b"mine")
    (folder / "labels.csv").write_bytes(b"id\n1\n")
    return folder


def everything_in(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in [folder, *folder.rglob("*")]}


def test_the_sample_is_drawn_from_the_seed_and_listed(workspace: Workspace) -> None:
    assert run(workspace) == DRAWN
    assert opened(workspace)["train/1.jpg"] == b"drawn with 7"


def test_a_second_run_gives_the_same_manifest(workspace: Workspace) -> None:
    run(workspace)
    before = workspace.raw_manifest.read_bytes()
    run(workspace)
    assert workspace.raw_manifest.read_bytes() == before


def test_a_drawing_that_fails_leaves_the_old_sample(workspace: Workspace) -> None:
    run(workspace)
    (workspace.folder / "sample.py").write_text(
        SAMPLE.replace("drawn with %d", "half %d") + "    raise OSError('full')\n"
    )
    sys.modules.pop("competitions.toy.sample")
    importlib.invalidate_caches()
    shutil.rmtree(workspace.folder / "__pycache__", ignore_errors=True)
    with pytest.raises(OSError, match="full"):
        run(workspace)
    assert opened(workspace)["train/1.jpg"] == b"drawn with 7"


@pytest.mark.parametrize("relative", [False, True])
def test_local_files_stay_where_they_are(workspace: Workspace, tmp_path: Path, relative: bool) -> None:
    folder = local_folder(tmp_path)
    before = everything_in(folder)
    path = os.path.relpath(folder, workspace.folder) if relative else folder
    assert run(workspace, "local", path) == ["labels.csv", "train.zip"]
    assert opened(workspace) == {"labels.csv": b"id\n1\n", "train/1.jpg": b"mine"}
    assert everything_in(folder) == before
    assert not workspace.raw_folder.exists()


def test_a_tilde_is_the_home_folder(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local_folder(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run(workspace, "local", "~/mine") == ["labels.csv", "train.zip"]


def test_a_single_zip_is_a_local_source(workspace: Workspace, tmp_path: Path) -> None:
    bundle = shutil.make_archive(str(tmp_path / "all"), "zip", local_folder(tmp_path))
    assert run(workspace, "local", bundle) == ["all.zip"]
    assert opened(workspace) == {"labels.csv": b"id\n1\n", "train/1.jpg": b"mine"}


def test_switching_sources_touches_nothing_and_comes_back(workspace: Workspace, tmp_path: Path) -> None:
    run(workspace)
    drawn = workspace.raw_manifest.read_bytes()
    downloaded = workspace.raw_folder / "kaggle" / "train.zip"
    downloaded.parent.mkdir()
    downloaded.write_bytes(b"hours of work")
    folder = local_folder(tmp_path)
    before = everything_in(folder)
    run(workspace, "local", folder)
    run(workspace, "sample", "sample.py")
    assert workspace.raw_manifest.read_bytes() == drawn
    assert everything_in(folder) == before
    assert downloaded.read_bytes() == b"hours of work"


@pytest.mark.parametrize(
    ("kind", "path", "words"),
    [
        ("local", "/nowhere/at/all", "source.path: there is no folder or zip at /nowhere/at/all"),
        ("sample", "other.py", "source.path: no file .*other.py; sample usually has sample.py"),
        ("kaggle", "files.txt", "source.path: no file .*files.txt; kaggle usually has kaggle_files.txt"),
    ],
)
def test_a_path_that_leads_nowhere_names_the_key(workspace: Workspace, kind: str, path: str, words: str) -> None:
    with pytest.raises(UsageError, match=f"params.yaml: {words}"):
        run(workspace, kind, path)


def test_a_list_without_files_is_told(workspace: Workspace) -> None:
    (workspace.folder / "kaggle_files.txt").write_text("# nothing yet\n\n")
    with pytest.raises(UsageError, match=r"kaggle_files.txt: names no file"):
        run(workspace, "kaggle", "kaggle_files.txt")


def test_later_stages_refuse_files_that_changed(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(PodiumError, match=r"raw.json: no such file; run `dvc repro --single-item"):
        opened(workspace)
    folder = local_folder(tmp_path)
    run(workspace, "local", folder)
    (folder / "labels.csv").write_bytes(b"id\n1\n2\n")
    with pytest.raises(PodiumError, match=r"'labels.csv' has another size .*toy/dvc.yaml:download`"):
        opened(workspace)


def test_raw_files_that_are_gone_are_told(workspace: Workspace) -> None:
    run(workspace)
    shutil.rmtree(workspace.raw_folder)
    with pytest.raises(PodiumError, match=r"raw/sample: the raw files are gone; run `dvc repro --single-item"):
        opened(workspace)


def test_from_kaggle_as_a_command(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way in a process of its own, where nothing but the environment points at the server."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("1.jpg", b"from kaggle")
    files = {"train.zip": buffer.getvalue(), "labels.csv": b"id\n1\n", "unwanted.csv": b"x"}
    use(workspace.folder, "kaggle", "kaggle_files.txt")
    home = workspace.root / "home"
    (home / ".kaggle").mkdir(parents=True)
    (home / ".kaggle" / "access_token").write_text(TOKEN)
    repository = Path(__file__).parents[2]
    program = (
        "import sys, competitions, pipelines.download as stage, pipelines.stage as run;"
        "competitions.__path__.append('competitions'); run.run(stage.download)"
    )

    def command() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, "toy"],
            cwd=workspace.root,
            env=os.environ | {"PYTHONPATH": str(repository)},
            capture_output=True,
            text=True,
        )

    with KaggleServer(SLUG, files, TOKEN).running() as server:
        set_environment(monkeypatch, server.address, home, None)
        server.token = "another"
        refused = command()
        assert refused.returncode == 1 and "does not accept the credentials" in refused.stderr
        assert "access_token" in refused.stderr and "Traceback" not in refused.stderr
        server.token = TOKEN
        accepted = command()
    assert accepted.returncode == 0, accepted.stderr
    assert opened(workspace) == {"labels.csv": b"id\n1\n", "train/1.jpg": b"from kaggle"}
    for result in (refused, accepted):
        assert TOKEN not in result.stdout + result.stderr
    assert len(list((workspace.raw_folder / "kaggle").iterdir())) == 2
