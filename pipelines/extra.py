"""Stage `extra`: list the files of one source of extra labelled data, so that a change of them is seen."""

from common.errors import UsageError
from common.files import read_json, write_json
from common.options import parse
from common.raw.extra import ExtraSource, open_sources
from common.raw.manifest import check_files, make_manifest
from common.raw.options import ExtraOptions
from pipelines.stage import run
from pipelines.workspace import Workspace


def extra(workspace: Workspace, source: str) -> None:
    """Write extra/SOURCE.json, the manifest of the files of `source0`, `source1`, ... of the recipe."""
    number = int(source.removeprefix("source"))
    one = recipe_sources(workspace)[number]
    manifest = make_manifest(one.files.root)
    write_json(workspace.extra_manifest(number), manifest)
    print(f"{one.name}: {len(manifest['files']):,} files ({one.source})")


def recipe_sources(workspace: Workspace) -> list[ExtraSource]:
    """The sources that the active recipe names."""
    given = workspace.params.get("extra", [])
    if not isinstance(given, list):
        raise UsageError(f"{workspace.params_path}: extra: expected a list of path and source, found {given!r}")
    options = [parse(ExtraOptions, one, f"{workspace.params_path}: extra.{number}") for number, one in enumerate(given)]
    return open_sources(options, workspace.folder)


def checked_sources(workspace: Workspace) -> list[ExtraSource]:
    """The sources, after a look at names and sizes of their files."""
    sources = recipe_sources(workspace)
    for number, one in enumerate(sources):
        path = workspace.extra_manifest(number)
        if not path.is_file():
            raise UsageError(f"{path}: no such file; the stage extra@source{number} writes it (dvc repro)")
        check_files(one.files.root, read_json(path), f"run the stage extra@source{number} again (dvc repro)")
    return sources


if __name__ == "__main__":
    run(extra, source=str)
