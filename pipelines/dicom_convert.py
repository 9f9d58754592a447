"""`podium dicom convert` and `podium dicom show`."""

import os
from pathlib import Path

from common.dicom.at_once import free_memory_bytes
from common.dicom.convert import convert
from common.dicom.explain import explain
from common.dicom.folder import UNREADABLE, convert_folder
from common.dicom.options import DicomOptions
from common.dicom.png import encode_png16
from common.errors import UsageError
from common.files import replacing

_REASONS_SHOWN = 5


def convert_command(
    folder: Path, out: Path, options: DicomOptions, workers: int | None, max_memory_gb: float | None, overwrite: bool
) -> int:
    """Convert a folder and say what became of it; returns the exit code: 1 where nothing could be read."""
    outcome = convert_folder(
        folder, out, options, workers or (os.cpu_count() or 1), memory_bytes(max_memory_gb), overwrite
    )
    kept = f"; {outcome.kept:,} were there already" if outcome.kept else ""
    print(f"{outcome.made:,} pictures written to {out}{kept}")
    if outcome.unreadable:
        print(f"{len(outcome.unreadable):,} files gave none; {out / UNREADABLE} says why:")
        counts: dict[str, int] = {}
        for reason in outcome.unreadable.values():
            counts[reason] = counts.get(reason, 0) + 1
        most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        for reason, count in most[:_REASONS_SHOWN]:
            print(f"  {count:>6,}  {reason}")
        if rest := sum(count for _, count in most[_REASONS_SHOWN:]):
            print(f"  {rest:>6,}  for other reasons")
    return 0 if outcome.made or outcome.kept else 1


def show_command(file: Path, out: Path | None, options: DicomOptions, overwrite: bool) -> int:
    """Print what is done to a file, and write its PNG beside it or to `out`."""
    if not file.is_file():
        raise UsageError(f"{file}: no such file")
    png = out or file.with_name(f"{file.name.removesuffix('.dcm')}.png")
    if png.exists() and not overwrite:
        raise UsageError(f"{png} exists: --out names another file, --overwrite replaces this one")
    data = file.read_bytes()
    for step, words in explain(data, options):
        print(f"{step:<9} {words}")
    pixels = convert(data, options).pixels
    with replacing(png) as beside:
        beside.write_bytes(encode_png16(pixels))
    print(f"{'written':<9} {png}, {pixels.shape[1]} x {pixels.shape[0]}")
    return 0


def memory_bytes(max_memory_gb: float | None) -> int:
    return free_memory_bytes() if max_memory_gb is None else int(max_memory_gb * 1e9)
