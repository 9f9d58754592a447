"""`podium dicom`: any folder, plain words, and nothing written over unasked."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from common.dicom.transfer_syntax import JPEG_2000
from pipelines.cli import app
from tests.common.dicom.drawn import drawn, noise


def podium(*arguments: str | Path):
    return CliRunner().invoke(app, ["dicom", *map(str, arguments)])


@pytest.fixture
def radiograph(tmp_path: Path) -> Path:
    path = tmp_path / "one.dcm"
    given = {"BitsStored": 12, "PhotometricInterpretation": "MONOCHROME1", "RescaleSlope": 2, "RescaleIntercept": -100}
    window = {"WindowCenter": 1000, "WindowWidth": 500, "PixelPaddingValue": 7}
    path.write_bytes(drawn(noise((40, 30), 12), JPEG_2000, PatientName="NOBODY^SECRET", **given, **window))
    return path


def test_show_says_what_is_done_and_writes_the_picture(radiograph):
    shown = podium("show", radiograph)
    assert shown.exit_code == 0, shown.output
    for words in (
        "JPEG 2000 Lossless, decoder: imagecodecs jpeg2k",
        "40 rows of 30 pixels, 12 of 16 bits, unsigned",
        "times 2 -100 (Rescale Slope and Intercept)",
        "the file's window, LINEAR, centre 1000, width 500",
        "inverted: MONOCHROME1, high is dark",
        "the stored value 7 is around the picture",
    ):
        assert words in shown.output
    assert "SECRET" not in shown.output
    assert cv2.imread(str(radiograph.with_suffix(".png")), cv2.IMREAD_UNCHANGED).dtype == np.uint16


def test_show_replaces_nothing_unasked(radiograph):
    radiograph.with_suffix(".png").write_text("mine")
    assert podium("show", radiograph).exit_code != 0
    assert radiograph.with_suffix(".png").read_text() == "mine"
    assert podium("show", radiograph, "--overwrite", "--window", "percentiles", "--percentiles", "1,99").exit_code == 0


def test_show_says_why_there_is_no_window(tmp_path):
    (tmp_path / "one.dcm").write_bytes(drawn(noise(bits=10), BitsStored=10))
    shown = podium("show", tmp_path / "one.dcm", "--longest-side-px", "20").output
    assert "0 to 1023 spread over 0 to 65535: all that 10 bits can hold; the file gives no window" in shown
    assert "no rescale and no modality LUT" in shown and "reduced by area to 20 pixels" in shown


def test_convert_tells_what_became_of_the_files(radiograph, tmp_path, capfd):
    (tmp_path / "broken.dcm").write_bytes(radiograph.read_bytes()[:600])
    told = podium("convert", tmp_path, tmp_path / "out", "--workers", "1", "--max-memory-gb", "1")
    assert told.exit_code == 0, told.output
    assert "1 pictures written to" in told.output and "1 files gave none" in told.output
    assert "files/s" in told.output and "MB/s" in told.output
    again = podium("convert", tmp_path, tmp_path / "out2", "--window", "nothing")
    assert again.exit_code != 0 and not (tmp_path / "out2").exists()


def test_convert_fails_where_nothing_could_be_read(tmp_path):
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "a.txt").write_text("no")
    assert podium("convert", tmp_path / "from", tmp_path / "out", "--workers", "1").exit_code == 1


def test_recompress_reports_what_it_saved(tmp_path):
    (tmp_path / "from").mkdir()
    (tmp_path / "from/one.dcm").write_bytes(drawn(np.full((99, 99), 7, np.uint16)))
    told = podium("recompress", tmp_path / "from", tmp_path / "to", "--workers", "1", "--to", "jpeg2000")
    assert told.exit_code == 0 and "1 files rewritten as JPEG 2000 Lossless" in told.output
    assert "less)" in told.output
    assert podium("recompress", tmp_path / "from", tmp_path / "to2", "--to", "zip").exit_code != 0
