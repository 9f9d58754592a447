"""One raw picture: what it is, what is stored of it, or why it cannot be read."""

import hashlib
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

import cv2
import numpy as np

from common.dicom.facts import FACTS as DICOM_FACTS
from common.dicom.options import DicomOptions
from common.images.decode import UnreadablePicture, decode, decode_bands, encode_png
from common.images.perceptual_hash import perceptual_hash

FACTS = {
    "file": "str",
    "width_px": "Int32",
    "height_px": "Int32",
    "channels": "Int8",
    "bits": "Int8",
    "bytes": "Int64",
    "content_hash": "str",
    "perceptual_hash": "UInt64",
    "reason": "str",
} | DICOM_FACTS
"""Columns of the result, with their types; those of DICOM are missing for other pictures."""

_BEFORE_PX = 160
_DICOM_SUFFIXES = (".dcm", ".dicom")


class ReadsFiles(Protocol):
    """Raw files, of one folder or of several; see RawFiles."""

    def read_bytes(self, name: str) -> bytes: ...

    def read_begin(self, name: str, most: int) -> bytes: ...

    def stamp(self, name: str) -> tuple[str, int]: ...


@dataclass(frozen=True)
class RawPicture:
    """part, id, path (in the raw files) and bands (of a TIFF; empty where the file itself says what it is)."""

    part: str
    id: str
    path: str
    bands: str = ""

    @property
    def is_dicom(self) -> bool:
        return PurePosixPath(self.path).suffix.lower() in _DICOM_SUFFIXES


def examine(raw: ReadsFiles, picture: RawPicture, dicom: DicomOptions) -> dict[str, object]:
    """A row: FACTS, and what is to be stored.

    `encoded` is the PNG where the original is not what gets stored; `before` a small JPEG of a DICOM file's stored
    values, dark to light, as they were before any mapping.
    """
    data = raw.read_bytes(picture.path)
    row: dict[str, object] = {"bytes": len(data), "content_hash": hashlib.sha256(data).hexdigest()}
    if picture.is_dicom:
        return row | _radiograph(data, picture, dicom)
    try:
        decoded = decode_bands(data, picture.bands) if picture.bands else decode(data)
    except UnreadablePicture as error:
        return {**row, "reason": _one_line(error)}
    encoded = None if decoded.kept else encode_png(decoded.pixels)
    file = f"{picture.part}/{picture.id}.{decoded.kept or 'png'}"
    return row | _about(decoded.pixels) | {"file": file, "bits": decoded.bits, "encoded": encoded}


def died(raw: ReadsFiles, picture: RawPicture) -> dict[str, object]:
    """The row of a picture whose decoder took its process along."""
    data = raw.read_bytes(picture.path)
    reason = "its decoder died: the file is damaged in a way that no check found"
    return {"bytes": len(data), "content_hash": hashlib.sha256(data).hexdigest(), "reason": reason}


def _radiograph(data: bytes, picture: RawPicture, options: DicomOptions) -> dict[str, object]:
    from common.dicom.convert import convert
    from common.dicom.png import encode_png16
    from common.dicom.unreadable import UnreadableRadiograph

    try:
        radiograph = convert(data, options)
    except UnreadableRadiograph as error:
        return {"reason": _one_line(error)}
    return {
        **_about(radiograph.pixels),
        **radiograph.facts,
        "file": f"{picture.part}/{picture.id}.png",
        "bits": 16,
        "encoded": encode_png16(radiograph.pixels),
        "before": _before(radiograph.words),
    }


def _about(pixels: np.ndarray) -> dict[str, object]:
    return {
        "width_px": pixels.shape[1],
        "height_px": pixels.shape[0],
        "channels": 1 if pixels.ndim == 2 else pixels.shape[2],
        "perceptual_hash": perceptual_hash(pixels),
    }


def _before(words: np.ndarray) -> bytes:
    """Stored words as an 8-bit JPEG, the least black and the greatest white."""
    small = words if words.itemsize <= 2 else words.astype(np.float32)
    scale = min(1.0, _BEFORE_PX / max(words.shape))
    if scale < 1:
        size = (max(1, round(words.shape[1] * scale)), max(1, round(words.shape[0] * scale)))
        small = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
    low, high = float(small.min()), float(small.max())
    grey = (small.astype(np.float32) - low) / max(high - low, 1.0) * 255
    return cv2.imencode(".jpg", np.rint(grey).astype(np.uint8))[1].tobytes()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
