"""`podium find-lr`, on a finished run: it writes its picture, and nothing else anywhere."""

import json
import os
from pathlib import Path

import pytest

from common.errors import UsageError
from common.files import scratch_folder, write_text
from common.report.page import report_sections
from pipelines.find_lr import find_lr
from pipelines.labels import labels
from pipelines.report import read_inputs
from pipelines.workspace import Workspace
from tests.report_fixture import finished_run

MODELS = """
models:
  small: {architecture: test_convnext, weights: none, image_size_px: 32, epochs: 2, learning_rate: 1e-3,
          effective_batch_size: 8, head_views: 1}
  head: {architecture: test_convnext, weights: none, image_size_px: 32, epochs: 0, learning_rate: 1e-3,
         effective_batch_size: 8, head_views: 1}
"""


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Data and labels of a small competition."""
    workspace = finished_run(tmp_path, "binary", monkeypatch)
    text = workspace.params_path.read_text()
    write_text(workspace.params_path, text[: text.index("models:")] + MODELS.lstrip())
    workspace = Workspace(workspace.root, workspace.name)
    labels(workspace)
    monkeypatch.setattr("pipelines.workspace.os.sched_getaffinity", lambda _: {0}, raising=False)
    return workspace


def everything_below(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(folder.rglob("*"))}


def test_it_needs_no_writable_folder_and_leaves_nothing_but_its_picture(pets: Workspace, tmp_path: Path) -> None:
    before = everything_below(pets.root)
    for path in [pets.folder, *pets.folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    output = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    try:
        lines = find_lr(pets, "small", 0, 30, output)
    finally:
        for path in [pets.folder, *pets.folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert everything_below(pets.root) == before
    assert sorted(os.listdir(output)) == ["small.json", "small.png"]
    assert os.listdir(scratch_folder()) == ["decoded"]  # what training needs too
    assert lines[0] == str(output / "small.png")
    told = json.loads((output / "small.json").read_text())
    if told["suggested"] is not None:
        assert lines[-1] == f"podium set drawn_binary models.small.learning_rate={told['suggested']:.1e}"


def test_the_report_shows_the_sweep_and_what_has_changed_since(pets: Workspace) -> None:
    find_lr(pets, "small", None, 30, None)
    swept = next(one for one in report_sections(read_inputs(pets)) if one.anchor == "learning-rates")
    chart = swept.blocks[0].charts[0]  # type: ignore[union-attr]
    assert chart.title == "small, fold 0" and "in the recipe: 1.0e-03" in chart.note
    assert "changed" not in chart.note
    write_text(
        pets.params_path, pets.params_path.read_text().replace("size: 8, head_views: 1}\n  head", "size: 16}\n  head")
    )
    swept = next(
        one for one in report_sections(read_inputs(Workspace(pets.root, pets.name))) if one.anchor == "learning-rates"
    )
    assert "The recipe has changed since: effective_batch_size" in swept.blocks[0].charts[0].note  # type: ignore[union-attr]


def test_a_head_that_is_fitted_at_once_has_no_learning_rate(pets: Workspace) -> None:
    with pytest.raises(UsageError, match=r"models.head.epochs: 0 fits the head exactly"):
        find_lr(pets, "head", None, 30, None)
    with pytest.raises(UsageError, match="did you mean 'small'"):
        find_lr(pets, "smal", None, 30, None)
