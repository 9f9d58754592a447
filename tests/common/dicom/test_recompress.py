"""Rewritten files hold the same pixels and attributes in less room; all others are copied as they are."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest

from common.dicom.convert import convert
from common.dicom.decode import decode
from common.dicom.header import read_header
from common.dicom.recompress import recompress_folder, recompressed
from common.dicom.transfer_syntax import BIG_ENDIAN, DEFLATED, EXPLICIT, HTJ2K, IMPLICIT, JPEG_2000
from common.dicom.unreadable import UnreadableRadiograph
from common.errors import UsageError
from tests.common.dicom.drawn import drawn

GB = 1 << 30


def smooth(bits: int, signed: bool = False, shape: tuple[int, int] = (90, 70)) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    values = 2 ** (bits - 1) * (1 + 0.9 * np.sin(x / 20) * np.cos(y / 15)) - (2 ** (bits - 1) if signed else 0)
    kind = np.int8 if bits <= 8 else np.int16
    return (
        np.clip(values, -(2 ** (bits - 1)) if signed else 0, 2**bits - 1)
        .astype(int)
        .astype(kind)
        .view(f"u{kind().itemsize}")
    )


@pytest.mark.parametrize("to", [HTJ2K, JPEG_2000], ids=["htj2k", "jpeg2000"])
@pytest.mark.parametrize("source", [EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED], ids=lambda syntax: syntax.name)
@pytest.mark.parametrize(
    ("bits", "signed"), [(8, False), (10, False), (12, True), (15, False), (16, False), (16, True)]
)
def test_pixels_and_attributes_come_back(to, source, bits, signed):
    given = {"BitsStored": bits, "PixelRepresentation": int(signed), "PatientName": "Müller^Jürgen", "WindowCenter": 40}
    given |= {"SpecificCharacterSet": "ISO_IR 100", "WindowWidth": 400, "PixelPaddingValue": 3, "StudyDate": "20200102"}
    data = drawn(smooth(bits, signed), source, **given)
    written = recompressed(data, to)
    before, after = (pydicom.dcmread(io.BytesIO(one)) for one in (data, written))
    assert after.file_meta.TransferSyntaxUID == to.uid
    assert after.PatientName == "Müller^Jürgen"
    del before.PixelData, after.PixelData
    assert before == after
    assert np.array_equal(decode(read_header(data)), decode(read_header(written)))
    assert np.array_equal(convert(data).pixels, convert(written).pixels)
    assert len(written) < len(data) or source is DEFLATED


def test_the_codestream_says_the_bits_that_are_stored():
    for to in (HTJ2K, JPEG_2000):
        written = recompressed(drawn(smooth(12), BitsStored=12), to)
        begin = written.index(b"\xff\x4f\xff\x51")
        assert written[begin + 42] == 11


@pytest.mark.parametrize(
    ("words", "attributes", "reason"),
    [
        (smooth(12) | 0x8000, {"BitsStored": 12}, "its unused bits hold something"),
        (smooth(12) << 4, {"BitsStored": 12, "HighBit": 15}, "its unused bits hold something"),
        (smooth(12).astype(np.uint32), {}, "32 bits are allocated"),
        (np.zeros((3, 3), np.uint16), {}, "it is no larger as it is"),
    ],
)
def test_what_would_lose_or_not_shrink_is_refused(words, attributes, reason):
    with pytest.raises(UnreadableRadiograph, match=reason):
        recompressed(drawn(words, **attributes), HTJ2K)


def test_a_folder_is_rewritten_as_a_whole_and_the_originals_stay(tmp_path):
    (tmp_path / "from/1.2.3").mkdir(parents=True)
    files = {"1.2.3/a": drawn(smooth(12), BitsStored=12), "1.2.3/b.dcm": b"no DICOM", "c.dcm": drawn(smooth(8))[:900]}
    for name, data in files.items():
        (tmp_path / "from" / name).write_bytes(data)
    saving = recompress_folder(tmp_path / "from", tmp_path / "to", HTJ2K, 1, GB)
    assert saving.rewritten == 1 and saving.copied.keys() == {
        "not a DICOM file",
        next(reason for reason in saving.copied if "cut short" in reason),
    }
    assert saving.bytes_before == sum(map(len, files.values()))
    assert saving.bytes_after == sum(path.stat().st_size for path in (tmp_path / "to").rglob("*") if path.is_file())
    for name, data in files.items():
        assert (tmp_path / "from" / name).read_bytes() == data
        assert ((tmp_path / "to" / name).read_bytes() == data) == (name != "1.2.3/a")
    assert recompress_folder(tmp_path / "from", tmp_path / "to", HTJ2K, 1, GB).there == 3


def test_folders_inside_each_other_are_refused(tmp_path):
    (tmp_path / "from").mkdir()
    for out in (Path("from"), Path("from/to"), Path(".")):
        with pytest.raises(UsageError, match="must lie apart"):
            recompress_folder(tmp_path / "from", tmp_path / out, HTJ2K, 1, GB)
