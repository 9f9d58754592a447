"""DICOM files drawn for tests: any attributes, any transfer syntax that is written losslessly."""

import io
import warnings
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite

from common.dicom.encode import set_pixels
from common.dicom.transfer_syntax import EXPLICIT, IMPLICIT, TRANSFER_SYNTAXES, TransferSyntax

LOSSLESS = [
    one for one in TRANSFER_SYNTAXES if one.name not in ("JPEG Baseline", "JPEG Extended", "Deflated Image Frame")
]
COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"


def dataset_of(words: np.ndarray, **attributes: Any) -> Dataset:
    """A data set that describes `words` (rows, columns) as unsigned MONOCHROME2; `attributes` add to it and change it.

    An attribute that is given as None is left out.
    """
    bits = 8 * words.itemsize
    described = {
        "SOPClassUID": COMPUTED_RADIOGRAPHY,
        "SOPInstanceUID": "1.2.3.4",
        "Modality": "CR",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": words.shape[0],
        "Columns": words.shape[1],
        "BitsAllocated": bits,
        "BitsStored": attributes.get("BitsStored", bits),
        "HighBit": (attributes.get("BitsStored") or bits) - 1,
        "PixelRepresentation": 0,
        **attributes,
    }
    dataset = Dataset()
    for name, value in described.items():
        if value is not None:
            setattr(dataset, name, value)
    return dataset


def file_of(dataset: Dataset, words: np.ndarray | None, syntax: TransferSyntax = EXPLICIT) -> bytes:
    """The bytes of a DICOM file; without `words` it has no pixel data, or that which `dataset` has already."""
    if words is not None:
        set_pixels(dataset, words, syntax)
    return written(dataset, syntax)


def written(dataset: Dataset, syntax: TransferSyntax) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", COMPUTED_RADIOGRAPHY)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2.3.4")
    dataset.file_meta.TransferSyntaxUID = syntax.uid
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that are wrong on purpose
        dcmwrite(
            file,
            dataset,
            implicit_vr=syntax is IMPLICIT,
            little_endian=not syntax.is_big_endian,
            enforce_file_format=True,
        )
    return file.getvalue()


def drawn(words: np.ndarray, syntax: TransferSyntax = EXPLICIT, **attributes: Any) -> bytes:
    """A file of `words` with these attributes."""
    return file_of(dataset_of(words, **attributes), words, syntax)


def lut_item(entries: np.ndarray, first: int, bits: int = 16, vr: str = "US") -> Dataset:
    """An item of a LUT sequence; 65,536 entries are written as 0."""
    item = Dataset()
    item.add_new(0x00283002, vr, [len(entries) % 65536, first, bits])
    item.add_new(0x00283006, "OW", np.asarray(entries, "<u2").tobytes())
    return item


def noise(shape: tuple[int, int] = (37, 53), bits: int = 16, seed: int = 0) -> np.ndarray:
    """Words of `bits` stored bits, every value as likely."""
    kind = np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32
    return np.random.default_rng(seed).integers(0, 1 << bits, shape, dtype=np.uint64).astype(kind)
