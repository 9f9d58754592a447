"""A folder of DICOM files becomes a folder of PNGs; what cannot be read is listed, and a stopped run goes on."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from common.dicom import at_once
from common.dicom.at_once import needed_bytes, run
from common.dicom.convert import convert
from common.dicom.folder import Outcome, convert_folder, png_names
from common.dicom.options import DicomOptions
from common.dicom.transfer_syntax import BY_UID, JPEG_2000
from common.errors import UsageError
from tests.common.dicom.drawn import drawn, noise

GB = 1 << 30


@pytest.fixture
def radiographs(tmp_path: Path) -> Path:
    """Two readable files in nested folders, one that is cut short, one that is none."""
    folder = tmp_path / "from"
    (folder / "study/1.2.840.10").mkdir(parents=True)
    (folder / "study/1.2.840.10/1.2.3-c.dcm").write_bytes(drawn(noise((30, 20)), PatientName="NOBODY^SECRET"))
    (folder / "study/1.2.840.77").write_bytes(drawn(noise((9, 8), 10), JPEG_2000, BitsStored=10))
    (folder / "short.dcm").write_bytes(drawn(noise())[:-100])
    (folder / "notes.txt").write_text("SECRET is well")
    return folder


def converted(folder: Path, out: Path, workers: int = 1, overwrite: bool = False, **options) -> Outcome:
    return convert_folder(folder, out, DicomOptions(**options), workers, GB, overwrite)


@pytest.mark.parametrize("workers", [1, 2])
def test_each_readable_file_becomes_a_png_of_its_name(radiographs, tmp_path, workers):
    out = tmp_path / "out"
    outcome = converted(radiographs, out, workers)
    assert (outcome.made, outcome.kept) == (2, 0)
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.png")) == [
        "study/1.2.840.10/1.2.3-c.png",
        "study/1.2.840.77.png",
    ]
    pixels = cv2.imread(str(out / "study/1.2.840.77.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(pixels, convert(radiographs / "study/1.2.840.77").pixels)
    listed = pd.read_csv(out / "unreadable.csv").to_numpy().tolist()
    assert listed == [
        ["notes.txt", "not a DICOM file"],
        ["short.dcm", "its pixel data is cut short: 3,822 of 3,922 bytes"],
    ]
    assert not any(b"SECRET" in path.read_bytes() for path in out.rglob("*") if path.is_file())


def test_a_second_run_makes_what_is_missing(radiographs, tmp_path):
    out = tmp_path / "out"
    converted(radiographs, out)
    (out / "study/1.2.840.77.png").unlink()
    kept = out / "study/1.2.840.10/1.2.3-c.png"
    before = kept.stat().st_mtime_ns
    outcome = converted(radiographs, out)
    assert (outcome.made, outcome.kept, len(outcome.unreadable)) == (1, 1, 2)
    assert kept.stat().st_mtime_ns == before


def test_pictures_made_otherwise_are_not_replaced_unasked(radiographs, tmp_path):
    out = tmp_path / "out"
    for name in ("study/1.2.840.10/1.2.3-c.png", "study/1.2.840.77.png"):
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text("mine")
    with pytest.raises(UsageError, match=r"holds 2 picture\(s\) made with other settings, or by someone else"):
        converted(radiographs, out, window="percentiles")
    assert converted(radiographs, out, window="percentiles", overwrite=True).made == 2


def test_the_originals_cannot_be_written_over(radiographs):
    with pytest.raises(UsageError, match="give another folder"):
        converted(radiographs, radiographs)
    with pytest.raises(UsageError, match="give another folder"):
        converted(radiographs / "study", radiographs)


def test_dots_in_a_uid_are_no_suffix_and_equal_names_are_kept_apart():
    names = png_names([Path("a/1.2.3"), Path("a/1.2.3.dcm"), Path("b/1.2.4.DCM"), Path("b/c")])
    assert [str(path) for path in names.values()] == ["a/1.2.3.png", "a/1.2.3.dcm.png", "b/1.2.4.png", "b/c.png"]


def test_how_many_at_once_follows_from_their_decoded_size(tmp_path):
    path = tmp_path / "one.dcm"
    path.write_bytes(drawn(np.zeros((2000, 1500), np.uint16), BY_UID["1.2.840.10008.1.2.5"]))
    needed = needed_bytes(path)
    assert 3_000_000 * 10 < needed < 3_000_000 * 14
    each = needed + at_once._PROCESS_BYTES
    assert [at_once.at_once(needed, 8, room) for room in (0, each, 3 * each + 1, 99 * each)] == [1, 1, 3, 8]


def test_a_header_longer_than_what_is_read_at_first_is_read_whole(tmp_path):
    path = tmp_path / "one.dcm"
    path.write_bytes(drawn(noise((50, 60)), DerivationDescription="y" * 1000, PatientComments="x" * 8000))
    short = needed_bytes(path)
    old, at_once._HEADER_BYTES = at_once._HEADER_BYTES, 2000
    try:
        assert needed_bytes(path) == short > 50 * 60 * 10
    finally:
        at_once._HEADER_BYTES = old


def test_a_call_that_kills_its_process_takes_no_other_along():
    """First two at a time, then one by one."""
    arguments = [(number,) for number in range(6)]
    results = dict(run(dies_at_three, arguments, [0] * 6, workers=2, memory_bytes=GB))
    assert results == {0: 0, 1: 1, 2: 4, 3: None, 4: 16, 5: 25}


def dies_at_three(number: int) -> int:
    if number == 3:
        os.abort()
    return number * number


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
def test_converting_takes_no_more_memory_than_was_reckoned(tmp_path):
    for syntax in ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"):
        (tmp_path / f"{syntax}.dcm").write_bytes(drawn(noise((1500, 2000), 9), BY_UID[syntax], BitsStored=9))
    command = [sys.executable, "-c", MEASURE, *sorted(map(str, tmp_path.glob("*.dcm")))]
    returned = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}  # what is freed goes back at once
    told = subprocess.run(command, env=returned, capture_output=True, text=True, check=True).stdout.splitlines()
    for line in told:
        took, reckoned = map(int, line.split())
        assert 0.3 * reckoned < took < reckoned + 5_000_000
    assert len(told) == 4


MEASURE = """
import sys
from pathlib import Path
from common.dicom.at_once import needed_bytes
from common.dicom.folder import convert_file
from common.dicom.options import DicomOptions

def now(name):
    return 1024 * int(next(line for line in open("/proc/self/status") if name in line).split()[1])

convert_file(Path(sys.argv[1]), Path(sys.argv[1]).with_suffix(".png"), DicomOptions())
for path in map(Path, sys.argv[1:]):
    Path("/proc/self/clear_refs").write_text("5")  # the peak is forgotten
    before = now("VmRSS")
    convert_file(path, path.with_suffix(".png"), DicomOptions())
    print(now("VmHWM") - before, needed_bytes(path))
"""
