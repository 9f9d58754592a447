"""How fast a radiograph becomes a 16-bit PNG, beside the usual recipe, by transfer syntax.

    python -m benchmarks.dicom [--runs 3] [--rows 4240] [--columns 3480] [--decoders]

The usual recipe is what notebooks do: pydicom's `pixel_array`, `apply_modality_lut`, `apply_voi_lut`, inversion,
scaling to 0..65535, `cv2.imwrite`; pydicom chooses its decoder itself among GDCM, pylibjpeg-openjpeg and its own (the
extra `benchmarks` installs them). Both read a file and write a file, in turn, each on one thread; milliseconds of the
processor, so that other work on the machine counts little. The radiograph is drawn: soft shapes, ribs with edges, a
collimator and the noise of light; 15 bits, MONOCHROME1, no window, as nearly all of the competition's files are. Real
files are measured where ../shared/data/dicom is.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut, get_decoder
from rich.console import Console
from rich.table import Table

from common.dicom.convert import convert, reduced
from common.dicom.decode import decode
from common.dicom.encode import set_pixels
from common.dicom.header import read_header
from common.dicom.mapping import mapping_of
from common.dicom.options import DicomOptions
from common.dicom.png import encode_png16
from common.dicom.transfer_syntax import BY_UID, TransferSyntax
from common.randomness import generator

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT.parent / "shared" / "data" / "dicom"
_STANDARD = "1.2.840.10008.1.2"
SYNTAXES = [BY_UID[_STANDARD + end] for end in (".1", ".5", ".4.70", ".4.80", ".4.90", ".4.201")]
SMALL_PX = 1024
_LEAST_SECONDS = 0.05  # small files are converted again until then, as they come in thousands
Seconds = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rows", type=int, default=4240)
    parser.add_argument("--columns", type=int, default=3480)
    parser.add_argument("--decoders", action="store_true", help="only compare the decoders that are installed")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    cv2.setNumThreads(1)
    console = Console(width=130)
    words = drawn_radiograph(given.rows, given.columns)
    memory = Path("/dev/shm")  # so that no disk is measured
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        files = {syntax: write_file(Path(folder), words, syntax) for syntax in SYNTAXES}
        if given.decoders:
            console.print(compare_decoders(files, given.runs))
            return
        console.print(compare(files, given.runs, Path(folder) / "out.png"))
        if REAL.is_dir():
            console.print(compare_real(given.runs, Path(folder) / "out.png"))


def drawn_radiograph(rows: int, columns: int) -> np.ndarray:
    """(rows, columns) uint16 of 15 bits: soft shapes, bones with edges, a collimator, and noise of light."""
    rng = generator(0, "radiograph")
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
    light = 26000 - 15000 * np.exp(-((x / 0.55) ** 2) - (y / 0.8) ** 2)
    for number in range(9):
        along = y - 0.16 * number + 0.65 + 0.2 * x * x
        light -= 1800 * (np.abs(along) < 0.03) * (np.abs(x) < 0.6) * (1 - 900 * along * along)
    light[(np.abs(x) > 0.93) | (np.abs(y) > 0.95)] = 31000
    noise = rng.standard_normal((rows, columns), dtype=np.float32) * np.sqrt(light) * 0.6
    return np.clip(light + noise, 0, 32767).astype(np.uint16)


def write_file(folder: Path, words: np.ndarray, syntax: TransferSyntax) -> Path:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME1"
    dataset.Rows, dataset.Columns = words.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 15, 14, 0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    set_pixels(dataset, words, syntax)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax.uid
    path = folder / f"{syntax.uid}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return path


def usual(path: Path, png: Path, longest_side_px: int | None = None) -> Seconds:
    """The usual recipe, in its three parts."""
    begin = time.process_time()
    dataset = pydicom.dcmread(path)
    pixels = dataset.pixel_array
    decoded = time.process_time()
    pixels = apply_voi_lut(apply_modality_lut(pixels, dataset), dataset)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        pixels = np.amax(pixels) - pixels
    pixels = pixels - np.min(pixels)
    pixels = (pixels / max(np.max(pixels), 1) * 65535).astype(np.uint16)
    if longest_side_px:
        pixels = reduced(pixels, longest_side_px)
    mapped = time.process_time()
    cv2.imwrite(str(png), pixels)
    return _parts(begin, decoded, mapped)


def ours(path: Path, png: Path, longest_side_px: int | None = None) -> Seconds:
    """What `convert` does, in its three parts."""
    options = DicomOptions.model_validate({"longest_side_px": longest_side_px})
    begin = time.process_time()
    header = read_header(path.read_bytes())
    words = decode(header)
    decoded = time.process_time()
    pixels = reduced(mapping_of(header.grey, options, words).apply(words), longest_side_px)
    mapped = time.process_time()
    png.write_bytes(encode_png16(pixels))
    return _parts(begin, decoded, mapped)


def _parts(begin: float, decoded: float, mapped: float) -> Seconds:
    end = time.process_time()
    return {"decode": decoded - begin, "map": mapped - decoded, "encode": end - mapped, "all": end - begin}


def in_turn(programs: dict[str, Callable[[], Seconds]], runs: int) -> dict[str, Seconds]:
    """Medians of each part, in milliseconds, after one run that does not count."""
    found: dict[str, list[Seconds]] = {name: [] for name in programs}
    for run in range(runs + 1):
        for name, program in programs.items():
            repeats = 1 + int(_LEAST_SECONDS / max(program()["all"], 1e-6)) if run else 1
            several = [program() for _ in range(repeats)]
            if run:
                found[name].append({part: sum(one[part] for one in several) / repeats for part in several[0]})
    return {
        name: {part: 1000 * median(one[part] for one in several) for part in several[0]}
        for name, several in found.items()
    }


def compare(files: dict[TransferSyntax, Path], runs: int, png: Path) -> Table:
    size = " x ".join(map(str, convert(next(iter(files.values()))).pixels.shape[::-1]))
    table = _table(
        f"{size}, milliseconds a file: decode + map + encode, medians of {runs} runs",
        ("", "usual recipe", "ours", "times as fast", "ours / our decoding alone"),
    )
    cases = [(syntax.name, path, None) for syntax, path in files.items()]
    cases.insert(1, (f"{cases[0][0]}, to {SMALL_PX} px", cases[0][1], SMALL_PX))
    for name, path, side in cases:
        row = {"ours": lambda path=path, side=side: ours(path, png, side)}
        row["usual"] = lambda path=path, side=side: usual(path, png, side)
        try:
            found = in_turn(row, runs)
        except Exception as error:  # pydicom says in many ways that no decoder is there
            table.add_row(name, f"cannot decode ({type(error).__name__})", "", "", "")
            continue
        mine, theirs = found["ours"], found["usual"]
        near = f"{mine['all'] / mine['decode']:.2f}"
        table.add_row(name, _sum(theirs), _sum(mine), f"{theirs['all'] / mine['all']:.2f}", near)
    return table


def compare_real(runs: int, png: Path) -> Table:
    """Over the real files that both convert: quantiles of how many times as fast."""
    ratios = []
    for path in sorted(REAL.glob("*/*.dcm")):
        try:
            found = in_turn(
                {"ours": lambda path=path: ours(path, png), "usual": lambda path=path: usual(path, png)}, runs
            )
        except Exception:
            continue
        ratios.append(found["usual"]["all"] / found["ours"]["all"])
    title = f"{len(ratios)} real files that both convert: times as fast"
    table = _table(title, ("median", "least", "lower quarter", "upper quarter", "most"))
    table.add_row(*(f"{value:.2f}" for value in np.quantile(ratios, [0.5, 0, 0.25, 0.75, 1])))
    return table


def compare_decoders(files: dict[TransferSyntax, Path], runs: int) -> Table:
    """Decoding alone, for each decoder that pydicom finds, and ours."""
    table = _table(f"decoding alone, milliseconds, medians of {runs} runs", ("", "ours", "pydicom with"))
    for syntax, path in files.items():
        mine = in_turn({"ours": lambda path=path: ours(path, path.with_suffix(".png"))}, runs)["ours"]["decode"]
        others = []
        plugins = get_decoder(syntax.uid).available_plugins if syntax.is_encapsulated else ("",)
        for plugin in plugins:
            try:
                seconds = [_seconds_of_pydicom(path, plugin) for _ in range(runs)]
            except Exception as error:
                others.append(f"{plugin}: fails ({type(error).__name__})")
                continue
            others.append(f"{plugin or 'numpy'} {1000 * median(seconds):,.0f}")
        table.add_row(syntax.name, f"{mine:,.0f}", ", ".join(others) or "none can")
    return table


def _seconds_of_pydicom(path: Path, plugin: str) -> float:
    begin = time.process_time()
    dataset = pydicom.dcmread(path)
    if plugin:
        dataset.pixel_array_options(decoding_plugin=plugin)
    assert dataset.pixel_array.ndim == 2
    return time.process_time() - begin


def _sum(part: Seconds) -> str:
    return f"{part['all']:,.0f} = {part['decode']:,.0f} + {part['map']:,.0f} + {part['encode']:,.0f}"


def _table(title: str, headings: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="right" if heading else "left")
    return table


if __name__ == "__main__":
    main()
