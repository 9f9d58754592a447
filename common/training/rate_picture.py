"""A sweep of the learning rate as a PNG: the losses as points, their running mean as a line, the suggestion marked."""

import io
import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from common.training.rate_finder import Suggestion, Sweep

_WIDTH, _HEIGHT = 960, 540
_LEFT, _RIGHT, _TOP, _BOTTOM = 90, 30, 64, 70
_FINER = 2  # drawn larger and shrunk, since Pillow's lines have no smooth edges
_INK, _GRID, _LINE, _POINT, _MARK = "#1f242b", "#e2e5e9", "#27588f", "#b9c6d6", "#bb5514"


def rate_png(swept: Sweep, suggestion: Suggestion, title: str) -> bytes:
    """The picture's bytes; loss over learning rate, the latter on a logarithmic axis."""
    image = Image.new("RGB", (_WIDTH * _FINER, _HEIGHT * _FINER), "white")
    draw = ImageDraw.Draw(image)
    shown = min(1.15 * float(max(swept.smoothed[0], swept.smoothed.min())), float(swept.losses.max()))
    low = min(float(swept.losses.min()), float(swept.smoothed.min()))
    high = max(shown, low + 1e-6)
    first, last = math.log10(swept.rates[0]), math.log10(max(swept.rates[-1], swept.rates[0] * 10))

    def x(rate: float) -> float:
        return _FINER * (_LEFT + (math.log10(rate) - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT))

    def y(loss: float) -> float:
        share = (min(loss, high) - low) / (high - low)
        return _FINER * (_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM))

    _axes(draw, x, y, (first, last), (low, high))
    radius = 2.5 * _FINER
    for rate, loss in zip(swept.rates, swept.losses, strict=True):
        if loss <= high:
            centre = (x(rate), y(loss))
            draw.ellipse([centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius], fill=_POINT)
    line = [(x(rate), y(loss)) for rate, loss in zip(swept.rates, swept.smoothed, strict=True)]
    draw.line(line, fill=_LINE, width=3 * _FINER, joint="curve")
    if suggestion.rate is not None:
        at = x(suggestion.rate)
        draw.line([(at, y(high)), (at, y(low))], fill=_MARK, width=2 * _FINER)
        draw.text((at + 8 * _FINER, y(high)), f"{suggestion.rate:.1e}", fill=_MARK, font=_font(16))
    draw.text((_LEFT * _FINER, 18 * _FINER), title, fill=_INK, font=_font(19))
    written = io.BytesIO()
    image.resize((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS).save(written, "PNG", optimize=True)
    return written.getvalue()


def _axes(
    draw: ImageDraw.ImageDraw,
    x: Callable[[float], float],
    y: Callable[[float], float],
    decades: tuple[float, float],
    losses: tuple[float, float],
) -> None:
    """A line and a number a decade of the rate, and five values of the loss."""
    low, high = losses
    bottom = _FINER * (_HEIGHT - _BOTTOM)
    for decade in range(math.ceil(decades[0] - 1e-9), math.floor(decades[1] + 1e-9) + 1):
        at = x(10.0**decade)
        draw.line([(at, _FINER * _TOP), (at, bottom)], fill=_GRID, width=_FINER)
        draw.text((at, bottom + 8 * _FINER), f"1e{decade}", fill=_INK, font=_font(14), anchor="mt")
    for loss in np.linspace(low, high, 5):
        draw.line([(_FINER * _LEFT, y(loss)), (_FINER * (_WIDTH - _RIGHT), y(loss))], fill=_GRID, width=_FINER)
        draw.text((_FINER * (_LEFT - 8), y(loss)), f"{loss:.3g}", fill=_INK, font=_font(14), anchor="rm")
    middle = _FINER * (_LEFT + _WIDTH - _RIGHT) / 2
    draw.text((middle, _FINER * (_HEIGHT - 14)), "learning rate", fill=_INK, font=_font(15), anchor="mb")
    draw.text((_FINER * _LEFT, _FINER * (_TOP - 10)), "loss", fill=_INK, font=_font(15), anchor="lb")


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size * _FINER)
