"""Real files of many makers, where they are: each is read within one count of the reference, or refused rightly."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest

from common.dicom.convert import convert
from common.dicom.decode import decode
from common.dicom.header import read_header
from common.dicom.options import DicomOptions
from common.dicom.unreadable import UnreadableRadiograph
from tests.common.dicom.reference import reference, stored_values

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "dicom"
INVENTORY = pd.read_csv(FOLDER / "inventory.csv") if FOLDER.is_dir() else pd.DataFrame({"file": []})
FILES = list(INVENTORY["file"])

pytestmark = pytest.mark.skipif(not FILES, reason="../shared/data/dicom is not here")


def is_grey(row: pd.Series) -> bool:
    return str(row["photometric"]).startswith("MONOCHROME") and not str(row["decoded"]).startswith("float")


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_agrees_with_the_reference_or_is_refused(name):
    data = (FOLDER / name).read_bytes()
    row = INVENTORY.set_index("file").loc[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(FOLDER / name, force=True)
    frames = int(dataset.get("NumberOfFrames") or 1) if name != "other/badVR.dcm" else 0
    if not is_grey(row) or frames == 0:
        with pytest.raises(UnreadableRadiograph):
            convert(data)
        return
    options = DicomOptions(frame=frames - 1) if frames > 1 else DicomOptions()
    if frames > 1:
        with pytest.raises(UnreadableRadiograph, match=f"has {frames} frames"):
            convert(data)
    words = decode(read_header(data, options.frame), options.frame or 0)
    if frames == 1 or "liver" in name:  # the others give windows frame by frame
        pixels, some = convert(data, options).pixels, slice(None, None, 1 + words.shape[0] // 1500)
        assert np.abs(pixels[some, some] - reference(words[some, some], dataset)).max() <= 1
    assert_same_pixels_as_pydicom(dataset, words, options.frame)


def assert_same_pixels_as_pydicom(dataset: pydicom.Dataset, words: np.ndarray, frame: int | None) -> None:
    """Where pydicom decodes without a plugin: the same stored values."""
    if dataset.file_meta.TransferSyntaxUID not in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = dataset.pixel_array
    expected = expected[frame] if frame is not None else expected
    assert np.array_equal(stored_values(words, dataset), expected)


@pytest.mark.parametrize("name", ["RG2", "XA1"])
def test_the_same_radiograph_is_the_same_picture_in_every_lossless_syntax(name):
    files = [FOLDER / "xray" / f"{name}_{kind}.dcm" for kind in ("UNC", "RLE", "JPLL", "JLSL", "J2KR")]
    first, *others = [convert(path).pixels for path in files]
    for other in others:
        assert np.array_equal(first, other)


@pytest.mark.parametrize("name", ["RG2", "XA1"])
def test_twelve_bit_jpeg_extended_is_close_to_the_other_lossy_form(name):
    one, other = (convert(FOLDER / "xray" / f"{name}_{kind}.dcm").pixels.astype(float) for kind in ("JPLY", "J2KI"))
    assert np.abs(one - other).mean() < 500
