"""Pictures that are mixed with others, or of which a part is erased, while the network trains.

As in augment.py, each draw depends on (seed, purpose, id) alone: whom a picture is mixed with does not depend on
who else is in its batch. The partner is fetched with the row, and looks as it does for itself in that epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from common.randomness import generator, uniform_draws

_ERASED_AREA = (0.02, 1 / 3)  # least and most of a picture, as in the paper
_ERASED_ASPECT = 10 / 3  # of one side to the other, at most


@dataclass(frozen=True)
class Mixing:
    """What is done to training pictures beside augmentation; 0: not at all.

    mixup           alpha of Beta(alpha, alpha), the share of the picture itself; its partner has the rest at every
                    pixel (Zhang et al., arXiv:1710.09412)
    cutmix          alpha of the same; the partner has a rectangle (Yun et al., arXiv:1905.04899). With both, each
                    picture is mixed one way or the other, by a fair draw
    random_erasing  probability that a rectangle becomes noise (Zhong et al., arXiv:1708.04896)
    """

    mixup: float = 0.0
    cutmix: float = 0.0
    random_erasing: float = 0.0

    @property
    def has_partners(self) -> bool:
        return self.mixup > 0 or self.cutmix > 0


@dataclass(frozen=True)
class Mixes:
    """Whom each picture of a batch is mixed with; all have the batch as first axis.

    partners  positions among those that may be partners
    share     float32, of the picture itself
    boxes     (batch, 4) int: top, bottom, left, right of what the partner has; (0, 0, 0, 0): mixed at every pixel
    """

    partners: np.ndarray
    share: np.ndarray
    boxes: np.ndarray


def draw_mixes(ids: Sequence[str], candidates: int, side: int, mixing: Mixing, seed: int, *purpose: object) -> Mixes:
    """Partners among `candidates` rows, and shares; pictures are `side` pixels wide and high."""
    from scipy.special import betaincinv

    which, share_at, partner, across, down = uniform_draws(seed, ("mix", *purpose), ids, 5).T
    cut = which < (0.5 if mixing.mixup and mixing.cutmix else float(mixing.cutmix > 0))
    alpha = np.where(cut, mixing.cutmix, mixing.mixup)
    share = betaincinv(alpha, alpha, share_at)  # the inverse of Beta's distribution function
    half = side * np.sqrt(1 - share) / 2  # of the rectangle, whose centre may lie at the edge
    edges = [down * side - half, down * side + half, across * side - half, across * side + half]
    boxes = np.clip(np.rint(np.column_stack(edges)), 0, side).astype(int)
    boxes[~cut] = 0
    own = 1 - (boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2]) / side**2
    return Mixes((partner * candidates).astype(int), np.where(cut, own, share).astype(np.float32), boxes)


def mix(pictures: np.ndarray, partners: np.ndarray, mixes: Mixes) -> None:
    """Change `pictures` (batch, side, side, channels), in place, by those at the same places in `partners`."""
    for own, other, share, box in zip(pictures, partners, mixes.share.tolist(), mixes.boxes.tolist(), strict=True):
        top, bottom, left, right = box
        if bottom > top and right > left:
            own[top:bottom, left:right] = other[top:bottom, left:right]
        elif share < 1 and not any(box):
            flat = own.reshape(len(own), -1)  # OpenCV wants no axis of length 1
            cv2.addWeighted(flat, share, other.reshape(len(own), -1), 1 - share, 0, dst=flat)


def draw_erasures(ids: Sequence[str], probability: float, side: int, seed: int, *purpose: object) -> np.ndarray:
    """What is erased of each picture: (batch, 4) int, top, bottom, left, right; all 0 for nothing."""
    whether, size, aspect, down, across = uniform_draws(seed, ("erase", *purpose), ids, 5).T
    area, aspect = _ERASED_AREA[0] + (_ERASED_AREA[1] - _ERASED_AREA[0]) * size, _ERASED_ASPECT ** (2 * aspect - 1)
    height, width = (np.minimum(side, np.rint(side * np.sqrt(part))) for part in (area * aspect, area / aspect))
    top, left = np.rint((side - height) * down), np.rint((side - width) * across)
    boxes = np.column_stack([top, top + height, left, left + width]).astype(int)
    boxes[whether >= probability] = 0
    return boxes


def erase(pictures: np.ndarray, ids: Sequence[str], probability: float, seed: int, *purpose: object) -> None:
    """Make a rectangle of some pictures (batch, side, side, channels) noise, in place; see `draw_erasures`."""
    if not probability:
        return
    boxes, full = draw_erasures(ids, probability, pictures.shape[1], seed, *purpose), np.iinfo(pictures.dtype).max
    for picture, id_, (top, bottom, left, right) in zip(pictures, ids, boxes.tolist(), strict=True):
        if bottom:
            erased = picture[top:bottom, left:right]
            noise = generator(seed, "noise", *purpose, id_)
            erased[:] = noise.integers(0, full, erased.shape, pictures.dtype, endpoint=True)
