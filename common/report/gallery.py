"""Thumbnails of the pictures that a person should look at, small enough to lie in the page itself."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import cv2
import numpy as np
import pandas as pd

from common.images.store import ImageStore
from common.report.blocks import Picture

LONGEST_SIDE_PX = 200
_JPEG_QUALITY = 78

ExampleKey = tuple[str, str]  # part, id


@dataclass
class Thumbnails:
    """Pictures of `images` as JPEG data addresses, by part and id; each is decoded once.

    examples is indexed by part and id, since a train and a test example may share an id. It names the picture
    in `file` (missing where it could not be read) and the delivered file in `path`.
    """

    images: ImageStore
    examples: pd.DataFrame
    _made: dict[ExampleKey, tuple[str, int, int]] = field(default_factory=dict)

    def picture(self, key: ExampleKey, *lines: str) -> Picture | None:
        """The thumbnail of an example, captioned; None where the example has no readable picture."""
        if key not in self.examples.index:
            return None
        row: pd.Series = self.examples.loc[[key]].iloc[0]
        if pd.isna(row["file"]):
            return None
        if key not in self._made:
            self._made[key] = self._encode(str(row["file"]))
        source, width, height = self._made[key]
        return Picture(source, width, height, PurePosixPath(str(row["path"])).name, lines)

    def pictures(self, captions: Mapping[ExampleKey, tuple[str, ...]], most: int) -> list[Picture]:
        """The first `most` of the examples that have a readable picture, in the order given."""
        found = []
        for key, lines in captions.items():
            picture = self.picture(key, *lines)
            if picture is not None:
                found.append(picture)
            if len(found) == most:
                break
        return found

    def before(self, key: ExampleKey, *lines: str) -> Picture | None:
        """What a DICOM file held before the mapping, captioned; None where nothing is known of it."""
        row: pd.Series = self.examples.loc[[key]].iloc[0]
        file = f"before/{row['file']}".removesuffix(".png") + ".jpg"
        if file not in self.images.names():
            return None
        return Picture(*self._encode(file), "as stored", lines)

    def _encode(self, file: str) -> tuple[str, int, int]:
        pixels = shrink(self.shown(file), LONGEST_SIDE_PX)
        return jpeg_address(pixels), pixels.shape[1], pixels.shape[0]

    def shown(self, file: str) -> np.ndarray:
        """A picture of the store as it is shown, in full size: grey or RGB, uint8; near infrared is not shown."""
        whole = self.images.read(file)
        return eight_bits(whole if whole.ndim == 2 else np.ascontiguousarray(whole[:, :, :3]))


def jpeg_address(pixels: np.ndarray) -> str:
    """Grey or RGB pixels, uint8, as a data address."""
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    encoded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode()


def eight_bits(pixels: np.ndarray) -> np.ndarray:
    """uint16 to uint8, the values between the 0.5% and the 99.5% quantile spread over 0..255.

    Radiographs use a narrow part of 16 bits; by dividing alone they would be black.
    """
    if pixels.dtype == np.uint8:
        return pixels
    low, high = np.quantile(pixels, [0.005, 0.995])
    spread = (pixels.astype(np.float32) - low) / max(float(high - low), 1.0)
    return np.rint(np.clip(spread, 0, 1) * 255).astype(np.uint8)


def shrink(pixels: np.ndarray, longest_px: int) -> np.ndarray:
    """The picture with its longer side at most `longest_px`; smaller ones stay as they are."""
    height, width = pixels.shape[:2]
    ratio = longest_px / max(height, width)
    if ratio >= 1:
        return pixels
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
