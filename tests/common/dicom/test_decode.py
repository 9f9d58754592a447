"""Codestreams that do not quite fit the header around them, and how their pixels are understood."""

import numpy as np
import pytest
from pydicom.encaps import encapsulate

from common.dicom.convert import convert
from common.dicom.decode import decode, decoder_name
from common.dicom.encode import encode_frame
from common.dicom.header import read_header
from common.dicom.options import DicomOptions
from common.dicom.transfer_syntax import BY_UID, HTJ2K, JPEG_2000
from common.dicom.unreadable import UnreadableRadiograph
from tests.common.dicom.drawn import LOSSLESS, dataset_of, noise, written
from tests.common.dicom.reference import reference, stored_values

JPEG = BY_UID["1.2.840.10008.1.2.4.70"]


def encapsulated(streams: list[bytes], syntax, table: bool = False, fragments: int = 1, **attributes) -> bytes:
    """A file whose frames are these streams."""
    dataset = dataset_of(np.zeros((20, 30), np.uint16), **attributes)
    dataset.PixelData = encapsulate(streams, fragments_per_frame=fragments, has_bot=table)
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    return written(dataset, syntax)


@pytest.mark.parametrize(("in_stream", "in_header"), [(True, False), (False, True), (True, True)])
@pytest.mark.parametrize("stored", [12, 14])
def test_a_sign_that_codestream_and_header_see_differently(in_stream, in_header, stored):
    """The bits are the same; whose sign counts is the header's."""
    words = noise((20, 30), 12)
    stream = encode_frame(words, JPEG_2000, 12, in_stream)
    data = encapsulated([stream], JPEG_2000, BitsStored=stored, PixelRepresentation=int(in_header))
    values = stored_values(
        decode(read_header(data)), dataset_of(words, BitsStored=stored, PixelRepresentation=in_header)
    )
    assert np.array_equal(values, np.where(words >= 2048, words - 4096.0, words) if in_header else words)


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("fragments", [1, 2])
@pytest.mark.parametrize("syntax", [JPEG_2000, JPEG], ids=lambda syntax: syntax.name)
def test_frames_are_found_by_the_offset_table_or_by_their_number(table, fragments, syntax):
    frames = [noise((20, 30), seed=seed) for seed in range(3)]
    streams = [encode_frame(frame, syntax, 16, False) for frame in frames]
    data = encapsulated(streams, syntax, table, fragments, NumberOfFrames=3)
    for number, frame in enumerate(frames):
        if fragments == 2 and not table:
            with pytest.raises(UnreadableRadiograph, match="6 fragments cannot be told apart as 3 frames"):
                convert(data, DicomOptions(frame=number))
        else:
            assert np.array_equal(convert(data, DicomOptions(frame=number)).pixels, frame)


def test_one_frame_in_many_fragments_is_put_together():
    stream = encode_frame(noise((20, 30)), HTJ2K, 16, False)
    assert np.array_equal(convert(encapsulated([stream], HTJ2K, fragments=5)).pixels, noise((20, 30)))


def test_a_jpeg_without_an_end_is_refused():
    stream = encode_frame(noise((20, 30)), JPEG, 16, False)
    with pytest.raises(UnreadableRadiograph, match="no end marker"):
        convert(encapsulated([stream[:-400]], JPEG))


def test_a_jpeg_of_another_kind_than_its_syntax_allows_is_refused():
    stream = bytearray(encode_frame(noise((20, 30)), JPEG, 16, False))
    frame = stream.index(b"\xff\xc3")
    stream[frame + 1] = 0xCA  # progressive, arithmetic
    with pytest.raises(UnreadableRadiograph, match="of a kind"):
        convert(encapsulated([bytes(stream)], JPEG))


def test_a_jpeg_2000_file_inside_a_dicom_file_is_read():
    import imagecodecs

    stream = bytes(imagecodecs.jpeg2k_encode(noise((20, 30)), codecformat="jp2", reversible=True))
    assert stream[4:8] == b"jP  "
    assert np.array_equal(convert(encapsulated([stream], JPEG_2000)).pixels, noise((20, 30)))


def test_frames_deflated_one_by_one():
    import zlib

    bits = np.random.default_rng(0).integers(0, 2, (2, 20, 30)).astype(np.uint8)
    streams = []
    for frame in bits:
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        streams.append(deflate.compress(np.packbits(frame, bitorder="little").tobytes()) + deflate.flush())
    given = {"BitsAllocated": 1, "BitsStored": 1, "NumberOfFrames": 2}
    data = encapsulated(streams, JPEG_2000, **given)
    data = data.replace(b"1.2.840.10008.1.2.4.90", b"1.2.840.10008.1.2.8.1\0")  # which pydicom does not write
    assert np.array_equal(convert(data, DicomOptions(frame=1)).pixels, bits[1] * np.uint16(65535))


def test_eight_bit_codestreams_in_sixteen_allocated_bits():
    words = noise((20, 30), 8)
    data = encapsulated([encode_frame(words, JPEG_2000, 8, False)], JPEG_2000, BitsStored=8)
    assert np.abs(convert(data).pixels - reference(words, dataset_of(words))).max() <= 1


def test_each_syntax_names_its_decoder():
    names = {syntax.name: decoder_name(read_header(encapsulated([b"\0\0"], syntax))) for syntax in LOSSLESS}
    assert names["Explicit VR Little Endian"] == "none needed"
    assert names["RLE Lossless"].startswith("imagecodecs dicomrle ")
