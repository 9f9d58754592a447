"""Drawn radiographs in the layout of UNIFESP's set, so that everything runs without an account.

Bones are bright lines and rings in grey flesh on a black ground. The headers are distributed as in the real set of
1,738: 95% MONOCHROME1 with 15 of 16 bits stored, the rest MONOCHROME2 with 8, 10 or 12; a window in few; 1.9 pictures
a study; 42% chests, 8% with two parts or more. Several transfer syntaxes, and flaws, which `_traps.json` lists.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID

from common.dicom.encode import set_pixels
from common.dicom.transfer_syntax import BY_UID, EXPLICIT, IMPLICIT, JPEG_2000, TransferSyntax
from common.randomness import generator

TRAIN, TEST = 60, 24
# Sets of parts, with how many of 84 pictures show them: the real shares of the frequent ones.
SHOWN = {(3,): 36, (11,): 10, (9, 21): 6, (13,): 8, (6,): 8, (18,): 8, (15,): 8}
RLE, LOSSLESS_JPEG, JPEG_LS = (BY_UID[f"1.2.840.10008.1.2.{end}"] for end in ("5", "4.70", "4.80"))
SYNTAXES: tuple[TransferSyntax, ...] = (EXPLICIT, EXPLICIT, EXPLICIT, IMPLICIT, RLE, LOSSLESS_JPEG, JPEG_LS, JPEG_2000)
COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
FLESH, BONE = 0.42, 0.9

Canvas = Any  # (side, side) float32 array, 0 air, 1 dense; cv2's types know no arrays that are drawn on


def draw(folder: Path, seed: int) -> None:
    """Write train/, test/, train.csv, sample_submission.csv and _traps.json; the same for the same seed."""
    random = generator(seed, "sample", "study")
    sets = [parts for parts, count in SHOWN.items() for _ in range(count)]
    shown = {_uid(random): sets[place] for place in random.permutation(len(sets))}
    ids = list(shown)
    train, test = ids[:TRAIN], ids[TRAIN:]
    lines = {id_: "".join(f"{part} " for part in shown[id_]) for id_ in train}
    wrong = train[3:23:7]
    for id_ in wrong:
        lines[id_] = "3 " if shown[id_] != (3,) else "11 "
    missing, cut, again = _uid(random), train[30], (train[40], train[41])
    for part, members in (("train", train), ("test", test)):
        for study in _studies(members, random):
            _write_study(folder / part / part, study, shown, seed, random)
    _plant(folder, cut, again)
    lines[missing] = "14 "
    lines[again[1]] = lines[again[0]]
    table = "".join(f"{id_},{text}\n" for id_, text in sorted(lines.items()))
    (folder / "train.csv").write_text("SOPInstanceUID,Target\n" + table, newline="\n")
    asked = "".join(f"{id_},14 \n" for id_ in sorted(test))
    (folder / "sample_submission.csv").write_text("SOPInstanceUID,Target\n" + asked, newline="\n")
    traps: dict = {"wrong_labels": wrong, "no_file": missing, "cut_short": cut, "same_picture": list(again)}
    traps["test_labels"] = {id_: "".join(f"{part} " for part in shown[id_]) for id_ in test}
    (folder / "_traps.json").write_text(json.dumps(traps, indent=1) + "\n", newline="\n")


def _uid(random: np.random.Generator) -> str:
    """Under the root that pydicom offers to everyone, as the real ids are."""
    return "1.2.826.0.1.3680043.8.498." + str(random.integers(1, 10)) + "".join(map(str, random.integers(0, 10, 37)))


def _studies(ids: list[str], random: np.random.Generator) -> list[list[str]]:
    """One to four pictures each, 1.9 on average."""
    studies, rest = [], list(ids)
    while rest:
        count = int(random.choice([1, 2, 3, 4], p=[0.4, 0.37, 0.16, 0.07]))
        studies.append(rest[:count])
        rest = rest[count:]
    return studies


def _write_study(
    folder: Path, ids: list[str], shown: dict[str, tuple[int, ...]], seed: int, random: np.random.Generator
) -> None:
    number, study = int(random.integers(1, 1400)), _uid(random)
    for id_ in ids:
        series = _uid(random)
        path = folder / str(number) / study / series / f"{id_}-c.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        own = generator(seed, "sample", id_)
        _write(path, _radiograph(own, shown[id_]), own, (study, series, id_), number)


def _write(path: Path, density: Canvas, random: np.random.Generator, uids: tuple[str, str, str], number: int) -> None:
    """One file; `density` is 0 to 1."""
    kind = random.choice(["15 bits", "8 bits", "10 bits", "12 bits"], p=[0.9, 0.05, 0.03, 0.02])
    dataset, syntax = Dataset(), SYNTAXES[int(random.integers(len(SYNTAXES)))]
    dataset.SOPClassUID, dataset.SOPInstanceUID = COMPUTED_RADIOGRAPHY, uids[2]
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = uids[0], uids[1]
    dataset.Modality, dataset.StudyDescription, dataset.SeriesDescription = "CR", "XRAY", "XRAY"
    dataset.PatientName, dataset.PatientID = f"Drawn^{number}", str(number)
    dataset.PatientAge, dataset.PatientIdentityRemoved = f"{int(random.integers(15, 86)):03}Y", "YES"
    dataset.StudyDate, dataset.AccessionNumber = "20180703", f"A{number}"
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, 0
    dataset.Rows, dataset.Columns = density.shape
    if kind == "15 bits":
        dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "P-VALUES"
        dataset.PhotometricInterpretation, low, high = "MONOCHROME1", 7900, 26600
        values = np.rint(high - (high - low) * density)  # the real files' usual least and greatest values
    else:
        dataset.PhotometricInterpretation = "MONOCHROME2"
        values = np.rint({"8 bits": 255, "10 bits": 1022, "12 bits": 4076}[kind] * density)
        if kind != "8 bits":
            centre, width = ("624", "528") if kind == "10 bits" else ("2047", "4095")
            dataset.WindowCenter, dataset.WindowWidth = centre, width
    stored = int(str(kind).partition(" ")[0])
    dataset.BitsAllocated = 8 if stored == 8 else 16
    dataset.BitsStored, dataset.HighBit = stored, stored - 1
    set_pixels(dataset, values.astype(np.uint8 if stored == 8 else np.uint16), syntax)
    _save(dataset, path, syntax)


def _save(dataset: Dataset, path: Path, syntax: TransferSyntax) -> None:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = UID(COMPUTED_RADIOGRAPHY)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = UID(syntax.uid)
    dcmwrite(path, dataset, enforce_file_format=True, implicit_vr=syntax is IMPLICIT, little_endian=True)


def _plant(folder: Path, cut: str, again: tuple[str, str]) -> None:
    """A file that is cut short, and one whose picture is that of another."""
    paths = {path.stem.removesuffix("-c"): path for path in (folder / "train").rglob("*.dcm")}
    data = paths[cut].read_bytes()
    paths[cut].write_bytes(data[: len(data) * 3 // 5])
    first, second = (id_.encode() for id_ in again)
    paths[again[1]].write_bytes(paths[again[0]].read_bytes().replace(first, second))


def _radiograph(random: np.random.Generator, parts: tuple[int, ...]) -> Canvas:
    side = 192
    canvas: Canvas = np.zeros((side, side), np.float32)
    for part in parts if parts != (9, 21) else (9,):
        _BODY[part](canvas, random)
    if 21 in parts:
        _wrist(canvas, random)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), float(random.normal(0, 6)), float(random.uniform(0.85, 1.05)))
    height, width = (side, side * 4 // 5) if random.random() < 0.5 else (side * 4 // 5, side)
    shape = (int(random.integers(140, 230)) * np.array([width, height]) // side).tolist()
    canvas = cv2.resize(cv2.GaussianBlur(cv2.warpAffine(canvas, turn, (side, side)), (0, 0), 1.6), shape)
    noisy = canvas * random.uniform(0.8, 1.0) + 0.03 + random.normal(0, 0.015, canvas.shape)
    return np.clip(noisy, 0, 1).astype(np.float32)


def _line(canvas: Canvas, start: tuple, end: tuple, thickness: float, value: float = BONE) -> None:
    cv2.line(canvas, tuple(map(int, start)), tuple(map(int, end)), value, max(1, int(thickness)), cv2.LINE_AA)


def _oval(canvas: Canvas, centre: tuple, axes: tuple, value: float, thickness: int = -1, turn: float = 0) -> None:
    cv2.ellipse(canvas, tuple(map(int, centre)), tuple(map(int, axes)), turn, 0, 360, value, thickness, cv2.LINE_AA)


def _spine(canvas: Canvas, top: int, bottom: int, width: int, step: int) -> None:
    for y in range(top, bottom, step):
        cv2.rectangle(canvas, (96 - width, y), (96 + width, y + step - 4), BONE, -1)


def _chest(canvas: Canvas, random: np.random.Generator) -> None:
    _oval(canvas, (96, 110), (88, 92), FLESH)
    for side in (-1, 1):
        _oval(canvas, (96 + side * 38, 104), (28, 60), 0.12)
        for y in range(50, 160, 15):
            cv2.ellipse(canvas, (96 + side * 38, y), (32, 10), 0, 180, 360, 0.6, 3, cv2.LINE_AA)
    _spine(canvas, 20, 180, 7, 13)
    _oval(canvas, (108, 130), (26 + random.integers(6), 30), 0.66)


def _knee(canvas: Canvas, random: np.random.Generator) -> None:
    _line(canvas, (96, 0), (96, 191), 74, FLESH)
    for begin, end in ((0, 78), (112, 191)):
        _line(canvas, (96, begin), (96, end), 30)
    _oval(canvas, (96, 84), (32, 15), BONE)
    _oval(canvas, (96, 112), (33, 12), BONE)
    _oval(canvas, (96 + random.integers(-3, 4), 76), (12, 12), 1.0)


def _hand(canvas: Canvas, random: np.random.Generator) -> None:
    _oval(canvas, (96, 120), (40, 36), FLESH)
    for number, tip in enumerate(((40, 84), (62, 26), (92, 14), (122, 22), (148, 46))):
        root = (70 + 13 * number, 112)
        _line(canvas, root, tip, 17, FLESH)
        for begin, end in ((0.0, 0.4), (0.46, 0.72), (0.78, 0.98)):
            ends = [tuple(np.array(root) + share * (np.array(tip) - np.array(root))) for share in (begin, end)]
            _line(canvas, ends[0], ends[1], 7)


def _wrist(canvas: Canvas, random: np.random.Generator) -> None:
    _line(canvas, (96, 150), (96, 191), 50, FLESH)
    for place in range(7):
        _oval(canvas, (78 + 12 * (place % 4), 142 + 10 * (place // 4)), (6, 5), BONE)
    for x in (84, 108):
        _line(canvas, (x, 162), (x, 191), 14)


def _feet(canvas: Canvas, random: np.random.Generator) -> None:
    for middle in (50, 142):
        _oval(canvas, (middle, 104), (34, 82), FLESH)
        _oval(canvas, (middle, 160), (16, 22), BONE)
        for toe in range(5):
            x = middle - 24 + 12 * toe
            _line(canvas, (middle - 12 + 6 * toe, 132), (x, 64), 7)
            _line(canvas, (x, 56), (x, 30), 6)


def _lumbar_spine(canvas: Canvas, random: np.random.Generator) -> None:
    cv2.rectangle(canvas, (20, 0), (172, 191), FLESH, -1)
    _spine(canvas, 4, 160, 20, 30)
    for y in range(16, 160, 30):
        _line(canvas, (56, y), (136, y), 6, 0.75)
    _oval(canvas, (96, 176), (34, 20), BONE)


def _skull(canvas: Canvas, random: np.random.Generator) -> None:
    _oval(canvas, (96, 84), (70, 78), 0.55)
    _oval(canvas, (96, 84), (70, 78), 1.0, thickness=7)
    for side in (-1, 1):
        _oval(canvas, (96 + side * 26, 104), (17, 14), 0.2)
    _oval(canvas, (96, 168), (36, 20), BONE)


def _pelvis(canvas: Canvas, random: np.random.Generator) -> None:
    cv2.rectangle(canvas, (6, 10), (186, 191), FLESH, -1)
    for side in (-1, 1):
        _oval(canvas, (96 + side * 48, 70), (38, 46), BONE, thickness=14, turn=side * 25)
        _oval(canvas, (96 + side * 30, 142), (18, 16), BONE, thickness=8)
        _oval(canvas, (96 + side * 68, 128), (15, 15), 1.0)
        _line(canvas, (96 + side * 70, 136), (96 + side * 78, 191), 22)
    _spine(canvas, 12, 100, 14, 22)


_BODY: dict[int, Callable[[Canvas, np.random.Generator], None]] = {
    3: _chest, 6: _feet, 9: _hand, 11: _knee, 13: _lumbar_spine, 15: _pelvis, 18: _skull,
}  # fmt: skip
