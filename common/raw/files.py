"""A competition's raw files under the names that Kaggle's page shows, whether they lie loose or in zips."""

import bisect
import difflib
import io
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd

from common.errors import PodiumError
from common.raw.archives import Archive, Member
from common.raw.delivered import delivered_files

_NESTING = 2  # zips in the folder, and zips in those


@dataclass(frozen=True)
class RawFiles:
    """A folder of raw files, read in place and never written to; zips in it are not unpacked.

    root    the folder, or a single zip
    bundle  Kaggle's download of all files is one zip, named after the competition; its name without `.zip`

    Names are POSIX paths. What lies in a zip appears as if it had been unpacked where the zip lies:

    - the bundle, and a zip that is the only file, are transparent: `SLUG.zip` holding `labels.csv` gives
      `labels.csv`;
    - a zip of one file that it is named after gives that file: `labels.csv.zip` gives `labels.csv`;
    - any other zip is a folder: `train.zip` gives `train/cat.0.jpg`, no matter whether it holds
      `train/cat.0.jpg` or `cat.0.jpg`.

    Zips in zips are opened once more (`SLUG.zip` holding `train.zip`), deeper ones are files. Where a name
    comes up twice, a loose file wins over a zip, and a zip over a zip in a zip. Hidden files and macOS's
    `__MACOSX` are left out.

    Can be pickled and used in worker processes; each of them looks into the folder once. It shows the files
    that were there at its first use.
    """

    root: Path
    bundle: str = ""
    _token: str = field(default_factory=lambda: uuid4().hex, repr=False)

    def names(self) -> list[str]:
        """All names, in text order."""
        return list(_index(self))

    def under(self, folder: str) -> list[str]:
        """The names below `folder`, in text order."""
        prefix = folder.rstrip("/") + "/"
        names = self.names()
        return names[bisect.bisect_left(names, prefix) : bisect.bisect_left(names, prefix[:-1] + "0")]

    def read_bytes(self, name: str) -> bytes:
        """The content of a file.

        Raises PodiumError when there is no such file (naming the nearest), or when its archive is damaged.
        """
        source = _index(self).get(name)
        if source is None:
            raise PodiumError(f"{self.root}: no file '{name}'{self._nearest(name)}")
        if isinstance(source, Member):
            return source.archive.read(source)
        try:
            return source.read_bytes()
        except OSError as error:
            raise PodiumError(
                f"{source}: cannot be read ({error.strerror}); the stage `download` looks at the files afresh"
            ) from None

    def read_begin(self, name: str, most: int) -> bytes:
        """The first bytes of a file, at most so many."""
        source = _index(self)[name]
        if isinstance(source, Member):
            return source.archive.read_begin(source, most)
        with open(source, "rb") as file:
            return file.read(most)

    def stamp(self, name: str) -> tuple[str, int]:
        """A mark that changes with the content, without reading it, and the size in bytes.

        The checksum of what lies in a zip; of a loose file, when it was last written.
        """
        source = _index(self)[name]
        if isinstance(source, Member):
            return f"{source.crc32:08x}", source.bytes
        about = source.stat()
        return str(about.st_mtime_ns), about.st_size

    def read_csv(self, name: str, **pandas_keywords: Any) -> pd.DataFrame:
        """A CSV file as a table; the keywords are those of `pandas.read_csv`.

        Without `dtype` every column is text as it stands there ("007", "NA"), only an empty cell is missing.
        """
        content = self.read_bytes(name)
        if "dtype" not in pandas_keywords:
            pandas_keywords = {"dtype": str, "keep_default_na": False, "na_values": [""], **pandas_keywords}
        try:
            return pd.read_csv(io.BytesIO(content), **pandas_keywords)
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            raise PodiumError(f"{self.root}: {name}: not a CSV file that can be read: {str(error).strip()}") from None

    def _nearest(self, name: str) -> str:
        base = name.rpartition("/")[2]
        names = self.names()
        same = [known for known in names if known.rpartition("/")[2] == base]
        folder = [known for known in names if known.rpartition("/")[0] == name.rpartition("/")[0]]
        # Comparing with tens of thousands of pictures would take longer than the reader's patience.
        close = same[:1] or difflib.get_close_matches(name, [*folder[:2000], *names[:2000]], n=1, cutoff=0.5)
        if close:
            return f"; the nearest is '{close[0]}'"
        some = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        return f"; there are {len(names):,} files: {some}" if names else "; there is no file at all"


@lru_cache(maxsize=4)
def _index(files: RawFiles) -> dict[str, Path | Member]:
    """Name to where the content lies, sorted by name. One a process: pickled copies share the token."""
    level: dict[str, Path | Member] = dict(delivered_files(files.root))
    found = dict(level)
    opened = set()
    for depth in range(_NESTING):
        inner: dict[str, Member] = {}
        for name, source in level.items():
            if not name.lower().endswith(".zip"):
                continue
            opened.add(name)
            archive = source.archive.open_nested(source) if isinstance(source, Member) else Archive(source, str(source))
            transparent = depth == 0 and (name == f"{files.bundle}.zip" or len(level) == 1)
            for logical, member in _logical_names(name, archive, transparent):
                _add(inner, logical, member)
        level = {name: member for name, member in sorted(inner.items()) if name not in found}
        found |= level
    return dict(sorted((name, source) for name, source in found.items() if name not in opened))


def _logical_names(name: str, archive: Archive, transparent: bool) -> list[tuple[str, Member]]:
    stem = name[: -len(".zip")]
    parent, slash, base = stem.rpartition("/")
    members = archive.members
    if transparent:
        return [(parent + slash + member.name, member) for member in members]
    if [member.name for member in members] == [base]:
        return [(stem, members[0])]
    return [
        (
            f"{parent}{slash}{member.name}" if member.name.startswith(f"{base}/") else f"{stem}/{member.name}",
            member,
        )
        for member in members
    ]


def _add(names: dict[str, Member], name: str, member: Member) -> None:
    """Two zips may hold the same file, but not two different ones under one name."""
    other = names.setdefault(name, member)
    if (other.crc32, other.bytes) != (member.crc32, member.bytes):
        raise PodiumError(
            f"'{name}' is in {other.archive.label} and, with other content, in {member.archive.label};"
            " take away the one that does not belong there"
        )
