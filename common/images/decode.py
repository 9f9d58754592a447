"""Bytes of a picture to upright pixels, with no bit lost, or the reason why it cannot be read.

Two decoders, because each has its trap. Pillow notices files that are cut short, turns pictures upright and
knows CMYK, but gives 8 bits for 16-bit colour and clips 16-bit grey when it converts. OpenCV keeps 16 bits,
but takes a JPEG that is cut short for whole. So Pillow always decodes first, and OpenCV decodes again what
may be deeper than 8 bits. TIFFs of four bands, as satellites send them, neither of them reads (OpenCV makes grey
of them without a word): see `decode_bands`.
"""

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, ImageOps

from common.errors import PodiumError

_ORIENTATION_TAG = 0x0112
_TIFF_BITS_TAG = 258
_ALWAYS_8_BIT = {"BMP", "GIF", "JPEG", "MPO", "WEBP"}


class UnreadablePicture(PodiumError):
    """The message says why."""


@dataclass(frozen=True)
class Picture:
    """A picture as a person would see it.

    pixels  (height, width) grey, (height, width, 3) RGB or (height, width, 4) RGB and near infrared; uint8 or uint16
    kept    `jpg` or `png` where the original bytes may be stored as they are, else None
    """

    pixels: np.ndarray
    kept: str | None

    @property
    def bits(self) -> int:
        return 8 * self.pixels.dtype.itemsize


def decode(data: bytes) -> Picture:
    """Decode a picture of any format that Pillow or OpenCV reads; of several frames or pages, the first.

    Upright (EXIF orientation applied), grey or RGB (CMYK converted, palette looked up, alpha over white).
    8 bits stay 8 bits; whatever is deeper becomes 16 bits with its values unchanged.

    Raises UnreadablePicture: not a picture, cut short, damaged, too large to be meant (more than 179 million
    pixels: a small file may claim any size), or deeper than 16 bits.
    """
    return _or_the_reason(_decode, data)


def decode_bands(data: bytes, order: str) -> Picture:
    """Decode a TIFF of four bands, which is no picture with transparency: nothing is mixed, nothing scaled.

    order  the bands in the file, as BGRN: each of R, G, B and N (near infrared) once

    The pixels' order is RGBN. Raises UnreadablePicture as `decode`, and for another number of bands.
    """
    if sorted(order) != sorted("RGBN"):
        raise PodiumError(f"bands '{order}': name each of R, G, B and N once, in the order of the file")

    def in_order(data: bytes) -> Picture:
        import imagecodecs  # its import takes longer than most commands

        pixels = imagecodecs.tiff_decode(data)
        if pixels.ndim != 3 or pixels.shape[2] != len(order) or pixels.dtype not in (np.uint8, np.uint16):
            raise UnreadablePicture(
                f"has the shape {pixels.shape} of {pixels.dtype}; expected four bands of 8 or 16 bits"
            )
        return Picture(np.ascontiguousarray(pixels[:, :, [order.index(band) for band in "RGBN"]]), kept=None)

    return _or_the_reason(in_order, data)


def _or_the_reason(decoder: Callable[[bytes], Picture], data: bytes) -> Picture:
    if not data:
        raise UnreadablePicture("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged EXIF and of sizes below the limit
            return decoder(data)
    except (UnreadablePicture, MemoryError):
        raise
    except Image.UnidentifiedImageError:
        raise UnreadablePicture("not a picture in any known format") from None
    except Image.DecompressionBombError as error:
        raise UnreadablePicture(f"too large: {error}") from error
    except Exception as error:  # decoders fed with damaged bytes raise whatever they stumble over
        raise UnreadablePicture(f"cut short or damaged ({error})") from error


def decode_stored(data: bytes) -> np.ndarray:
    """Decode what the store holds, fast: upright grey (h, w), RGB (h, w, 3) or four bands, uint8 or uint16."""
    if data[:2] == b"\xff\xd8" and _jpeg_components(data) == 4:
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))  # OpenCV's own conversion differs by a level
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise PodiumError("a stored picture cannot be decoded; run preprocess again")
    return _swapped(pixels)


def encode_png(pixels: np.ndarray) -> bytes:
    """Lossless PNG of grey, RGB or four bands, uint8 or uint16; a fast setting, since decoding comes far more often."""
    pixels = _swapped(pixels)
    return cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def _swapped(pixels: np.ndarray) -> np.ndarray:
    """First and third channel in each other's place: OpenCV's order to ours, and back."""
    if pixels.ndim == 2:
        return pixels
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)


def _decode(data: bytes) -> Picture:
    try:
        image = Image.open(io.BytesIO(data))
    except Image.UnidentifiedImageError:
        return Picture(_pixels_by_opencv(data), kept=None)
    kept = _kept(image, data)
    deep = _may_be_deep(image, data)
    image.load()
    if deep:
        # Loading a TIFF turns it upright and drops the tag, in both libraries; other formats keep theirs.
        return Picture(_upright(_pixels_by_opencv(data), image.getexif().get(_ORIENTATION_TAG, 1)), kept=None)
    pixels = _pixels_by_pillow(image)
    if kept == "png" and cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) is None:
        kept = None  # Pillow forgives a missing end, which the readers of the store may not
    return Picture(pixels, kept)


def _kept(image: Image.Image, data: bytes) -> str | None:
    """The suffix under which the original may be stored: upright, 8-bit, grey or RGB, JPEG or PNG.

    JPEGs of four components too: as PNG the chips of satellites take five times as much. Some of them
    are RGB with an opaque alpha, unmarked; Pillow takes that for CMYK in Adobe's inverted form, and since the one is
    the other's inverse, its conversion gives their colours exactly.
    """
    if image.getexif().get(_ORIENTATION_TAG, 1) in range(2, 9) or image.mode not in ("L", "RGB", "CMYK"):
        return None
    if image.format in ("JPEG", "MPO"):
        return "jpg"
    if image.mode == "CMYK":
        return None
    plain_png = image.format == "PNG" and data[24] == 8 and not getattr(image, "is_animated", False)
    return "png" if plain_png and not image.has_transparency_data else None


def _may_be_deep(image: Image.Image, data: bytes) -> bool:
    """Whether there may be more than 8 bits a channel, which Pillow's mode does not tell."""
    if image.format in _ALWAYS_8_BIT:
        return False
    if image.format == "PNG":
        return data[24] == 16  # the depth stands at a fixed place in the header
    if image.format == "TIFF":
        bits = image.tag_v2.get(_TIFF_BITS_TAG, (1,))  # type: ignore[attr-defined]
        return max(bits) > 8
    return True


def _pixels_by_pillow(image: Image.Image) -> np.ndarray:
    ImageOps.exif_transpose(image, in_place=True)
    if image.has_transparency_data:
        grey = image.mode in ("1", "L", "LA", "La")
        pixels = _over_white(np.asarray(image.convert("RGBA")))
        return pixels[:, :, 0] if grey else pixels
    mode = "L" if image.mode in ("1", "L") else "RGB"
    return np.asarray(image if image.mode == mode else image.convert(mode))


def _pixels_by_opencv(data: bytes) -> np.ndarray:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise UnreadablePicture("not a picture in any known format, or damaged")
    if pixels.dtype not in (np.uint8, np.uint16):
        if pixels.dtype.kind == "f" or pixels.min() < 0 or pixels.max() > 65535:
            raise UnreadablePicture(f"its {pixels.dtype} values do not fit 16 bits without loss")
        pixels = pixels.astype(np.uint16)
    if pixels.ndim == 2:
        return pixels
    if pixels.shape[2] == 4:
        return _over_white(cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA))
    if pixels.shape[2] != 3:
        raise UnreadablePicture(f"has {pixels.shape[2]} channels; expected grey, RGB or RGB with alpha")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def _over_white(pixels: np.ndarray) -> np.ndarray:
    """(h, w, 4) RGBA to (h, w, 3), same dtype: alpha * colour + (1 - alpha) * white, rounded."""
    white = int(np.iinfo(pixels.dtype).max)
    colour, alpha = pixels[:, :, :3].astype(np.uint64), pixels[:, :, 3:].astype(np.uint64)
    return ((colour * alpha + white * (white - alpha) + white // 2) // white).astype(pixels.dtype)


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Undo an EXIF orientation (1..8): 5 to 8 lie on their side, 2, 4, 5 and 7 are mirrored."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _jpeg_components(data: bytes) -> int:
    """How many components the frame header of a JPEG declares (ITU T.81, B.2.2); 0 where it has none."""
    place = 2
    while place + 9 < len(data):
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # frame headers, but not tables
            return data[place + 9]
        place += 2 + length
    return 0
