"""What the contenders of `training_step` train on: JPEG files, each read in its own way, or pixels in memory."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

from benchmarks.photographs import photographs
from common.images.decode import decode
from common.images.square import to_channels, to_square
from common.randomness import generator
from common.training.timm_import import import_timm

CLASSES = 10
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SHORTER_SIDE_PX = 160


def write_jpegs(folder: Path, count: int) -> str:
    """Photographs made small once, as people do before they train at 128 px; their names begin with the class."""
    given, what = photographs(count)
    for number, data in enumerate(given):
        picture = to_channels(decode(data).pixels, 3, what)
        scale = _SHORTER_SIDE_PX / min(picture.shape[:2])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        path = folder / f"{number % CLASSES}_{number:05d}.jpg"
        cv2.imwrite(str(path), cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return f"{what}, made {_SHORTER_SIDE_PX} px small"


def pictures(given: SimpleNamespace) -> tuple[np.ndarray, np.ndarray]:
    """(rows, size_px, size_px, 3) uint8 and labels (rows,): decoded once, or noise where there is no folder."""
    if given.folder:
        paths = sorted(Path(given.folder).iterdir())
        squares = [to_square(decode(path.read_bytes()).pixels, given.size_px, "squash") for path in paths]
        return np.stack(squares), np.array([_label(path) for path in paths])
    draw = generator(0, "pictures")
    shape = (given.rows, given.size_px, given.size_px, 3)
    return draw.integers(0, 256, shape, dtype=np.uint8), draw.integers(0, CLASSES, given.rows)


def timm_loader(given: SimpleNamespace) -> DataLoader:
    """torch's DataLoader with timm's training transform of files, or of what lies in memory."""
    if not given.folder:
        return DataLoader(_tensors(given), batch_size=given.batch, shuffle=True)
    import_timm()  # before torchvision, which fails beside a CPU build of torch
    from PIL import Image
    from timm.data import create_transform

    transform = create_transform(given.size_px, is_training=True, mean=MEAN, std=STD)
    paths = sorted(Path(given.folder).iterdir())

    class Files(Dataset):
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
            return transform(Image.open(paths[row]).convert("RGB")), _label(paths[row])

    return DataLoader(Files(), batch_size=given.batch, shuffle=True)


def fastai_loaders(given: SimpleNamespace) -> Any:
    """fastai's loaders with its Resize, aug_transforms and Normalize of files, or of what lies in memory."""
    import_timm()
    from fastai.data.core import DataLoaders
    from fastai.data.load import DataLoader as FastLoader
    from fastai.vision.all import ImageDataLoaders, Normalize, Resize, aug_transforms, imagenet_stats

    if not given.folder:
        training, one = _tensors(given), TensorDataset(*(tensor[:1] for tensor in _tensors(given).tensors))
        settings = {"bs": given.batch, "num_workers": 0, "after_batch": normalised}
        return DataLoaders(FastLoader(training, shuffle=True, **settings), FastLoader(one, **settings))
    paths = sorted(Path(given.folder).iterdir())
    return ImageDataLoaders.from_path_func(
        Path(given.folder), paths, _label, valid_pct=1 / len(paths), seed=0, bs=given.batch, num_workers=0,
        item_tfms=Resize(given.size_px), batch_tfms=[*aug_transforms(), Normalize.from_stats(*imagenet_stats)],
        device="cpu", drop_last=False,
    )  # fmt: skip


def normalised(batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixels (batch, 3, height, width) as the network wants them; floats are so already."""
    if batch[0].is_floating_point():
        return batch
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    return (batch[0].float() / 255 - mean) / deviation, batch[1]


def _tensors(given: SimpleNamespace) -> TensorDataset:
    pixels, labels = pictures(given)
    return TensorDataset(torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(), torch.from_numpy(labels))


def _label(path: Path) -> int:
    return int(path.name.split("_")[0])
