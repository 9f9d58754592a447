"""`podium dicom recompress`."""

import os
from pathlib import Path

from common.dicom.recompress import SYNTAXES, recompress_folder
from common.errors import UsageError
from common.options import nearest
from pipelines.dicom_convert import memory_bytes


def recompress_command(folder: Path, out: Path, to: str, workers: int | None, max_memory_gb: float | None) -> int:
    """Rewrite a folder and report the saving; returns the exit code."""
    if to not in SYNTAXES:
        raise UsageError(f"--to {to}: not written here{nearest(to, SYNTAXES)}")
    cores = workers or (os.cpu_count() or 1)
    saving = recompress_folder(folder, out, SYNTAXES[to], cores, memory_bytes(max_memory_gb))
    there = f"; {saving.there:,} were there already" if saving.there else ""
    print(f"{saving.rewritten:,} files rewritten as {SYNTAXES[to].name}, the same pixel by pixel{there}")
    for reason, count in saving.copied.items():
        print(f"{count:,} copied as they are: {reason}")
    before, after = saving.bytes_before, saving.bytes_after
    less = f" ({1 - after / before:.1%} less)" if before else ""
    print(f"{before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB after{less}")
    return 0
