"""The grayscale pipeline of the DICOM standard, written plainly in float64: what `convert` is held against.

It shares nothing with common/dicom: it is told the words of a frame, and reads the attributes with pydicom.
"""

import numpy as np
from pydicom.dataset import Dataset


def reference(words: np.ndarray, dataset: Dataset, window: str = "file") -> np.ndarray:
    """(rows, columns) float64, 0 black to 65535 white.

    words   unsigned, as allocated
    window  `file` or `full_range`
    """
    stored = stored_values(words, dataset)
    values = modality(stored, dataset)
    bits = int(dataset.BitsStored)
    if window == "file" and "VOILUTSequence" in dataset:
        item = dataset.VOILUTSequence[0]
        share = looked_up(values, item) / (2.0 ** int(item.LUTDescriptor[2]) - 1)
    elif window == "file" and has_window(dataset):
        share = windowed(values, dataset)
    else:
        least, most = 0, 2**bits - 1
        if dataset.PixelRepresentation == 1:
            least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        # No table reaches further than this; beyond it a table holds its ends, and a line its slope.
        possible = np.unique(np.r_[least, np.arange(max(least, -(2**17)), min(most, 2**17) + 1), most])
        possible = modality(possible.astype(np.float64), dataset)
        low, high = possible.min(), possible.max()
        share = (values - low) / (high - low) if high > low else np.zeros(values.shape)
    if dataset.PhotometricInterpretation == "MONOCHROME1" or dataset.get("PresentationLUTShape") == "INVERSE":
        share = 1 - share
    shown = np.clip(share, 0, 1) * 65535
    if "PixelPaddingValue" in dataset:
        one = int(dataset.PixelPaddingValue)
        other = int(dataset.get("PixelPaddingRangeLimit", dataset.PixelPaddingValue))
        shown[(stored >= min(one, other)) & (stored <= max(one, other))] = 0
    return shown


def stored_values(words: np.ndarray, dataset: Dataset) -> np.ndarray:
    bits = int(dataset.BitsStored)
    below = int(dataset.HighBit) + 1 - bits
    values = (words.astype(np.int64) // 2**below) % 2**bits
    if dataset.PixelRepresentation == 1:
        values = np.where(values >= 2 ** (bits - 1), values - 2**bits, values)
    return values.astype(np.float64)


def modality(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    if "ModalityLUTSequence" in dataset:
        return looked_up(values, dataset.ModalityLUTSequence[0])
    return values * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))


def looked_up(values: np.ndarray, item: Dataset) -> np.ndarray:
    count, first, _bits = (int(number) for number in item.LUTDescriptor)
    count = count or 65536
    data = item["LUTData"].value
    if isinstance(data, bytes):
        entries = np.frombuffer(data, "<u2" if len(data) >= 2 * count else "u1")[:count]
    else:
        entries = np.array(data)
    places = np.clip(np.rint(values) - first, 0, count - 1).astype(int)
    return entries[places].astype(np.float64)


def first_of(dataset: Dataset, name: str) -> float:
    value = dataset[name].value
    return float(value[0] if dataset[name].VM > 1 else value)


def has_window(dataset: Dataset) -> bool:
    return "WindowCenter" in dataset and "WindowWidth" in dataset and dataset["WindowCenter"].VM > 0


def windowed(values: np.ndarray, dataset: Dataset) -> np.ndarray:
    centre, width = first_of(dataset, "WindowCenter"), first_of(dataset, "WindowWidth")
    function = dataset.get("VOILUTFunction") or "LINEAR"
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.minimum(-4 * (values - centre) / width, 500)))  # where it is 0 in any case
    if function == "LINEAR_EXACT":
        below, above = values <= centre - width / 2, values > centre + width / 2
        between = (values - centre) / width + 0.5
    else:
        below, above = values <= centre - 0.5 - (width - 1) / 2, values > centre - 0.5 + (width - 1) / 2
        between = (values - (centre - 0.5)) / (width - 1) + 0.5 if width > 1 else values
    return np.where(below, 0.0, np.where(above, 1.0, between))
