"""What `podium clean` drops and what it keeps, in a real repository of git and DVC."""

import hashlib
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from common.errors import PodiumError, UsageError
from pipelines.cache_use import object_path
from pipelines.clean import clean_command
from pipelines.workspace import Workspace
from tests.pipelines.repository import RECIPE, make_repository

STAGE = """\
stages:
  train:
    cmd: mkdir -p runs/first/folds/0 && cp content.txt runs/first/folds/0/weights
    deps: [content.txt]
    outs: [runs/first/folds/0]
"""


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *identity, *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def dvc(folder: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *arguments, "--quiet"], cwd=folder, check=True)


def commit(root: Path) -> str:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "x")
    return git(root, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a commit and an empty cache."""
    root = tmp_path_factory.mktemp("template")
    make_repository(root)
    git(root, "init", "--quiet")
    dvc(root, "init")
    (root / ".gitignore").write_text("competitions/*/runs/\n.locks/\n")
    commit(root)
    return root


@pytest.fixture
def pets(template: Path, tmp_path: Path) -> Workspace:
    """The competition of a repository of the test's own."""
    shutil.copytree(template, tmp_path / "repository")
    return Workspace.open("pets", tmp_path / "repository")


def cache_of(pets: Workspace) -> Path:
    return pets.root / ".dvc" / "cache" / "files" / "md5"


def put(pets: Workspace, content: bytes) -> str:
    """An object in DVC's cache; returns its hash."""
    md5 = hashlib.md5(content).hexdigest()
    path = object_path(cache_of(pets), md5)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return md5


def lock(pets: Workspace, path: str, md5: str) -> None:
    out = f"    - path: {path}\n      hash: md5\n      md5: {md5}\n      size: 1\n"
    (pets.folder / "dvc.lock").write_text(
        f"schema: '2.0'\nstages:\n  train:\n    cmd: true\n    outs:\n{out}", encoding="utf-8"
    )


def is_there(pets: Workspace, md5: str) -> bool:
    return object_path(cache_of(pets), md5).exists()


def clean(pets: Workspace, name: str | None = None, dry_run: bool = False) -> None:
    assert clean_command(pets.root, name, dry_run, yes=True) == 0


def write(path: Path, size: int = 10) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def test_a_result_that_nothing_names_goes_and_the_locked_ones_can_be_checked_out(
    pets: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    content, weights = pets.folder / "content.txt", pets.fold_run("first", 0) / "weights"
    (pets.folder / "dvc.yaml").write_text(STAGE)
    for text in ("committed", "forgotten", "active"):
        content.write_text(text)
        dvc(pets.folder, "repro")
        if text == "committed":
            commit(pets.root)
    forgotten = hashlib.md5(b"forgotten").hexdigest()

    clean(pets, dry_run=True)
    listed = capsys.readouterr().out
    assert re.search(r"cache +2 objects that nothing names +\d+ B +may go", listed)  # the file and its folder
    assert re.search(r"cache +pets +\d+ B +kept", listed)
    assert is_there(pets, forgotten)

    clean(pets)
    assert not is_there(pets, forgotten)
    weights.unlink()
    dvc(pets.folder, "checkout")
    assert weights.read_text() == "active"
    git(pets.root, "checkout", "--quiet", "--", ".")
    dvc(pets.folder, "checkout")
    assert weights.read_text() == "committed"


def test_what_a_ledgers_commit_names_stays_when_no_branch_has_it_any_more(pets: Workspace) -> None:
    submitted, dropped = put(pets, b"submitted"), put(pets, b"dropped")
    lock(pets, "submission.csv", submitted)
    submitted_commit = commit(pets.root)
    git(pets.root, "reset", "--quiet", "--hard", "HEAD~1")
    ledger = pets.folder / "ledger.csv"
    ledger.write_text(f"submitted_at,file_sha256,commit\nnow,,{submitted_commit[:10]}\n")
    clean(pets)
    assert is_there(pets, submitted)
    assert not is_there(pets, dropped)

    ledger.unlink()
    clean(pets)
    assert not is_there(pets, submitted)


def test_a_submitted_file_stays_whatever_git_knows(pets: Workspace) -> None:
    submitted = put(pets, b"id,label\n1,0.5\n")
    sha256 = hashlib.sha256(b"id,label\n1,0.5\n").hexdigest()
    (pets.folder / "ledger.csv").write_text(f"submitted_at,file_sha256,commit\nnow,{sha256},\n")
    clean(pets)
    assert is_there(pets, submitted)


def test_nothing_of_the_cache_goes_while_a_ledgers_commit_is_unknown(
    pets: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    unnamed = put(pets, b"unnamed")
    (pets.folder / "ledger.csv").write_text(f"submitted_at,file_sha256,commit\nnow,,{'ab' * 20}\n")
    clean(pets)
    assert is_there(pets, unnamed)
    assert "git fetch" in capsys.readouterr().out


def test_a_cache_outside_the_repository_may_be_shared_and_stays(pets: Workspace, tmp_path: Path) -> None:
    dvc(pets.root, "config", "cache.dir", str(tmp_path / "shared"))
    (tmp_path / "shared" / "files" / "md5" / "ab").mkdir(parents=True)
    unnamed = write(tmp_path / "shared" / "files" / "md5" / "ab" / ("c" * 30))
    clean(pets)
    assert unnamed.exists()


def test_runs_of_models_and_folds_that_left_the_recipe_go(pets: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    pets.params_path.write_text(RECIPE.replace("folds_to_run: [0, 1, 2]", "folds_to_run: [0]"))
    stays = write(pets.fold_run("first", 0) / "weights")
    left = [write(pets.fold_run("first", 1) / "weights"), write(pets.predictions("older", "oof"), 2000)]
    unnamed = put(pets, b"unnamed")
    clean(pets, name="pets", dry_run=True)
    listed = capsys.readouterr().out
    assert re.search(r"run +pets runs/first +10 B +kept: in the recipe", listed)
    assert re.search(r"run +pets runs/first/folds/1 +10 B +may go", listed)
    assert re.search(r"run +pets runs/older +2\.0 kB +may go", listed)
    assert "2.0 kB may go; nothing was dropped" in listed

    clean(pets, name="pets")
    assert stays.exists()
    assert not any(path.exists() for path in left)
    assert is_there(pets, unnamed)  # with a name, the caches that competitions share are left alone


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("folds_to_run: [0]", "params.yaml: no key 'models'"),
        ("models: {first: {}}", "params.yaml: no key 'folds_to_run'"),
        ("models: first\nfolds_to_run: [0]", "params.yaml: models: expected names of models, .*, found 'first'"),
        ("models: {first: {}}\nfolds_to_run: [one]", "params.yaml: folds_to_run: expected a list of numbers"),
    ],
)
def test_a_recipe_that_does_not_say_what_is_in_it_drops_nothing(pets: Workspace, given: str, message: str) -> None:
    pets.params_path.write_text(given)
    weights = write(pets.fold_run("first", 1) / "weights")
    with pytest.raises(UsageError, match=message):
        clean(pets)
    assert weights.exists()


def test_a_run_that_the_lock_names_and_the_cache_lost_is_the_only_copy_and_stays(pets: Workspace) -> None:
    only = write(pets.predictions("older", "oof"))
    lock(pets, "runs/older/oof.parquet", "ab" * 16)
    clean(pets)
    assert only.exists()


def held(path: Path) -> "subprocess.Popen[bytes]":
    """A process that holds a lock file."""
    code = f"from filelock import FileLock\nwith FileLock({str(path)!r}): print(flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    return process


def test_while_a_stage_runs_no_run_goes(pets: Workspace) -> None:
    kept = write(pets.predictions("older", "oof"))
    (pets.folder / ".locks").mkdir()
    process = held(pets.folder / ".locks" / "train-first-0.lock")
    try:
        clean(pets)
        assert kept.exists()
    finally:
        process.kill()
        process.wait()
    clean(pets)
    assert not kept.exists()


def test_the_scratch_cache_is_left_to_its_own_command(pets: Workspace, scratch: Path) -> None:
    decoded = write(scratch / "decoded" / "key" / "pixels.bin")
    clean(pets)
    assert decoded.exists()


def test_without_an_answer_nothing_goes(pets: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    unnamed = put(pets, b"unnamed")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert clean_command(pets.root, None, dry_run=False, yes=False) == 1
    assert is_there(pets, unnamed)


def test_while_dvc_writes_its_lock_nothing_goes(pets: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    unnamed = put(pets, b"unnamed")
    code = "from dvc.repo import Repo\nwith Repo('.').lock: print(flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=pets.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    process.stdout.readline()
    monkeypatch.setattr("dvc.lock.DEFAULT_TIMEOUT", 0.1)  # seconds that DVC waits for its lock
    try:
        with pytest.raises(PodiumError, match="Unable to acquire lock"):
            clean(pets)
    finally:
        process.communicate(b"\n", timeout=30)
    assert is_there(pets, unnamed)
