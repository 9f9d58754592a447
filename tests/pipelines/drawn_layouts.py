"""Small drawn pictures in the layouts of competitions; colour and stripes tell the label."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

CLASSES = ("beech", "maple", "oak")
_COLOURS = {"beech": (40, 60, 200), "maple": (40, 200, 60), "oak": (200, 80, 40)}


def picture(path: Path, *labels: str, number: int) -> None:
    """A noisy picture of 48 x 40 px whose thirds have the colours of its labels."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 90, (40, 48, 3)) + rng.integers(0, 60)
    for place, label in enumerate(labels):
        pixels[8:32, 16 * place + 3 : 16 * place + 13] += np.array(_COLOURS[label]) // 2
    # Each picture has its own coarse pattern, so that none is a near-duplicate of another.
    pixels += cv2.resize(rng.integers(0, 70, (5, 6)).astype(np.float32), (48, 40)).astype(int)[:, :, None]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.clip(pixels, 0, 255).astype(np.uint8))


def class_folders(folder: Path, pictures: int = 36) -> None:
    """`train/CLASS/1.jpg`, `test/1.png`; a column a class is handed in."""
    for number in range(pictures):
        label = CLASSES[number % 3]
        picture(folder / "train" / label / f"{number // 3}.jpg", label, number=number)
    _test(folder, 12, ["id", *CLASSES], [["0.333"] * 3])


def table_of_classes(folder: Path, pictures: int = 36) -> None:
    """`labels.csv` (id, breed), `train/ID.jpg`; the class is handed in, and the sample has the first one everywhere."""
    lines = ["id,breed"]
    for number in range(pictures):
        label = CLASSES[number % 3]
        picture(folder / "train" / f"a{number:03}.jpg", label, number=number)
        lines.append(f"a{number:03},{label}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    _test(folder, 12, ["id", "breed"], [["beech"]])


def table_of_tags(folder: Path, pictures: int = 60) -> None:
    """`train_v2.csv` (image_name, tags), pictures in two zips."""
    rng = np.random.default_rng(3)
    lines = ["image_name,tags"]
    for number in range(pictures):
        tags = [name for name in CLASSES if rng.random() < 0.5] or ["oak"]
        rng.shuffle(tags)
        picture(folder / "train-jpg" / f"train_{number}.jpg", *tags, number=number)
        lines.append(f"train_{number},{' '.join(tags)}")
    (folder / "train_v2.csv").write_text("\n".join(lines) + "\n")
    _test(folder, 12, ["image_name", "tags"], [["beech oak"], ["maple"]], "test-jpg")
    for name in ("train-jpg", "test-jpg"):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            for path in sorted((folder / name).iterdir()):
                archive.write(path, f"{name}/{path.name}")
                path.unlink()
        (folder / name).rmdir()


def table_of_numbers(folder: Path, pictures: int = 40) -> None:
    """`train.csv` (Id, Age, Height), pictures of both parts in one folder; the height is handed in."""
    lines = ["Id,Age,Height"]
    for number in range(pictures):
        label = CLASSES[number % 3]
        picture(folder / "images" / f"tree{number}.png", label, number=number)
        lines.append(f"tree{number}.png,{number % 7},{1.5 + number % 3 + number / 100:.2f}")
    (folder / "train.csv").write_text("\n".join(lines) + "\n")
    _test(folder, 12, ["Id", "Height"], [["0.0"]], "images", ".png")


def names(folder: Path, pictures: int = 30) -> None:
    """`train/oak.3.jpg`; the probability of one class is handed in, and nothing says of which."""
    for number in range(pictures):
        label = CLASSES[number % 2]
        picture(folder / "train" / f"{label}.{number}.jpg", label, number=number)
    _test(folder, 12, ["id", "label"], [["0.5"]])


LAYOUTS: dict[str, Callable[[Path], None]] = {
    "class_folders": class_folders,
    "table_of_classes": table_of_classes,
    "table_of_tags": table_of_tags,
    "table_of_numbers": table_of_numbers,
    "names": names,
}


def _test(
    folder: Path, pictures: int, columns: list[str], values: list[list[str]], test: str = "test", suffix: str = ""
) -> None:
    """Pictures to predict, and the sample submission, whose values repeat."""
    lines = [",".join(columns)]
    for number in range(pictures):
        picture(folder / test / f"test{number}{suffix or '.jpg'}", CLASSES[number % 3], number=10_000 + number)
        lines.append(",".join([f"test{number}{suffix}", *values[number % len(values)]]))
    (folder / "sample_submission.csv").write_text("\n".join(lines) + "\n")
