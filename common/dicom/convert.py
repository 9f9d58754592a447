"""One DICOM file to the picture that a radiologist would be shown, in 16 bits, with the facts of how it was made."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from common.dicom.decode import decode, decoder_name
from common.dicom.header import Header, read_header
from common.dicom.mapping import Mapping, mapping_of
from common.dicom.options import DicomOptions


@dataclass(frozen=True)
class Radiograph:
    """pixels  (h, w) uint16: 0 is black, 65535 white, bright where the body absorbs
    facts   see common/dicom/facts.py
    words   (rows, columns) what is stored, before the mapping
    """

    pixels: np.ndarray
    facts: dict[str, str | int]
    words: np.ndarray


def convert(data: bytes | Path, options: DicomOptions | None = None) -> Radiograph:
    """Decode a DICOM file, show it as its header says, and reduce it where the options say so.

    Raises UnreadableRadiograph with the reason, which holds no text from the file.
    """
    options = options or DicomOptions.model_validate({})
    header = read_header(Path(data).read_bytes() if isinstance(data, Path) else data, options.frame)
    words = decode(header, options.frame or 0)
    mapping = mapping_of(header.grey, options, words)
    return Radiograph(reduced(mapping.apply(words), options.longest_side_px), _facts(header, mapping), words)


def reduced(pixels: np.ndarray, longest_side_px: int | None) -> np.ndarray:
    """By area, and after the mapping: of stored values it would round to fewer bits, and mix what a window clips."""
    height, width = pixels.shape
    if longest_side_px is None or max(height, width) <= longest_side_px:
        return pixels
    scale = longest_side_px / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _facts(header: Header, mapping: Mapping) -> dict[str, str | int]:
    return {
        "transfer_syntax": header.syntax.name,
        "photometric_interpretation": header.photometric_interpretation,
        "bits_stored": header.grey.bits_stored,
        "mapping": "; ".join([mapping.words(), *(f"ignored: {one}" for one in header.grey.ignored)]),
        "decoder": decoder_name(header),
        "original_width_px": header.columns,
        "original_height_px": header.rows,
    }
