"""Pictures side by side with a few lines of text below each, as one PNG."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_COLUMNS = 5
_TILE_PX = 224  # smaller pictures are enlarged to it, larger ones made smaller
_GAP_PX = 12
_TEXT_PX = 13
_LINE_PX = 17
_INK, _PAPER = (31, 36, 43), (255, 255, 255)


def contact_sheet(title: str, tiles: Sequence[tuple[np.ndarray, Sequence[str]]]) -> bytes:
    """A PNG of all tiles in rows of five, under a title.

    tiles  (pixels, lines): pixels (side, side, channels) floats in 0..1, of which grey or the first three are shown
    """
    font = ImageFont.load_default(_TEXT_PX)
    lines = max(len(text) for _, text in tiles)
    width, height = _TILE_PX + _GAP_PX, _TILE_PX + _GAP_PX + lines * _LINE_PX + _GAP_PX // 2
    rows = -(-len(tiles) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * width + _GAP_PX, rows * height + 2 * _GAP_PX + _LINE_PX), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP_PX, _GAP_PX), title, _INK, font)
    for number, (pixels, text) in enumerate(tiles):
        left = _GAP_PX + number % _COLUMNS * width
        top = 2 * _GAP_PX + _LINE_PX + number // _COLUMNS * height
        sheet.paste(_as_image(pixels), (left, top))
        for place, line in enumerate(text):
            draw.text((left, top + _TILE_PX + 4 + place * _LINE_PX), line, _INK, font)
    data = io.BytesIO()
    sheet.save(data, "PNG")
    return data.getvalue()


def _as_image(pixels: np.ndarray) -> Image.Image:
    colours = np.repeat(pixels[:, :, :1], 3, axis=2) if pixels.shape[2] == 1 else pixels[:, :, :3]
    shades = np.rint(np.clip(colours, 0, 1) * 255).astype(np.uint8)
    # No smoothing when it enlarges: each pixel that the network sees is to be seen.
    resampling = Image.Resampling.NEAREST if len(pixels) <= _TILE_PX else Image.Resampling.BOX
    return Image.fromarray(shades).resize((_TILE_PX, _TILE_PX), resampling)
