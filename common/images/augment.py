"""What may change in a picture without changing its label: one warp of the stored pixels, and the light.

Every random number depends on (seed, purpose, id) alone, so neither the order of the rows nor the number of
workers changes a picture. Symmetry, rotation, zoom and shift are composed into one map, so that pixels are
interpolated once, and not at all where only the symmetry changes; integers stay integers of the same depth. The
light is applied on the device, when the pixels are made floats.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from common.randomness import uniform_draws

_MIRRORED, _UPSIDE_DOWN, _TRANSPOSED = 1, 2, 4  # bits of a symmetry; transposing comes first


@dataclass(frozen=True)
class Augmentation:
    """Largest changes; each picture draws its own, uniformly within them."""

    symmetries: int  # 1: none, 2: left and right may change places, 8: all of a square
    rotation_degrees: float = 0
    zoom: float = 1  # up to this factor larger; then shifted within what stands over
    stretch: float = 0  # one side up to this share longer, the other shorter
    contrast: float = 0  # gain of the pixels around mid-grey, 1 +- this
    brightness: float = 0  # offset of pixels in 0..1, +- this


AUGMENTATIONS: dict[str, Augmentation] = {
    "none": Augmentation(1),
    "mirror": Augmentation(2),
    # A window of at least 0.44 of the area, made a square again: the changes that cost the least time.
    "crop": Augmentation(2, zoom=1.5, stretch=0.1),
    # The ranges that fastai's aug_transforms made customary for photographs.
    "photo": Augmentation(2, rotation_degrees=10, zoom=1.25, stretch=0.1, contrast=0.2, brightness=0.1),
    # From above there is no up: satellites, microscopes. Little zoom, since the scale is known.
    "top_down": Augmentation(8, rotation_degrees=10, zoom=1.05, contrast=0.1, brightness=0.05),
    # Things seen from near, which lie as they fell: leaves, skin, cloth. Neither direction nor scale says anything.
    "close_up": Augmentation(8, zoom=1.3, stretch=0.1, contrast=0.2, brightness=0.1),
    # The same for bands measured in a narrow part of 16 bits, out of which a change of light would push them.
    "bands": Augmentation(8, rotation_degrees=10, zoom=1.05),
    # Scale, angle and exposure differ little between devices; shades are measurements, so light changes little.
    "radiograph": Augmentation(2, rotation_degrees=7, zoom=1.15, contrast=0.15, brightness=0.05),
}


@dataclass(frozen=True)
class Draws:
    """What is to change in each picture of a batch; all (batch,), zoom and stretch factors, shifts in -1..1."""

    symmetry: np.ndarray
    rotation_degrees: np.ndarray
    zoom: np.ndarray
    stretch: np.ndarray  # of the width; the height gets its inverse
    shift_right: np.ndarray  # of the part of the picture that zooming leaves over
    shift_down: np.ndarray
    gain: np.ndarray
    offset: np.ndarray

    @property
    def light(self) -> np.ndarray:
        """(batch, 2) float32: gain around mid-grey and offset, for pixels in 0..1."""
        return np.column_stack([self.gain, self.offset]).astype(np.float32)

    def named(self, row: int) -> dict[str, str]:
        """The changes of one picture, as a person would say them; those alone that change something."""
        symmetry = int(self.symmetry[row])
        bits = ((_TRANSPOSED, "transposed"), (_UPSIDE_DOWN, "upside down"), (_MIRRORED, "mirrored"))
        said = {
            "turned": " ".join(name for bit, name in bits if symmetry & bit),
            "rotation": f"{self.rotation_degrees[row]:+.1f} degrees",
            "zoom": f"{self.zoom[row]:.2f}",
            "stretch": f"{self.stretch[row]:.2f}",
            "shift": f"{self.shift_right[row]:+.2f} {self.shift_down[row]:+.2f}",
            "contrast": f"{self.gain[row]:.2f}",
            "brightness": f"{self.offset[row]:+.2f}",
        }
        nothing = {"", "+0.0 degrees", "-0.0 degrees", "1.00", "+0.00", "-0.00"}
        if self.zoom[row] == 1:
            del said["shift"]
        return {name: text for name, text in said.items() if text not in nothing}


def draw(ids: Sequence[str], kind: str, seed: int, *purpose: object) -> Draws:
    """What changes in the pictures `ids`, one of AUGMENTATIONS.

    purpose  what the draw is for: `"train", epoch`; or `"view", number`, whose symmetry is the number's, so that
             two views are never turned alike by chance. View 0 is the plain picture.
    """
    is_view = purpose[0] == "view"
    number = int(str(purpose[1])) if is_view else 0
    changes = AUGMENTATIONS["none"] if is_view and number == 0 else AUGMENTATIONS[kind]
    uniform = uniform_draws(seed, ("augment", *purpose), ids, 8)
    either_way = 2 * uniform - 1
    if is_view:
        symmetry = np.full(len(uniform), number % changes.symmetries)
    else:
        symmetry = (uniform[:, 2] * changes.symmetries).astype(int)
    return Draws(
        symmetry=symmetry,
        rotation_degrees=changes.rotation_degrees * either_way[:, 0],
        zoom=1 + (changes.zoom - 1) * uniform[:, 1],
        stretch=1 + changes.stretch * either_way[:, 5],
        shift_right=either_way[:, 3],
        shift_down=either_way[:, 4],
        gain=1 + changes.contrast * either_way[:, 6],
        offset=changes.brightness * either_way[:, 7],
    )


def augment(
    pictures: np.ndarray, ids: Sequence[str], kind: str, seed: int, *purpose: object
) -> tuple[np.ndarray, np.ndarray]:
    """Augment a batch; see `draw`.

    pictures  (batch, side, side, channels), uint8 or uint16; left as it is

    Returns pictures of the same shape and dtype, and the light: (batch, 2) float32, see `Draws.light`.
    """
    draws = draw(ids, kind, seed, *purpose)
    return warp(pictures, draws), draws.light


def warp(pictures: np.ndarray, draws: Draws) -> np.ndarray:
    """New pictures of the same shape and dtype; where the warp looks beyond the picture, it is reflected there."""
    warped = np.empty(pictures.shape, pictures.dtype)
    # OpenCV drops a channel axis of length 1, so that its destination must not have it either.
    single = pictures.shape[3] == 1
    given, new = (pictures[..., 0], warped[..., 0]) if single else (pictures, warped)
    warp_one = _Warp(pictures.shape, pictures.dtype)
    maps = affine_maps(draws, pictures.shape[1])
    turned = (draws.rotation_degrees != 0).tolist()
    window = ((draws.zoom != 1) | (draws.stretch != 1)).tolist()
    for row, symmetry in enumerate(draws.symmetry.tolist()):
        if turned[row]:
            warp_one(given[row], maps[row], new[row])
        elif window[row]:
            _place(_window(given[row], draws, row), symmetry, new[row])
        else:
            _place(given[row], symmetry, new[row])
    return warped


class _Warp:
    """One affine warp after another, of pictures of one shape.

    OpenCV warps four channels more than twice as fast as three, to the same values, so that colours go by way of four.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        _, height, width, channels = shape
        four = (height, width, 4)
        self.buffers = (np.empty(four, dtype), np.empty(four, dtype)) if channels == 3 else None

    def __call__(self, picture: np.ndarray, matrix: np.ndarray, new: np.ndarray) -> None:
        if self.buffers is None:
            self._warp(picture, matrix, new)
            return
        before, after = self.buffers
        cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA, dst=before)
        self._warp(before, matrix, after)
        cv2.cvtColor(after, cv2.COLOR_RGBA2RGB, dst=new)

    def _warp(self, picture: np.ndarray, matrix: np.ndarray, new: np.ndarray) -> None:
        flags, size = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, (picture.shape[1], picture.shape[0])
        cv2.warpAffine(picture, matrix, size, dst=new, flags=flags, borderMode=cv2.BORDER_REFLECT_101)


def _window(picture: np.ndarray, draws: Draws, row: int) -> np.ndarray:
    """The part that zoom, stretch and shift leave, to the nearest pixel, as large as the whole again."""
    side = picture.shape[0]
    width = min(side, round(side * draws.stretch[row] / draws.zoom[row]))
    height = min(side, round(side / draws.stretch[row] / draws.zoom[row]))
    left = round((side - width) * (draws.shift_right[row] + 1) / 2)
    top = round((side - height) * (draws.shift_down[row] + 1) / 2)
    return cv2.resize(picture[top : top + height, left : left + width], (side, side), interpolation=cv2.INTER_LINEAR)


def _place(picture: np.ndarray, symmetry: int, new: np.ndarray) -> None:
    """Copy, turned by a symmetry of the square: no pixel changes its value."""
    if symmetry & _TRANSPOSED:
        picture = cv2.transpose(picture)
    if symmetry & (_MIRRORED | _UPSIDE_DOWN):
        code = {_MIRRORED: 1, _UPSIDE_DOWN: 0, _MIRRORED | _UPSIDE_DOWN: -1}[symmetry & ~_TRANSPOSED]
        cv2.flip(picture, code, dst=new)
    else:
        np.copyto(new, picture)


def affine_maps(draws: Draws, side: int) -> np.ndarray:
    """From a pixel of the new picture to a point of the old one, about the centre: (batch, 2, 3)."""
    angle = np.deg2rad(draws.rotation_degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    turn = np.stack([np.stack([cosine, -sine], axis=-1), np.stack([sine, cosine], axis=-1)], axis=1)
    scale = np.stack([draws.stretch / draws.zoom, 1 / draws.stretch / draws.zoom], axis=-1)[:, None, :]
    linear = (turn * scale) @ _SYMMETRIES[draws.symmetry]
    centre = (side - 1) / 2
    slack = centre * (1 - 1 / draws.zoom)
    shift = slack[:, None] * np.stack([draws.shift_right, draws.shift_down], axis=-1)
    return np.concatenate([linear, (centre - linear.sum(axis=2) * centre + shift)[:, :, None]], axis=2)


def _symmetry_map(symmetry: int) -> np.ndarray:
    """From the new picture to the old one, about the centre: (2, 2)."""
    flips = np.diag([-1.0 if symmetry & _MIRRORED else 1.0, -1.0 if symmetry & _UPSIDE_DOWN else 1.0])
    return np.array([[0.0, 1.0], [1.0, 0.0]]) @ flips if symmetry & _TRANSPOSED else flips


_SYMMETRIES = np.stack([_symmetry_map(symmetry) for symmetry in range(8)])
