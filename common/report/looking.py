"""Where each network looked in the pictures that it got most wrong, as heat over the picture."""

from pathlib import PurePosixPath
from typing import Any

import cv2
import numpy as np
import pandas as pd

from common.images.square import to_square
from common.report.blocks import Block, Gallery, Picture, Section
from common.report.gallery import Thumbnails, jpeg_address
from common.report.inputs import Inputs
from common.report.judged import as_written
from common.report.wording import number

_SIDE_PX, _GAP_PX, _GREY = 160, 4, 128
_NOTE = (
    "Each picture as the network saw it, and with heat over what spoke for its decision (Grad-CAM, by the fold that "
    "was not trained on it); highest loss first. Heat beside the object tells of a background that goes with the label."
)


def looking_section(inputs: Inputs, thumbnails: Thumbnails) -> Section:
    """A gallery a model."""
    examples = inputs.part("train")
    given = dict(zip(examples["id"], examples[inputs.competition.scored_target], strict=True))
    blocks: list[Block] = []
    for model in inputs.models:
        if model.looking is None or not len(model.looking):
            continue
        resize = str(model.options.get("resize", "squash"))
        pictures = [
            _pair(row, as_written(given[row.id]), thumbnails, resize)
            for row in model.looking.itertuples()
            if ("train", row.id) in thumbnails.examples.index
        ]
        blocks.append(Gallery(model.name, pictures, _NOTE if not blocks else "", pairs=True))
    return Section("looking", "Where the networks look", blocks)


def _pair(row: Any, given: str, thumbnails: Thumbnails, resize: str) -> Picture:
    example: pd.Series = thumbnails.examples.loc[[("train", row.id)]].iloc[0]
    pixels = thumbnails.shown(str(example["file"]))
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    seen = to_square(pixels, _SIDE_PX, resize)
    heat = np.frombuffer(row.map, dtype=np.uint8).reshape(row.rows, row.columns)
    gap = np.full((_SIDE_PX, _GAP_PX, 3), _GREY, dtype=np.uint8)
    both = np.concatenate([seen, gap, heated(seen, heat)], axis=1)
    lines = (f"given {given}", f"decided for {row.looked_for}, loss {number(row.loss, 3)}")
    name = PurePosixPath(str(example["path"])).name
    return Picture(jpeg_address(both), both.shape[1], both.shape[0], name, lines)


def heated(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The picture (side, side, 3) uint8, covered by colour where `heat` (rows, columns) uint8 is high."""
    side = picture.shape[0]
    fine = cv2.resize(heat, (side, side), interpolation=cv2.INTER_LINEAR)
    colours = cv2.cvtColor(cv2.applyColorMap(fine, cv2.COLORMAP_TURBO), cv2.COLOR_BGR2RGB).astype(np.float32)
    cover = 0.65 * fine[:, :, None].astype(np.float32) / 255
    return np.rint((1 - cover) * picture + cover * colours).astype(np.uint8)
