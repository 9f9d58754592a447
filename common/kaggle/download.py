"""A competition's files from Kaggle, each whole or not there."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from common.errors import PodiumError
from common.kaggle.client import KaggleClient
from common.kaggle.transfer import check_space, fetch, partial_bytes
from common.options import nearest

_MOST_BARS = 20


def download_files(slug: str, names: Sequence[str], folder: Path, list_path: Path) -> list[Path]:
    """Have the files `names` of the competition in `folder`; only missing ones are fetched.

    `SLUG.zip` stands for the zip of all files, which is the way for competitions with thousands of loose
    pictures. Without anything missing, neither network nor credentials are needed. A large table comes as
    `NAME.zip`, as Kaggle hands it out. `list_path` is named in messages about wrong names.

    Returns the files' paths. Raises PodiumError saying what to do; an interrupted download goes on next time.
    """
    for name in names:
        _check_name(name, list_path)
    missing = [name for name in names if delivered(folder, name) is None]
    if missing:
        client = KaggleClient(slug)
        bundle = f"{slug}.zip"
        sizes = _sizes(client, [name for name in missing if name != bundle], list_path)
        check_space(folder, sum(max(size - partial_bytes(folder / name), 0) for name, size in sizes.items()))
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
            for number, name in enumerate(missing, start=1):
                task = progress.add_task(f"{name} ({number} of {len(missing)})", total=sizes.get(name))
                fetch(
                    folder / name,
                    lambda name=name: client.locate(None if name == bundle else name),  # type: ignore[misc]
                    sizes.get(name),
                    lambda done, total, task=task: progress.update(task, completed=done, total=total),  # type: ignore[misc]
                )
                progress.update(task, visible=len(missing) <= _MOST_BARS)
    return [path for name in names if (path := delivered(folder, name)) is not None]


def delivered(folder: Path, name: str) -> Path | None:
    """Where a file lies that has come whole, as itself or zipped, or None."""
    for path in (folder / name, folder / f"{name}.zip"):
        if path.is_file():
            return path
    return None


def _sizes(client: KaggleClient, names: Sequence[str], list_path: Path) -> dict[str, int]:
    if not names:
        return {}
    listed = client.file_sizes()
    for name in names:
        if name not in listed:
            close = nearest(name, listed) if len(listed) < 2000 else ""
            raise PodiumError(
                f"{list_path}: correct the list, or name {client.slug}.zip for all files in one zip: Kaggle"
                f" lists no file '{name}' for '{client.slug}'{close}"
            )
    return {name: listed[name] for name in names}


def _check_name(name: str, list_path: Path) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or any(part.startswith(".") for part in path.parts):
        raise PodiumError(f"{list_path}: '{name}' is not the path of a file below the competition's data")
