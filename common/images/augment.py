"""What may change in a picture without changing its label: one warp of the stored pixels, and the light.

Every random number depends on (seed, purpose, id) alone, so neither the order of the rows nor the number of
workers changes a picture. Flip, rotation, zoom and shift are composed into one affine map, so that pixels
are interpolated once; the light is applied on the device, when the pixels are made floats.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from common.randomness import generator


@dataclass(frozen=True)
class Augmentation:
    """Largest changes; each picture draws its own, uniformly within them."""

    flip: bool
    rotation_degrees: float
    zoom: float  # up to this factor larger; then shifted within what stands over
    stretch: float  # one side up to this share longer, the other shorter
    contrast: float  # gain of the pixels around mid-grey, 1 +- this
    brightness: float  # offset of pixels in 0..1, +- this


AUGMENTATIONS: dict[str, Augmentation | None] = {
    "none": None,
    "mirror": Augmentation(flip=True, rotation_degrees=0, zoom=1, stretch=0, contrast=0, brightness=0),
    # The ranges that fastai's aug_transforms made customary for photographs.
    "photo": Augmentation(flip=True, rotation_degrees=10, zoom=1.25, stretch=0.1, contrast=0.2, brightness=0.1),
}


def augment(
    pictures: np.ndarray, ids: Sequence[str], kind: str, seed: int, *purpose: object
) -> tuple[np.ndarray, np.ndarray]:
    """Augment a batch.

    pictures  (batch, side, side, channels), uint8 or uint16; left as it is
    purpose   what the draw is for: `"train", epoch`; or `"view", number`, of which every other one is mirrored,
              so that two views are never mirrored alike by chance

    Returns pictures of the same shape and dtype, and the light: (batch, 2) float32, gain around mid-grey and
    offset, for pixels in 0..1.
    """
    changes = AUGMENTATIONS[kind]
    light = np.tile(np.array([1, 0], dtype=np.float32), (len(pictures), 1))
    if changes is None:
        return pictures, light
    warped = np.empty_like(pictures)
    for row, (picture, id_) in enumerate(zip(pictures, ids, strict=True)):
        draw = generator(seed, "augment", *purpose, id_).uniform(-1, 1, size=8)
        if purpose[0] == "view":
            draw[2] = -1 if int(str(purpose[1])) % 2 else 1
        side = picture.shape[0]
        cv2.warpAffine(
            picture,
            _affine_map(draw[:6], changes, side),
            (side, side),
            dst=warped[row],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        light[row] = 1 + changes.contrast * draw[6], changes.brightness * draw[7]
    return warped, light


def _affine_map(draw: np.ndarray, changes: Augmentation, side: int) -> np.ndarray:
    """From a pixel of the new picture to a point of the old one: (2, 3), about the centre."""
    angle = np.deg2rad(changes.rotation_degrees * draw[0])
    zoom = 1 + (changes.zoom - 1) * (draw[1] + 1) / 2
    mirror = -1.0 if changes.flip and draw[2] < 0 else 1.0
    stretch = 1 + changes.stretch * draw[5]
    scale = np.diag([mirror * stretch / zoom, 1 / stretch / zoom])
    linear = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ scale
    centre = (side - 1) / 2
    slack = centre * (1 - 1 / zoom)
    offset = centre - linear @ np.array([centre, centre]) + slack * draw[3:5]
    return np.column_stack([linear, offset])
