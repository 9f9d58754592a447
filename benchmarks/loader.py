"""How many pictures a second one core makes ready for the network: us, timm, albumentations and fastai.

    pip install -e '.[benchmarks]'
    python -m benchmarks.loader [--runs 5] [--seconds 3]

From JPEGs to normalised float32 batches of 64 at 224 px. Each way is a program of its own with one thread and no
workers, started in turn, and counts the time that its thread has computed: what a quiet core would take. We read from
the decoded map, which is built once before (its time is printed); the peers decode in every epoch, as they always do.
In each part of the table both sides make the same changes to a picture; only in the last one the peer makes those that
it makes by default, and we ours. Ours lets the C library keep freed memory, as every training does.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.photographs import photographs
from common.images.augment import AUGMENTATIONS
from common.images.cache import decode_once
from common.images.store import write_store
from common.training.data import Examples, micro_batches, steps_of
from common.training.hardware import Hardware
from common.training.network import Network
from common.training.timm_import import import_timm

SIDE, BATCH, MAP_SIDE = 224, 64, 256
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
COUNT = 1200

Batches = Iterator[torch.Tensor]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each run, after a first batch")
    parser.add_argument("--one", nargs=2, metavar=("FOLDER", "WAY"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(rate(Path(given.one[0]), given.one[1], given.seconds)))
        return
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), given.runs, given.seconds)


def measure(folder: Path, runs: int, seconds: float) -> None:
    console = Console(width=118)
    data, what = photographs(COUNT)
    names = [f"{number:05d}.jpg" for number in range(COUNT)]
    (folder / "jpeg").mkdir()
    for name, one in zip(names, data, strict=True):
        (folder / "jpeg" / name).write_bytes(one)
    write_store(folder / "images.zip", zip(names, data, strict=True))
    begin = time.process_time()
    environment = os.environ | {"PODIUM_SCRATCH": str(folder / "scratch"), "OMP_NUM_THREADS": "1"}
    os.environ.update(environment)
    for side in (SIDE, MAP_SIDE):
        decoded(folder, side)
    console.print(f"decoding once: {2 * COUNT / (time.process_time() - begin):,.0f} pictures/s of one core")

    ways = [way for part in PARTS.values() for way in part if importable(way)]
    found: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(runs):
        for way in ways:
            command = [sys.executable, "-m", "benchmarks.loader", "--seconds", str(seconds), "--one", str(folder), way]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            found[way].append(json.loads(done.stdout.splitlines()[-1]))
    title = f"{what} to {SIDE} px: pictures/s of one core, {runs} runs in turn"
    table = Table(title=title, title_justify="left")
    for heading in ("", "median", "least", "most", "us / it"):
        table.add_column(heading, justify="right" if heading else "left")
    for part, all_ways in PARTS.items():
        table.add_section()
        table.add_row(f"[bold]{part}")
        ours = median(found[all_ways[0]])
        for way in all_ways:
            if way not in found:
                table.add_row(f"{way}: not installed")
                continue
            rates = found[way]
            times = "" if way == all_ways[0] else f"{ours / median(rates):.1f}"
            table.add_row(way, *(f"{one:,.0f}" for one in (median(rates), min(rates), max(rates))), times)
    console.print(table)


def rate(folder: Path, way: str, seconds: float) -> float:
    """Pictures a second of the thread's own time."""
    import cv2

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    import_timm()  # before torchvision, which fails beside a CPU build of torch
    begin, done = None, 0
    while begin is None or time.process_time() - begin < seconds:
        for batch in WAYS[way](folder):
            assert batch.shape[1:] in ((3, SIDE, SIDE), (SIDE, SIDE, 3)) and batch.dtype == torch.float32
            if begin is None:
                begin = time.process_time()  # the first one waits for imports and files
                continue
            done += len(batch)
            if time.process_time() - begin >= seconds:
                break
    return done / (time.process_time() - begin)


def importable(way: str) -> bool:
    return all(importlib.util.find_spec(name) for name in ("fastai", "albumentations", "timm") if name in way)


def decoded(folder: Path, side: int):
    names = [f"{number:05d}.jpg" for number in range(COUNT)]
    return decode_once(folder / "images.zip", names, names, 8, side, "squash", workers=1)


def ours(kind: str) -> Callable[[Path], Batches]:
    def batches(folder: Path) -> Batches:
        ids = np.array([f"{number:05d}" for number in range(COUNT)], dtype=object)
        view = Examples(ids, decoded(folder, SIDE), {}).take(np.random.default_rng(0).permutation(COUNT))
        Hardware("cpu").accelerator("float32")  # sets memory and threads as for a training
        network = Network(torch.nn.Identity(), MEAN, STD)
        for batch in micro_batches(view, steps_of(COUNT, BATCH), BATCH, kind, 1, ("train", 0), 0):
            yield network(batch.pixels, batch.light)

    return batches


def plain_map(folder: Path) -> Batches:
    """A uint8 map of larger pictures: each cropped and flipped, then normalised by the batch."""
    path, shape = decoded(folder, MAP_SIDE).folder / "pixels.bin", (COUNT, MAP_SIDE, MAP_SIDE, 3)
    pixels = np.memmap(path, np.uint8, "r", shape=shape)
    rng = np.random.default_rng(0)
    mean, std = 255 * np.array(MEAN, np.float32), 255 * np.array(STD, np.float32)
    order = rng.permutation(COUNT)
    for begin in range(0, COUNT, BATCH):
        rows = order[begin : begin + BATCH]
        batch = np.empty((len(rows), SIDE, SIDE, 3), np.uint8)
        for place, row in zip(batch, rows, strict=True):
            top, left = rng.integers(0, MAP_SIDE - SIDE + 1, 2)
            picture = pixels[row, top : top + SIDE, left : left + SIDE]
            place[:] = picture[:, ::-1] if rng.random() < 0.5 else picture
        yield torch.from_numpy((batch.astype(np.float32) - mean) / std).permute(0, 3, 1, 2)


class Jpegs(torch.utils.data.Dataset):
    """The files, opened and changed one at a time, as the peers' documentation has it."""

    def __init__(self, folder: Path, read: Callable[[str], object]) -> None:
        self.paths, self.read = [str(path) for path in sorted((folder / "jpeg").iterdir())], read

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> object:
        return self.read(self.paths[index])


def timm(kind: str) -> Callable[[Path], Batches]:
    def batches(folder: Path) -> Batches:
        from PIL import Image
        from timm.data import create_transform
        from torchvision.transforms import InterpolationMode, RandomRotation

        changes = AUGMENTATIONS[kind]
        scale, ratio = ranges(kind)
        light = (changes.brightness, changes.contrast, 0, 0) if changes.contrast else None
        transform = create_transform(
            SIDE, is_training=True, scale=scale, ratio=ratio, interpolation="bilinear", color_jitter=light
        )
        if changes.rotation_degrees:
            transform.transforms.insert(2, RandomRotation(changes.rotation_degrees, InterpolationMode.BILINEAR))
        return loader(Jpegs(folder, lambda path: transform(Image.open(path).convert("RGB"))))

    return batches


def albumentations(kind: str) -> Callable[[Path], Batches]:
    def batches(folder: Path) -> Batches:
        os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
        import albumentations as A
        import cv2
        from albumentations.pytorch import ToTensorV2

        changes = AUGMENTATIONS[kind]
        scale, ratio = ranges(kind)
        steps = [A.RandomResizedCrop((SIDE, SIDE), scale=scale, ratio=ratio), A.HorizontalFlip(p=0.5)]
        if changes.rotation_degrees:
            steps.append(A.Rotate(changes.rotation_degrees, border_mode=cv2.BORDER_REFLECT_101, p=1))
            steps.append(A.RandomBrightnessContrast(changes.brightness, changes.contrast, p=1))
        transform = A.Compose([*steps, A.Normalize(MEAN, STD), ToTensorV2()])

        def read(path: str) -> torch.Tensor:
            return transform(image=cv2.cvtColor(cv2.imread(path), cv2.COLOR_BGR2RGB))["image"]

        return loader(Jpegs(folder, read))

    return batches


def fastai(same_as_ours: bool, presized: bool = False) -> Callable[[Path], Batches]:
    def batches(folder: Path) -> Batches:
        from fastai.vision.all import (
            ImageDataLoaders,
            Normalize,
            Resize,
            ResizeMethod,
            aug_transforms,
            get_image_files,
            imagenet_stats,
        )

        photo = AUGMENTATIONS["photo"]
        if same_as_ours:
            item = Resize(SIDE, ResizeMethod.Squish)
            most = {"max_rotate": photo.rotation_degrees, "max_zoom": photo.zoom, "max_lighting": photo.contrast}
            changes = aug_transforms(max_warp=0.0, p_affine=1.0, p_lighting=1.0, **most)
        elif presized:
            item, changes = Resize(460), aug_transforms(size=SIDE, min_scale=0.75)
        else:
            item, changes = Resize(SIDE), aug_transforms()
        loaders = ImageDataLoaders.from_path_func(
            folder,
            get_image_files(folder / "jpeg"),
            lambda path: int(path.stem) % 2,
            valid_pct=0.01,
            seed=0,
            bs=BATCH,
            item_tfms=item,
            batch_tfms=[*changes, Normalize.from_stats(*imagenet_stats)],
            num_workers=0,
            device="cpu",
        )
        return (pixels.as_subclass(torch.Tensor) for pixels, _ in loaders.train)

    return batches


def ranges(kind: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Zoom and stretch of our `kind` as the scale (of the area) and ratio (of the sides) of RandomResizedCrop."""
    changes = AUGMENTATIONS[kind]
    widest = (1 + changes.stretch) ** 2
    return (1 / changes.zoom**2, 1.0), (1 / widest, widest)


def loader(dataset: Jpegs) -> Batches:
    return iter(torch.utils.data.DataLoader(dataset, BATCH, shuffle=True))


WAYS: dict[str, Callable[[Path], Batches]] = {
    "us, crop": ours("crop"),
    "us, photo": ours("photo"),
    "a plain map of 256 px, cropped": plain_map,
    "timm, crop and flip": timm("crop"),
    "timm, the full list": timm("photo"),
    "albumentations + cv2, crop and flip": albumentations("crop"),
    "albumentations + cv2, the full list": albumentations("photo"),
    "fastai, the full list": fastai(same_as_ours=True),
    "fastai, Resize and aug_transforms": fastai(same_as_ours=False),
    "fastai, Resize(460) and aug_transforms(size=224)": fastai(same_as_ours=False, presized=True),
}
PARTS = {
    "random resized crop and flip": [
        "us, crop",
        "timm, crop and flip",
        "albumentations + cv2, crop and flip",
        "a plain map of 256 px, cropped",
    ],
    "the same with rotation, contrast and brightness": [
        "us, photo",
        "timm, the full list",
        "albumentations + cv2, the full list",
        "fastai, the full list",
    ],
    "by default": [
        "us, photo",
        "fastai, Resize and aug_transforms",
        "fastai, Resize(460) and aug_transforms(size=224)",
    ],
}


if __name__ == "__main__":
    main()
