"""Stage `download`: have the raw files, and list them in `data/raw.json`."""

import importlib
from pathlib import Path

from common.errors import UsageError
from common.files import replacing, write_json
from common.kaggle.download import download_files
from common.raw.manifest import make_manifest
from common.raw.options import SourceOptions
from pipelines.raw import raw_root, source_path
from pipelines.stage import run
from pipelines.workspace import Workspace


def download(workspace: Workspace) -> None:
    """Draw the sample, fetch from Kaggle, or take what is there, and write the manifest of the raw files."""
    source = workspace.section(SourceOptions, "source")
    root = raw_root(workspace)
    if source.kind == "sample":
        _draw(workspace, _named_file(workspace, source), root)
    elif source.kind == "kaggle":
        list_path = _named_file(workspace, source)
        download_files(workspace.competition.slug, read_file_list(list_path), root, list_path)
    manifest = make_manifest(root)
    write_json(workspace.raw_manifest, manifest)
    size_mb = sum(entry["bytes"] for entry in manifest["files"]) / 1e6
    print(f"{source.kind}: {len(manifest['files']):,} files, {size_mb:,.1f} MB, in {workspace.relative(root)}")


def read_file_list(path: Path) -> list[str]:
    """The files that Kaggle is expected to list: a path a line; empty lines and `#` comments are skipped."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    names = [line for line in lines if line and not line.startswith("#")]
    if not names:
        raise UsageError(f"{path}: names no file; write one path a line, as on the competition's data page")
    return names


def _draw(workspace: Workspace, program: Path, folder: Path) -> None:
    """Draw anew whenever the stage runs, since what `program` imports may have changed: it takes seconds."""
    module = importlib.import_module(f"competitions.{workspace.name}.{program.stem}")
    with replacing(folder) as beside:
        beside.mkdir()
        module.draw(beside, workspace.seed)


def _named_file(workspace: Workspace, source: SourceOptions) -> Path:
    path = source_path(workspace, source)
    usual = {"sample": "sample.py", "kaggle": "kaggle_files.txt"}[source.kind]
    if not path.is_file():
        raise UsageError(f"{workspace.params_path}: source.path: no file {path}; {source.kind} usually has {usual}")
    return path


if __name__ == "__main__":
    run(download)
