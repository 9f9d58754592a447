"""Where the raw files of a competition lie, and how the stages after `download` open them."""

from pathlib import Path

from common.errors import PodiumError, UsageError
from common.files import read_json
from common.raw.files import RawFiles
from common.raw.manifest import check_files
from common.raw.options import SourceOptions
from pipelines.workspace import Workspace


def raw_root(workspace: Workspace) -> Path:
    """The folder (or single zip) of the active source.

    Drawn and downloaded files lie apart, so that switching sources costs no second download; `local` files
    stay where they are. Raises UsageError naming `source.path` when there is nothing at that path.
    """
    source = workspace.section(SourceOptions, "source")
    if source.kind != "local":
        return workspace.raw_folder / source.kind
    path = source_path(workspace, source)
    if not path.exists():
        raise UsageError(f"{workspace.params_path}: source.path: there is no folder or zip at {path}")
    return path


def source_path(workspace: Workspace, source: SourceOptions) -> Path:
    """`source.path`, which starts at the competition's folder unless it is absolute."""
    return (workspace.folder / Path(source.path).expanduser()).resolve()


def open_raw(workspace: Workspace) -> RawFiles:
    """The raw files that the stage `download` listed.

    Names and sizes are compared with the manifest, contents are not: that would read everything once more.
    Raises PodiumError naming the first file that differs.
    """
    # DVC sees edits in a local folder, but not that drawn or downloaded files are gone: so by force.
    stage = workspace.relative(workspace.folder / "dvc.yaml") + ":download"
    remedy = f"run `dvc repro --single-item --force {stage}`, which has and lists them afresh"
    if not workspace.raw_manifest.is_file():
        raise PodiumError(f"{workspace.raw_manifest}: no such file; {remedy}")
    root = raw_root(workspace)
    if not root.exists():
        raise PodiumError(f"{root}: the raw files are gone; {remedy}")
    check_files(root, read_json(workspace.raw_manifest), remedy)
    return RawFiles(root, bundle=workspace.competition.slug)
