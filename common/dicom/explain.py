"""What is done to a file and why, in words; nothing that could tell of a person is among them."""

import numpy as np

from common.dicom.decode import decode, decoder_name
from common.dicom.header import Header, read_header
from common.dicom.mapping import WHITE, Mapping, full_range, mapping_of, modality_values, stored_values
from common.dicom.options import DicomOptions


def explain(data: bytes, options: DicomOptions) -> list[tuple[str, str]]:
    """(step, words) in the order in which they are done.

    Raises UnreadableRadiograph.
    """
    header = read_header(data, options.frame)
    words = decode(header, options.frame or 0)
    mapping = mapping_of(header.grey, options, words)
    steps = [("read", _read(header, words, options)), ("modality", _modality(header, words))]
    steps.append(("window", _window(header, mapping, options)))
    steps.append(("polarity", _polarity(header)))
    if header.grey.padding:
        low, high = header.grey.padding
        held = f"stored values {low} to {high}" if high > low else f"the stored value {low}"
        steps.append(("padding", f"{held} is around the picture, says Pixel Padding Value: black"))
    steps += [("ignored", one) for one in header.grey.ignored]
    steps.append(("result", _result(mapping.apply(words), options)))
    return steps


def _read(header: Header, words: np.ndarray, options: DicomOptions) -> str:
    grey = header.grey
    stored = stored_values(words, grey)
    sign = "signed" if grey.is_signed else "unsigned"
    frame = f"frame {options.frame or 0} of {header.frames}, " if header.frames > 1 else ""
    return (
        f"{header.syntax.name}, decoder: {decoder_name(header)}; {frame}{header.rows} rows of {header.columns} pixels, "
        f"{grey.bits_stored} of {header.bits_allocated} bits, {sign}; found {stored.min()} to {stored.max()}"
    )


def _modality(header: Header, words: np.ndarray) -> str:
    grey = header.grey
    if grey.modality_lut:
        how = f"the file's modality LUT of {len(grey.modality_lut.values)} entries from {grey.modality_lut.first} on"
    elif grey.rescale:
        how = f"times {grey.rescale[0]:g} {grey.rescale[1]:+g} (Rescale Slope and Intercept)"
    else:
        return "stored values are taken as they are: no rescale and no modality LUT"
    values = modality_values(stored_values(words, grey), grey)
    return f"{how}; gives {values.min():g} to {values.max():g}"


def _window(header: Header, mapping: Mapping, options: DicomOptions) -> str:
    grey = header.grey
    if mapping.limits is None and grey.voi_lut:
        return f"the file's VOI LUT of {len(grey.voi_lut.values)} entries from {grey.voi_lut.first} on"
    if mapping.limits is None and grey.window:
        window = grey.window
        return f"the file's window, {window.function}, centre {window.centre:g}, width {window.width:g}"
    low, high = mapping.limits or full_range(grey)
    spread = f"{low:g} to {high:g} spread over 0 to {WHITE}"
    if options.window == "percentiles":
        first, last = options.percentiles
        return f"{spread}: percentiles {first:g} and {last:g} of the picture, as was asked"
    why = "as was asked" if options.window == "full_range" else "the file gives no window and no VOI LUT"
    return f"{spread}: all that {grey.bits_stored} bits can hold; {why}"


def _polarity(header: Header) -> str:
    if not header.grey.is_inverted:
        return f"kept: {header.photometric_interpretation}, high is bright"
    if header.photometric_interpretation == "MONOCHROME1":
        return "inverted: MONOCHROME1, high is dark"
    return "inverted: the Presentation LUT Shape is INVERSE"


def _result(pixels: np.ndarray, options: DicomOptions) -> str:
    black, white = (pixels == 0).mean(), (pixels == WHITE).mean()
    reduced = ""
    if options.longest_side_px and max(pixels.shape) > options.longest_side_px:
        reduced = f"; then reduced by area to {options.longest_side_px} pixels on the longest side"
    return f"16 bits, {pixels.min()} to {pixels.max()}; {black:.1%} black and {white:.1%} white{reduced}"
