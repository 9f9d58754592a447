"""Every kind of picture becomes upright grey or RGB without losing a bit, or a reason."""

import io
import struct
import zlib
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
from PIL import Image

from common.errors import PodiumError
from common.images.decode import UnreadablePicture, decode, decode_bands, decode_stored, encode_png

RAMP_16_BIT = np.arange(65536, dtype=np.uint16).reshape(256, 256)
COLOUR_16_BIT = np.dstack([RAMP_16_BIT, RAMP_16_BIT[::-1], RAMP_16_BIT.T])
REAL_CHIPS = sorted((Path(__file__).resolve().parents[3] / "shared/data/planet/train-jpg").glob("*.jpg"))


def saved(image: Image.Image, kind: str, **more: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **more)
    return out.getvalue()


def photo(height: int = 60, width: int = 80) -> np.ndarray:
    """Smooth enough for JPEG, different in every corner."""
    y, x = np.mgrid[0:height, 0:width]
    return np.dstack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)]).astype(np.uint8)


def png(header: bytes, rows: list[bytes], *more: tuple[bytes, bytes]) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = [(b"IHDR", header), *more, (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


def close(pixels: np.ndarray, to: np.ndarray, by: float = 6) -> bool:
    return pixels.shape == to.shape and np.abs(pixels.astype(int) - to).mean() < by


@pytest.mark.parametrize("image", [RAMP_16_BIT, COLOUR_16_BIT], ids=["grey", "colour"])
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jp2"])
def test_sixteen_bits_stay_sixteen_bits(image, suffix):
    as_opencv = image if image.ndim == 2 else image[:, :, ::-1]
    options = [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000] if suffix == ".jp2" else []
    data = cv2.imencode(suffix, as_opencv, options)[1].tobytes()
    picture = decode(data)
    assert (picture.bits, picture.kept) == (16, None)
    np.testing.assert_array_equal(picture.pixels, decode_stored(encode_png(image)))
    np.testing.assert_array_equal(picture.pixels, image)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_stored_is_read_back_as_it_was(dtype):
    colour = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (5, 7, 3), dtype=dtype, endpoint=True)
    for pixels in (colour, colour[:, :, 0]):
        back = decode_stored(encode_png(pixels))
        assert back.dtype == dtype
        np.testing.assert_array_equal(back, pixels)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_plain_picture_keeps_its_bytes(kind, mode):
    data = saved(Image.fromarray(photo()).convert(mode), kind)
    picture = decode(data)
    assert (picture.kept, picture.bits) == ({"JPEG": "jpg", "PNG": "png"}[kind], 8)
    assert close(decode_stored(data), picture.pixels, by=1)
    assert picture.pixels.ndim == (2 if mode == "L" else 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_picture_is_turned_upright(kind, orientation):
    upright = photo()
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # of PIL's Transpose, its inverse
    lying = Image.fromarray(upright).transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {})
    more = {"tiffinfo": {0x0112: orientation}} if kind == "TIFF" else {"exif": exif, **lossless}
    picture = decode(saved(lying, kind, **more))
    assert picture.kept is None
    assert close(picture.pixels, upright)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_a_sixteen_bit_picture_is_turned_upright(kind, orientation):
    grey = RAMP_16_BIT[:, :50]
    turns = {3: 2, 6: 1, 8: 3}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    more = {"tiffinfo": {0x0112: orientation}} if kind == "TIFF" else {"exif": exif}
    data = saved(Image.fromarray(np.ascontiguousarray(np.rot90(grey, turns))), kind, **more)
    np.testing.assert_array_equal(decode(data).pixels, grey)


def test_cmyk_as_adobe_writes_it_has_the_right_colours_and_keeps_its_bytes():
    data = saved(Image.fromarray(photo()).convert("CMYK"), "JPEG", quality=95)
    picture = decode(data)
    assert picture.kept == "jpg"
    assert close(picture.pixels, photo())
    np.testing.assert_array_equal(decode_stored(data), picture.pixels)


def test_rgb_and_opaque_alpha_written_as_four_components_have_the_right_colours():
    """As chips of satellites come: without Adobe's mark, so that Pillow calls them CMYK."""
    opaque = np.dstack([photo(), np.full(photo().shape[:2], 255, np.uint8)])
    data = saved(Image.fromarray(255 - opaque, "CMYK"), "JPEG", quality=95)  # Pillow inverts what it writes
    mark = data.index(b"\xff\xee")
    data = data[:mark] + data[mark + 2 + int.from_bytes(data[mark + 2 : mark + 4], "big") :]
    assert Image.open(io.BytesIO(data)).mode == "CMYK"
    picture = decode(data)
    assert picture.kept == "jpg"
    assert close(picture.pixels, photo())
    np.testing.assert_array_equal(decode_stored(data), picture.pixels)


@pytest.mark.skipif(not REAL_CHIPS, reason="needs the real chips beside the repository")
@pytest.mark.parametrize("path", REAL_CHIPS, ids=lambda path: path.stem)
def test_real_chips_are_such_and_their_clouds_are_bright(path):
    """All three are tagged cloudy; inverted once too often, the whitest clouds are black."""
    data = path.read_bytes()
    inverted = np.asarray(Image.open(io.BytesIO(data)))  # as Pillow reads four components
    assert (255 - inverted[:, :, 3]).min() == 255 and b"Adobe" not in data
    picture = decode(data)
    np.testing.assert_array_equal(picture.pixels, 255 - inverted[:, :, :3])
    assert picture.pixels.shape == (256, 256, 3) and picture.pixels.mean() > 120
    np.testing.assert_array_equal(decode_stored(data), picture.pixels)


BANDS_16_BIT = np.dstack([COLOUR_16_BIT, RAMP_16_BIT[:, ::-1]])  # red, green, blue, near infrared


@pytest.mark.parametrize("photometric", ["minisblack", "rgb"])
def test_four_bands_keep_every_bit_in_the_order_red_green_blue_near_infrared(photometric):
    in_file = imagecodecs.tiff_encode(
        np.ascontiguousarray(BANDS_16_BIT[:, :, [2, 1, 0, 3]]), photometric=photometric, extrasample="unspecified"
    )
    picture = decode_bands(in_file, "BGRN")
    assert (picture.bits, picture.kept) == (16, None)
    np.testing.assert_array_equal(picture.pixels, BANDS_16_BIT)
    np.testing.assert_array_equal(decode_stored(encode_png(picture.pixels)), BANDS_16_BIT)


def test_what_has_not_four_bands_is_refused_with_the_reason():
    data = imagecodecs.tiff_encode(BANDS_16_BIT, photometric="minisblack", extrasample="unspecified")
    for bad, reason in (
        (b"", "empty"),
        (data[: len(data) // 2], "cut short or damaged"),
        (b"GIF89a", "cut short or damaged"),
        (imagecodecs.tiff_encode(COLOUR_16_BIT, photometric="rgb"), "four bands"),
    ):
        with pytest.raises(UnreadablePicture, match=reason):
            decode_bands(bad, "BGRN")
    with pytest.raises(PodiumError, match="each of R, G, B and N once"):
        decode_bands(data, "RGB")


def test_a_palette_is_looked_up():
    image = Image.fromarray(photo()).quantize(64)
    for kind in ("PNG", "GIF"):
        picture = decode(saved(image, kind))
        assert picture.kept is None
        np.testing.assert_array_equal(picture.pixels, np.array(image.convert("RGB")))


def test_what_is_transparent_is_white():
    colour = np.zeros((2, 3, 4), np.uint8)
    colour[:, :, 0], colour[0, :, 3], colour[1, :, 3] = 200, 0, 128
    pixels = decode(saved(Image.fromarray(colour), "PNG")).pixels
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[1, 0].tolist() == [227, 127, 127]
    grey = decode(saved(Image.fromarray(colour[:, :, [0, 3]], mode="LA"), "PNG")).pixels
    assert grey.tolist() == [[255] * 3, [227] * 3]


def test_sixteen_bit_transparency_keeps_sixteen_bits():
    row = np.array([[1000, 2000, 3000, 65535], [1000, 2000, 3000, 0]], ">u2").tobytes()
    picture = decode(png(struct.pack(">IIBBBBB", 2, 1, 16, 6, 0, 0, 0), [row]))
    assert picture.pixels.tolist() == [[[1000, 2000, 3000], [65535] * 3]]


def test_two_bit_grey_covers_the_whole_range():
    picture = decode(png(struct.pack(">IIBBBBB", 4, 1, 2, 0, 0, 0, 0), [b"\x1b"]))
    assert picture.pixels.tolist() == [[0, 85, 170, 255]]
    assert picture.kept is None


@pytest.mark.parametrize(
    ("suffix", "depth"),
    [(suffix, np.uint8) for suffix in (".jpg", ".png", ".tiff", ".jp2", ".bmp", ".webp")]
    + [(suffix, np.uint16) for suffix in (".png", ".tiff", ".jp2")],
)
def test_a_file_cut_short_is_never_half_a_picture(suffix, depth):
    noise = np.random.default_rng(0).integers(0, np.iinfo(depth).max, (64, 64, 3), dtype=depth)
    data = cv2.imencode(suffix, noise)[1].tobytes()
    assert decode(data).pixels.shape == noise.shape
    with pytest.raises(UnreadablePicture):
        decode(data[: len(data) * 6 // 10])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<html>404</html>" * 20, "not a picture"),
        (png(struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0), [b"\0"]), "too large"),
    ],
    ids=["empty", "html", "bomb"],
)
def test_the_reason_says_what_is_wrong(data, reason):
    with pytest.raises(UnreadablePicture, match=reason):
        decode(data)


def test_a_flipped_bit_is_noticed():
    data = bytearray(encode_png(RAMP_16_BIT))
    data[len(data) // 2] ^= 255
    with pytest.raises(UnreadablePicture):
        decode(bytes(data))


def test_a_png_without_an_end_is_stored_so_that_it_can_be_read():
    data = saved(Image.fromarray(photo()), "PNG")[:-12]
    picture = decode(data)
    np.testing.assert_array_equal(picture.pixels, photo())
    np.testing.assert_array_equal(decode_stored(data if picture.kept else encode_png(picture.pixels)), photo())


def test_values_that_do_not_fit_sixteen_bits_are_refused():
    fits = np.array([[0, 65535], [1, 2]], np.int32)
    np.testing.assert_array_equal(decode(saved(Image.fromarray(fits), "TIFF")).pixels, fits)
    for too_much in (fits + 1, fits - 1, fits.astype(np.float32) / 3):
        with pytest.raises(UnreadablePicture, match="do not fit 16 bits"):
            decode(saved(Image.fromarray(too_much), "TIFF"))
