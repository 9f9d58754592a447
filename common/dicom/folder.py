"""A folder of DICOM files to a folder of 16-bit PNGs with the same names, resumable, and with a list of what failed."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import cv2

from common.code_hash import code_hash
from common.dicom.at_once import DIED, needed_bytes, run
from common.dicom.convert import convert
from common.dicom.options import DicomOptions
from common.dicom.png import encode_png16
from common.dicom.unreadable import UnreadableRadiograph
from common.errors import PodiumError, UsageError
from common.files import read_json, replacing, write_json, write_text
from common.progress import track

_MODULES = ("codestream", "convert", "decode", "header", "mapping", "png", "transfer_syntax", "values", "voi")
MADE_BY = tuple(f"common.dicom.{name}" for name in _MODULES)
"""The modules that decide what a picture looks like."""

SETTINGS = "settings.json"
UNREADABLE = "unreadable.csv"
_SUFFIXES = (".dcm", ".dicom", ".dic", ".ima")


@dataclass(frozen=True)
class Outcome:
    """What became of a folder: counts, and the reason of each file that gave no picture, by its relative path."""

    made: int
    kept: int
    unreadable: dict[str, str]


def files_below(folder: Path) -> list[Path]:
    """Paths of all files relative to `folder`, sorted; hidden files and folders left out."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.parts))


def png_names(files: list[Path]) -> dict[Path, Path]:
    """Each file's PNG: the same relative name, `.png` instead of `.dcm`; dots in a UID are no suffix.

    Of files that would share a name each keeps its suffix before the `.png`.
    """
    short = {path: path.with_name(path.name[: -len(_suffix(path)) or None] + ".png") for path in files}
    counts = Counter(str(png).lower() for png in short.values())
    return {
        path: png if counts[str(png).lower()] == 1 else path.with_name(path.name + ".png")
        for path, png in short.items()
    }


def convert_folder(
    folder: Path, out: Path, options: DicomOptions, workers: int, memory_bytes: int, overwrite: bool = False
) -> Outcome:
    """Write a PNG into `out` for each file of `folder` that can be read, and `unreadable.csv` (file, reason).

    memory_bytes  what all processes together may take; a file that needs more is done by itself
    overwrite     replace pictures that were not made by the same settings and code

    A run that was stopped goes on with what is missing. Raises UsageError where `out` holds other pictures.
    """
    names = png_names(files_below(folder))
    _claim(folder, out, options, names, overwrite)
    todo = [path for path in names if not (out / names[path]).is_file()]
    arguments = [(folder / path, out / names[path], options) for path in todo]
    sizes = [(folder / path).stat().st_size for path in todo]
    needed = [needed_bytes(folder / path, options.frame) for path in todo]
    results = run(convert_file, arguments, needed, workers, memory_bytes)
    unreadable = {}
    tracked = track(results, "convert", len(todo), "files", read_bytes=lambda result: sizes[result[0]])
    for number, reason in tracked:
        if reason != "":
            unreadable[todo[number].as_posix()] = DIED if reason is None else reason
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("file", "reason"), *sorted(unreadable.items())])
    write_text(out / UNREADABLE, text.getvalue())
    return Outcome(len(todo) - len(unreadable), len(names) - len(todo), dict(sorted(unreadable.items())))


def convert_file(source: Path, png: Path, options: DicomOptions) -> str:
    """Write the PNG of one file; returns the reason why there is none, else nothing."""
    cv2.setNumThreads(1)  # the processes share out the cores already
    try:
        pixels = convert(source, options).pixels
    except UnreadableRadiograph as error:
        return str(error)
    except MemoryError:
        return "needs more memory than there is"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    with replacing(png) as beside:
        beside.write_bytes(encode_png16(pixels))
    return ""


def _claim(folder: Path, out: Path, options: DicomOptions, names: dict[Path, Path], overwrite: bool) -> None:
    """Make `out` the folder of these pictures, or say what stands in the way."""
    if out.resolve() == folder.resolve() or folder.resolve().is_relative_to(out.resolve()):
        raise UsageError(f"{out} holds the DICOM files: give another folder for the pictures")
    if not names:
        raise PodiumError(f"{folder}: no files")
    told = {
        "from": str(folder.resolve()),
        "options": options.model_dump(mode="json"),
        "code": code_hash(*MADE_BY),
    }
    if (out / SETTINGS).is_file() and read_json(out / SETTINGS) == told:
        return
    there = [png for png in names.values() if (out / png).exists()]
    if there and not overwrite:
        raise UsageError(
            f"{out} holds {len(there)} picture(s) made with other settings, or by someone else, as {there[0]}: "
            "give another folder, or --overwrite to replace them"
        )
    for png in there:
        (out / png).unlink()
    write_json(out / SETTINGS, told)


def _suffix(path: Path) -> str:
    return path.suffix if path.suffix.lower() in _SUFFIXES else ""
