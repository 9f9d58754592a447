"""The picture is the one that the standard describes, whatever the attributes say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.dicom.convert import convert
from common.dicom.facts import FACTS
from common.dicom.options import DicomOptions
from common.dicom.transfer_syntax import BIG_ENDIAN, BY_UID, DEFLATED, EXPLICIT, IMPLICIT
from tests.common.dicom.drawn import LOSSLESS, dataset_of, drawn, file_of, lut_item, noise
from tests.common.dicom.reference import reference, stored_values


def agrees(words: np.ndarray, syntax=EXPLICIT, options: DicomOptions | None = None, **attributes) -> np.ndarray:
    """The converted picture, after a look that it lies within one count of the reference."""
    options = options or DicomOptions()
    dataset = dataset_of(words, **attributes)
    expected = reference(words, dataset, options.window)
    pixels = convert(file_of(dataset, words, syntax), options).pixels
    assert pixels.dtype == np.uint16
    assert np.abs(pixels - expected).max() <= 1, attributes
    return pixels


@st.composite
def described(draw):
    """Words with attributes of every kind: depth, sign, place of the bits, mapping, polarity, padding."""
    allocated = draw(st.sampled_from([8, 16, 32]))
    stored = draw(st.integers(1, allocated))
    signed = draw(st.integers(0, 1))
    given = {
        "BitsStored": stored,
        "HighBit": draw(st.integers(stored - 1, allocated - 1)),
        "PixelRepresentation": signed,
        "PhotometricInterpretation": draw(st.sampled_from(["MONOCHROME1", "MONOCHROME2"])),
        "PresentationLUTShape": draw(st.sampled_from([None, "IDENTITY", "INVERSE"])),
    }
    low, high = (-(2 ** (stored - 1)), 2 ** (stored - 1) - 1) if signed else (0, 2**stored - 1)
    short = (max(low, -(2**15)), min(high, 2**15 - 1)) if signed else (low, min(high, 2**16 - 1))
    modality = draw(st.sampled_from(["none", "rescale", "lut"]))
    if modality == "rescale":
        given["RescaleSlope"] = draw(st.sampled_from([1, 2, 0.5, -1, 0.001, 3.7741]))
        given["RescaleIntercept"] = draw(st.sampled_from([0, -1024, 1000.25]))
    lut = st.tuples(st.sampled_from([1, 2, 300, 65536]), st.integers(*short), st.integers(1, 16), st.integers(0, 9))
    if modality == "lut":
        given["ModalityLUTSequence"] = [drawn_lut(draw(lut), signed)]
    voi = draw(st.sampled_from(["none", "LINEAR", "LINEAR_EXACT", "SIGMOID", "default", "lut"]))
    if voi == "lut":
        is_signed = modality == "none" and signed
        first = st.integers(*short) if is_signed else st.integers(max(0, short[0]), max(0, short[1]))
        count, _, bits, seed = draw(lut)
        given["VOILUTSequence"] = [drawn_lut((count, draw(first), bits, seed), is_signed)]
    elif voi != "none":
        more = draw(st.booleans())
        centre, width = draw(st.integers(-3000, 70000)), draw(st.integers(1, 70000))
        given |= {"WindowCenter": [centre, 7] if more else centre, "WindowWidth": [width, 9] if more else width}
        given["VOILUTFunction"] = None if voi == "default" else voi
    if draw(st.booleans()):
        given["PixelPaddingValue"] = draw(st.integers(*short))
        given["PixelPaddingRangeLimit"] = draw(st.one_of(st.none(), st.integers(*short)))
    shape = draw(st.sampled_from([(1, 1), (3, 5), (300, 300)]))
    return noise(shape, allocated, draw(st.integers(0, 99))), given


def drawn_lut(given, is_signed):
    count, first, bits, seed = given
    entries = np.random.default_rng(seed).integers(0, 1 << bits, count)
    return lut_item(entries, first, bits, "SS" if is_signed else "US")


@settings(max_examples=150, deadline=None)
@given(
    described(), st.sampled_from([EXPLICIT, IMPLICIT, BIG_ENDIAN, DEFLATED]), st.sampled_from(["file", "full_range"])
)
def test_every_combination_of_attributes_agrees_with_the_reference(words_and_attributes, syntax, window):
    words, attributes = words_and_attributes
    if syntax is BIG_ENDIAN:
        attributes = {name: value for name, value in attributes.items() if not name.endswith("Sequence")}
    agrees(words, syntax, DicomOptions(window=window), **attributes)


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda syntax: syntax.name)
@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("bits", [7, 8, 10, 12, 15, 16])
def test_every_transfer_syntax_gives_the_same_picture(syntax, signed, bits):
    words = noise((61, 47), bits)
    if signed:
        words = ((words ^ (1 << (bits - 1))) - words.dtype.type(1 << (bits - 1))).astype(words.dtype)
    agrees(words, syntax, BitsStored=bits, PixelRepresentation=signed, PhotometricInterpretation="MONOCHROME1")


def test_a_window_that_is_given_twice_is_the_first():
    words = noise(bits=12)
    one = agrees(words, BitsStored=12, WindowCenter=[1000, 3000], WindowWidth=[500, 100])
    assert np.array_equal(one, convert(drawn(words, BitsStored=12, WindowCenter=1000, WindowWidth=500)).pixels)


def test_monochrome1_that_also_says_inverse_is_inverted_once():
    words = noise()
    once = convert(drawn(words, PhotometricInterpretation="MONOCHROME1")).pixels
    both = convert(drawn(words, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")).pixels
    assert np.array_equal(once, both) and np.array_equal(once, 65535 - words)


@pytest.mark.parametrize("width", ["0", "-3", "nan", "many"])
def test_an_impossible_window_is_left_aside_and_named(width):
    data = drawn(noise(), WindowCenter=100, WindowWidth="100 ")
    assert data.count(b"100 ") == 1
    picture = convert(data.replace(b"100 ", width.encode().ljust(4)))
    assert np.array_equal(picture.pixels, noise())
    assert "ignored: a window" in picture.facts["mapping"]


def test_padding_is_dark_whatever_the_polarity():
    words = noise(bits=10)
    words[:5] = 1023
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        pixels = agrees(words, BitsStored=10, PhotometricInterpretation=photometric, PixelPaddingValue=1023)
        assert not pixels[:5].any() and pixels[5:].any()


def test_padding_beyond_the_stored_bits_is_found_in_whole_words():
    words = noise(bits=12)
    words[:3] = 63536
    pixels = convert(drawn(words, BitsStored=12, PixelPaddingValue=63536)).pixels
    assert not pixels[:3].any() and (pixels[3:] > 0).mean() > 0.99


def test_padding_is_as_signed_as_the_pixels_whatever_its_vr_says():
    words = noise()
    words[:3] = 63536  # -2000
    dataset = dataset_of(words, PixelRepresentation=1)
    dataset.add_new(0x00280120, "US", 63536)
    assert not convert(file_of(dataset, words)).pixels[:3].any()


@pytest.mark.parametrize("bits", [12, 32])
def test_percentiles_spread_the_picture_over_all_greys(bits):
    words = noise((300, 310), bits)
    words[:20] = 5
    given = {"RescaleSlope": -2, "RescaleIntercept": 7, "PixelPaddingValue": 5, "BitsStored": bits}
    pixels = convert(drawn(words, **given), DicomOptions(window="percentiles", percentiles=(1, 99))).pixels
    values = stored_values(words, dataset_of(words, **given)) * -2 + 7
    inside = stored_values(words, dataset_of(words, **given)) != 5
    low, high = np.percentile(values[inside], [1, 99], method="inverted_cdf")
    expected = np.where(inside, np.clip((values - low) / (high - low), 0, 1) * 65535, 0)
    assert np.abs(pixels - expected).max() <= 1


def test_percentiles_of_an_even_picture_are_black():
    assert not convert(drawn(np.full((9, 9), 77, np.uint16)), DicomOptions(window="percentiles")).pixels.any()


def test_reduction_is_by_area_and_comes_after_the_mapping():
    words = noise((400, 300), 10)
    given = {"BitsStored": 10, "WindowCenter": 300, "WindowWidth": 200}
    full = convert(drawn(words, **given)).pixels
    small = convert(drawn(words, **given), DicomOptions(longest_side_px=100)).pixels
    assert small.shape == (100, 75)
    assert np.abs(small - full.reshape(100, 4, 75, 4).mean((1, 3))).max() <= 1
    assert convert(drawn(words, **given), DicomOptions(longest_side_px=400)).pixels.shape == (400, 300)


def test_the_facts_say_how_the_picture_was_made():
    given = {"BitsStored": 15, "PhotometricInterpretation": "MONOCHROME1", "WindowCenter": 40, "WindowWidth": 400}
    facts = convert(drawn(noise(bits=15), BY_UID["1.2.840.10008.1.2.4.80"], **given)).facts
    assert list(facts) == list(FACTS)
    assert facts["transfer_syntax"] == "JPEG-LS Lossless" and facts["bits_stored"] == 15
    assert facts["mapping"] == "window LINEAR centre 40 width 400, inverted"
    assert facts["decoder"].startswith("imagecodecs jpegls 20")
    assert (facts["original_width_px"], facts["original_height_px"]) == (53, 37)


def test_a_file_may_be_given_by_its_path(tmp_path):
    (tmp_path / "one.dcm").write_bytes(drawn(noise()))
    assert np.array_equal(convert(tmp_path / "one.dcm").pixels, noise())
