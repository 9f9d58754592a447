"""What is refused, and why; what is read although it is written oddly."""

import struct
import zlib

import numpy as np
import pytest

from common.dicom.convert import convert
from common.dicom.options import DicomOptions
from common.dicom.transfer_syntax import BIG_ENDIAN, BY_UID, DEFLATED, EXPLICIT, IMPLICIT, JPEG_2000
from common.dicom.unreadable import UnreadableRadiograph
from tests.common.dicom.drawn import LOSSLESS, dataset_of, drawn, file_of, noise, written

NAMES = "NOBODY^SECRET"


def refusal(data: bytes, **options) -> str:
    with pytest.raises(UnreadableRadiograph) as caught:
        convert(data, DicomOptions(**options))
    return str(caught.value)


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n" + bytes(200), bytes(200), b"id,label\n1,2\n" * 40])
def test_what_is_no_dicom_file_is_said_to_be_none(data):
    assert refusal(data) == ("not a DICOM file" if data else "the file is empty")


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "a colour picture"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "a colour picture"),
        ({"PhotometricInterpretation": "YBR_FULL"}, "a colour picture"),
        ({"PhotometricInterpretation": "GREYISH"}, "neither MONOCHROME1 nor MONOCHROME2"),
        ({"PhotometricInterpretation": None}, "has no Photometric Interpretation"),
        ({"SamplesPerPixel": None}, "has no Samples per Pixel"),
        ({"Rows": None}, "has no Rows"),
        ({"Columns": None}, "has no Columns"),
        ({"BitsAllocated": None}, "has no Bits Allocated"),
        ({"BitsStored": None}, "has no Bits Stored"),
        ({"PixelRepresentation": None}, "has no Pixel Representation"),
        ({"BitsStored": 17}, "do not go together"),
        ({"BitsStored": 12, "HighBit": 10}, "do not go together"),
        ({"BitsAllocated": 24}, "do not go together"),
        ({"Rows": 0}, "0 rows"),
        ({"Rows": 65535, "Columns": 65535}, "at most 134,217,728 pixels"),
        ({"NumberOfFrames": 2}, "has 2 frames"),
        ({"NumberOfFrames": 0}, "claims 0 frames"),
    ],
)
def test_attributes_that_make_no_radiograph(attributes, reason):
    dataset = dataset_of(noise(), PatientName=NAMES, **attributes)
    dataset.PixelData = noise().tobytes() + b"\0"
    dataset["PixelData"].VR = "OW"
    message = refusal(written(dataset, EXPLICIT))
    assert reason in message and "SECRET" not in message


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.name)
def test_a_file_cut_short_anywhere_is_refused(syntax):
    data = drawn(noise((24, 30)), syntax, PatientName=NAMES)
    for kept in [*range(0, len(data) - 40, 61), len(data) - 20]:
        assert refusal(data[:kept])


def test_cut_short_pixels_are_counted():
    assert refusal(drawn(noise())[:-1000]) == "its pixel data is cut short: 2,922 of 3,922 bytes"


def test_a_file_without_pixels():
    assert "no pixel data" in refusal(file_of(dataset_of(noise()), None))


def test_an_unknown_transfer_syntax_is_named_if_it_is_the_standards():
    data = drawn(noise())
    known = EXPLICIT.uid.encode() + b"\0"
    assert data.count(known) == 1
    assert "(1.2.840.10008.1.2.7)" in refusal(data.replace(known, b"1.2.840.10008.1.2.7\0"))
    assert "(not of the standard)" in refusal(data.replace(known, b"1.2.826.0.1.3680.10\0"))


def test_floating_point_pixels_are_refused():
    dataset = dataset_of(noise(), BitsAllocated=32)
    dataset.FloatPixelData = bytes(4 * 37 * 53)
    assert "floating-point" in refusal(file_of(dataset, None))


def test_a_header_is_read_although_its_prefix_is_missing():
    data = drawn(noise())
    assert np.array_equal(convert(data[132:]).pixels, noise())


def test_a_data_set_by_itself_is_taken_for_implicit_little_endian():
    data = drawn(noise(), IMPLICIT)
    begin = data.index(b"\x08\x00\x16\x00")
    assert np.array_equal(convert(data[begin:]).pixels, noise())


def test_a_data_set_that_is_written_otherwise_than_it_says_is_read():
    said, written_as = drawn(noise(), EXPLICIT), drawn(noise(), IMPLICIT)
    mixed = said[: said.index(b"\x08\x00\x16\x00")] + written_as[written_as.index(b"\x08\x00\x16\x00") :]
    assert np.array_equal(convert(mixed).pixels, noise())


def test_what_inflates_without_end_is_stopped(monkeypatch):
    data = drawn(noise(), DEFLATED)
    begin = struct.unpack_from("<L", data, 140)[0] + 144
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = data[:begin] + deflate.compress(bytes(50_000_000)) + deflate.flush()
    monkeypatch.setattr("common.dicom.header._MOST_INFLATED_BYTES", 10_000_000)
    assert len(bomb) < 60_000
    assert refusal(bomb) == "inflates to more than 10,000,000 bytes"


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG_ENDIAN, IMPLICIT])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_frame_may_be_chosen(syntax, bits):
    frames = [noise((5, 7), bits, seed) for seed in range(3)]
    data = drawn(np.concatenate(frames), syntax, Rows=5, NumberOfFrames=3)
    for number, frame in enumerate(frames):
        scale = 257 if bits == 8 else 1
        assert np.array_equal(convert(data, DicomOptions(frame=number)).pixels, frame * np.uint16(scale))
    assert "no frame 3: 3 frame(s)" in refusal(data, frame=3)
    assert "`frame` in the recipe" in refusal(data)


def test_a_chosen_frame_has_its_own_window():
    from pydicom.dataset import Dataset

    def group(centre):
        item, voi = Dataset(), Dataset()
        voi.WindowCenter, voi.WindowWidth = centre, 100
        item.FrameVOILUTSequence = [voi]
        return item

    frame = noise((5, 7), 10)
    given = {"Rows": 5, "NumberOfFrames": 2, "BitsStored": 10}
    many = drawn(np.concatenate([frame, frame]), PerFrameFunctionalGroupsSequence=[group(300), group(700)], **given)
    one = drawn(frame, BitsStored=10, WindowCenter=700, WindowWidth=100)
    assert np.array_equal(convert(many, DicomOptions(frame=1)).pixels, convert(one).pixels)


def test_single_bits_are_read_from_any_bit_on():
    bits = np.random.default_rng(0).integers(0, 2, (3, 5, 7)).astype(np.uint8)
    dataset = dataset_of(bits[0], BitsAllocated=1, BitsStored=1, HighBit=0, NumberOfFrames=3)
    dataset.PixelData = np.packbits(bits.reshape(-1), bitorder="little").tobytes()
    dataset["PixelData"].VR = "OW"
    data = file_of(dataset, None)
    assert np.array_equal(convert(data, DicomOptions(frame=2)).pixels, bits[2] * np.uint16(65535))


def test_a_codestream_must_be_what_the_header_says():
    dataset = dataset_of(noise((30, 40)))
    data = file_of(dataset, noise((30, 40)), JPEG_2000)
    dataset.Rows = 31
    assert "31 rows and 40 columns, its codestream 30 and 40" in refusal(written(dataset, JPEG_2000))
    size = data.index(b"\xff\x4f\xff\x51") + 40
    assert data[size : size + 2] == b"\0\1"
    assert "has 16384 components" in refusal(data[:size] + b"\x40\x00" + data[size + 2 :])


def test_compressed_pixels_outside_fragments_are_refused():
    data = drawn(noise(), EXPLICIT).replace(EXPLICIT.uid.encode() + b"\0", b"1.2.840.10008.1.2.5\0")
    assert refusal(data) == "its pixel data is compressed, but not in fragments"
    assert BY_UID["1.2.840.10008.1.2.5"].codec == "rle"


@pytest.mark.parametrize("tag", [b"\x08\x00\x40\x11", b"\x28\x00\x10\x30"])  # one that is skipped, one that is read
def test_sequences_nested_without_end_are_refused(tag):
    data = drawn(noise())
    place = data.index(b"\x28\x00\x02\x00US")
    level = tag + b"SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    assert refusal(data[:place] + 20_000 * level + data[place:])


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, JPEG_2000], ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("undefined", [True, False])
def test_a_small_picture_inside_the_header_is_not_taken_for_the_radiograph(syntax, undefined):
    icon = dataset_of(noise((4, 4), 8), SOPClassUID=None, SOPInstanceUID=None, Modality=None)
    icon.add_new(0x7FE00010, "OW", noise((4, 4), 8).tobytes())
    dataset = dataset_of(noise(), IconImageSequence=[icon])
    dataset["IconImageSequence"].is_undefined_length = undefined
    icon.is_undefined_length_sequence_item = undefined
    assert np.array_equal(convert(file_of(dataset, noise(), syntax)).pixels, noise())


def test_no_text_of_the_file_reaches_the_facts_or_a_reason():
    texts = {"PatientName": NAMES, "PatientID": "SECRET1", "InstitutionName": "SECRET2", "StudyDescription": "SECRET3"}
    texts |= {"RescaleType": "SECRET4", "WindowCenterWidthExplanation": "SECRET5", "BodyPartExamined": "SECRET6"}
    facts = convert(drawn(noise(), **texts, RescaleSlope=2, RescaleIntercept=1)).facts
    assert "SECRET" not in str(facts)
    for name in ("PhotometricInterpretation", "VOILUTFunction", "PresentationLUTShape", "NumberOfFrames"):
        dataset = dataset_of(noise(), WindowCenter=1, WindowWidth=9)
        dataset.add_new(name, "LO", "SECRET")
        try:
            told = str(convert(file_of(dataset, noise())).facts)
        except UnreadableRadiograph as error:
            told = str(error)
        assert "SECRET" not in told
