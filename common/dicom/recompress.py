"""DICOM files rewritten losslessly as HTJ2K or JPEG 2000: the same pixels and attributes in less room.

A file is rewritten only if everything comes back from what was written: each word of the pixels, and each attribute.
Any other file is copied as it is, with the reason, so that the new folder can stand in for the old one.
"""

import io
import shutil
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom import config
from pydicom.uid import UID

from common.dicom.at_once import DIED, needed_bytes, run
from common.dicom.decode import decode
from common.dicom.encode import set_pixels
from common.dicom.folder import files_below
from common.dicom.header import read_header
from common.dicom.transfer_syntax import HTJ2K, JPEG_2000, TransferSyntax
from common.dicom.unreadable import UnreadableRadiograph
from common.errors import PodiumError, UsageError
from common.files import replacing
from common.progress import track

SYNTAXES = {"htj2k": HTJ2K, "jpeg2000": JPEG_2000}
_PIXEL_DATA = 0x7FE00010


@dataclass(frozen=True)
class Saving:
    """copied  how many files were copied as they are, by reason
    there   how many were in the new folder already
    """

    rewritten: int
    copied: dict[str, int]
    there: int
    bytes_before: int
    bytes_after: int


def recompress_folder(folder: Path, out: Path, syntax: TransferSyntax, workers: int, memory_bytes: int) -> Saving:
    """Write each file of `folder` into `out` under its name; what is there already is kept.

    Raises UsageError where one folder lies in the other.
    """
    here, there = folder.resolve(), out.resolve()
    if here == there or here.is_relative_to(there) or there.is_relative_to(here):
        raise UsageError(f"{out} and {folder} must lie apart: originals are never touched")
    files = files_below(folder)
    if not files:
        raise PodiumError(f"{folder}: no files")
    todo = [path for path in files if not (out / path).exists()]
    sizes = [(folder / path).stat().st_size for path in todo]
    arguments = [(folder / path, out / path, syntax) for path in todo]
    needed = [2 * needed_bytes(folder / path) for path in todo]  # decoded once more from what was written
    reasons: Counter[str] = Counter()
    results = run(recompress_file, arguments, needed, workers, memory_bytes)
    for number, reason in track(results, "recompress", len(todo), "files", read_bytes=lambda result: sizes[result[0]]):
        if reason is None:
            _copy(folder / todo[number], out / todo[number])
        if reason != "":
            reasons[DIED if reason is None else reason] += 1
    after = sum((out / path).stat().st_size for path in todo)
    return Saving(len(todo) - reasons.total(), dict(reasons.most_common()), len(files) - len(todo), sum(sizes), after)


def recompress_file(source: Path, target: Path, syntax: TransferSyntax) -> str:
    """Write one file; returns the reason why it was copied as it is, else nothing."""
    data = source.read_bytes()
    try:
        smaller = recompressed(data, syntax)
    except UnreadableRadiograph as error:
        _copy(source, target)
        return str(error)
    with replacing(target) as beside:
        beside.write_bytes(smaller)
    return ""


def recompressed(data: bytes, syntax: TransferSyntax) -> bytes:
    """A DICOM file in another transfer syntax, proved to hold the same.

    Raises UnreadableRadiograph: not readable, nothing to gain, or not to be had without loss.
    """
    header = read_header(data)
    words = decode(header)
    if header.bits_allocated > 16 or header.bits_allocated == 1:
        raise UnreadableRadiograph(f"{header.bits_allocated} bits are allocated to a pixel; 8 or 16 can be rewritten")
    if words.itemsize != header.bits_allocated // 8:
        raise UnreadableRadiograph("its codestream has fewer bits than are allocated")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they would quote what stands in the file
            was, config.logger.disabled = config.logger.disabled, True
            try:
                written = _rewritten(data, words, syntax)
                same = _same_attributes(data, written)
            finally:
                config.logger.disabled = was
    except MemoryError:
        raise
    except Exception as error:  # pydicom stops at whatever is odd in a header
        raise UnreadableRadiograph(f"its header cannot be rewritten ({type(error).__name__})") from None
    if not same:
        raise UnreadableRadiograph("its header would change")
    if not np.array_equal(decode(read_header(written)), words):
        raise UnreadableRadiograph("its unused bits hold something, which would be lost")
    if len(written) >= len(data):
        raise UnreadableRadiograph("it is no larger as it is")
    return written


def _rewritten(data: bytes, words: np.ndarray, syntax: TransferSyntax) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.decode()  # raw values would be written in the byte order that they came in
    set_pixels(dataset, words, syntax)
    dataset.file_meta.TransferSyntaxUID = UID(syntax.uid)
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return file.getvalue()


def _same_attributes(data: bytes, written: bytes) -> bool:
    """Whether all but the pixel data is equal, beginning with which attributes there are."""
    before, after = (pydicom.dcmread(io.BytesIO(one)) for one in (data, written))
    for dataset in (before, after):
        del dataset[_PIXEL_DATA]
    tags = set(before.keys())
    return tags == set(after.keys()) and all(before[tag].value == after[tag].value for tag in tags)


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as beside:
        shutil.copyfile(source, beside)
