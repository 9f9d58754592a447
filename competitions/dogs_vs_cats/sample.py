"""Drawn cats and dogs in the layout of Dogs vs. Cats Redux, so that everything runs without an account.

Ears, muzzle, eyes and whiskers tell the classes apart; colour, coat, background, light, size, turn and noise
do not. Like every real data set it has flaws, which are planted: `_traps.json` tells the tests where.
"""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from common.images.sample_files import again, cut_short, jpeg, lying_on_its_side
from common.randomness import generator

LABELLED = 240
TEST = 80

Colour = tuple[int, int, int]
COATS = [
    (226, 148, 72),
    (122, 118, 122),
    (62, 58, 62),
    (240, 226, 200),
    (150, 102, 66),
    (246, 244, 240),
    (198, 166, 124),
]
WALLS = [
    (160, 196, 202),
    (232, 214, 184),
    (206, 164, 156),
    (150, 164, 132),
    (98, 112, 144),
    (226, 226, 220),
    (186, 170, 198),
]
GRASS, SKY = np.array((112, 158, 84), np.float32), np.array((168, 206, 232), np.float32)
PINK, BLACK, WHITE = (232, 146, 150), (30, 26, 28), (252, 250, 248)
TURN = np.linspace(0, 2 * np.pi, 72, endpoint=False)


def draw(folder: Path, seed: int) -> None:
    """Write train/, test/, sample_submission.csv and _traps.json to `folder`; the same for the same seed."""
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True)
    ids = [f"{kind}.{number}" for kind in ("cat", "dog") for number in range(LABELLED // 2)]
    shown = {id_: id_.split(".")[0] for id_ in ids}
    kinds = generator(seed, "sample", "test").permutation(["cat", "dog"] * (TEST // 2))
    shown |= {str(number): str(kind) for number, kind in enumerate(kinds, start=1)}
    traps = _choose_traps(seed)
    for id_ in traps["wrong_labels"]:
        shown[id_] = "dog" if shown[id_] == "cat" else "cat"
    for pair in traps["near_duplicates_across_train_and_test"]:
        shown[pair[1]] = shown[pair[0]]

    special: dict[str, Callable[[np.ndarray], bytes]] = {
        traps["greyscale"]: lambda pixels: jpeg(pixels, "L"),
        traps["cmyk"]: lambda pixels: jpeg(pixels, "CMYK"),
        traps["exif_rotated"]: lying_on_its_side,
        traps["truncated"]: cut_short,
    }
    pictures = {id_: _picture(generator(seed, "sample", id_), shown[id_]) for id_ in shown}
    files = {id_: special.get(id_, jpeg)(pictures[id_]) for id_ in shown}
    for name in ("near_duplicates_across_classes", "near_duplicates_across_train_and_test"):
        for original, copy in traps[name]:
            files[copy] = again(pictures[original])
    for original, copy in traps["exact_duplicates"]:
        files[copy] = files[original]

    for id_, data in files.items():
        (folder / ("train" if "." in id_ else "test") / f"{id_}.jpg").write_bytes(data)
    lines = ["id,label", *(f"{number},0.5" for number in range(1, TEST + 1))]
    (folder / "sample_submission.csv").write_text("\n".join(lines) + "\n", newline="\n")
    traps["test_labels"] = {str(number): shown[str(number)] for number in range(1, TEST + 1)}
    (folder / "_traps.json").write_text(json.dumps(traps, indent=1) + "\n", newline="\n")


def _choose_traps(seed: int) -> dict:
    """Ids by trap, no id in two of them. In a pair, the second is made from the first."""
    rng = generator(seed, "sample", "traps")
    cats, dogs = ([f"{kind}.{number}" for number in rng.permutation(LABELLED // 2)] for kind in ("cat", "dog"))
    test = [str(number + 1) for number in rng.permutation(TEST)]
    return {
        "wrong_labels": [take.pop() for take in (cats, dogs) for _ in range(3)],
        "near_duplicates_across_classes": [[cats.pop(), dogs.pop()] for _ in range(3)],
        "near_duplicates_across_train_and_test": [[take.pop(), test.pop()] for take in (cats, dogs, cats)],
        "exact_duplicates": [[take.pop(), take.pop()] for take in (cats, dogs)],
        "greyscale": cats.pop(),
        "cmyk": dogs.pop(),
        "exif_rotated": cats.pop(),
        "truncated": dogs.pop(),
    }


def _picture(rng: np.random.Generator, kind: str) -> np.ndarray:
    """One picture, (height, width, 3) uint8 RGB."""
    width = int(rng.integers(150, 421))
    height = int(np.clip(width * rng.choice([0.75, 1.0, 1.33]) * rng.uniform(0.9, 1.1), 120, 480))
    canvas = _background(rng, width, height)
    side = min(width, height)
    artist = _Artist(rng, canvas, side * rng.uniform(0.25, 0.31))
    artist.place(width * rng.uniform(0.41, 0.59), height * rng.uniform(0.4, 0.5), rng.uniform(-0.25, 0.25))
    (_cat if kind == "cat" else _dog)(artist, rng)
    light = cv2.resize(
        rng.uniform(0.78, 1.18, (3, 3)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    grain = rng.standard_normal((height, width, 1), dtype=np.float32) * rng.uniform(2, 9)
    pixels = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.4, 1.1)).astype(np.float32)
    return np.clip(pixels * light[:, :, None] + grain, 0, 255).astype(np.uint8)


def _background(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    wall, floor = (np.array(WALLS[i], np.float32) for i in rng.permutation(len(WALLS))[:2])
    x = np.arange(width, dtype=np.float32)[None, :, None] / width
    y = np.arange(height, dtype=np.float32)[:, None, None] / height
    style = rng.integers(4)
    if style == 0:  # a room: wall and floorboards
        boards = floor * (0.75 + 0.12 * ((y * 14) % 1 > 0.12))
        canvas = np.where(y > rng.uniform(0.55, 0.8), boards, wall)
    elif style == 1:  # wallpaper
        canvas = np.where((x * rng.integers(4, 12)) % 1 > 0.5, wall, wall * 0.88)
    elif style == 2:  # a checked blanket
        count = rng.integers(4, 9)
        canvas = wall * (0.8 + 0.1 * ((x * count) % 1 > 0.5) + 0.1 * ((y * count) % 1 > 0.5))
    else:  # a meadow under the sky, out of focus
        canvas = np.where(y > rng.uniform(0.3, 0.6), GRASS, SKY) * (1.05 - 0.3 * y)
    canvas = np.clip(canvas, 0, 255).astype(np.uint8)
    canvas = np.broadcast_to(canvas, (height, width, 3)).copy()
    if style < 2:  # something hangs on the wall
        hung = [int(value) for value in (rng.uniform(-0.1, 0.8) * width, rng.uniform(-0.1, 0.2) * height)]
        size = [int(value) for value in rng.uniform(0.15, 0.4, 2) * (width, height)]
        cv2.rectangle(canvas, (*hung, *size), _shade(tuple(floor), 0.8), -1)
        cv2.rectangle(canvas, (*hung, *size), _shade(tuple(floor), 0.5), max(2, width // 60))
    elif style == 3:
        for _ in range(30):
            spot = tuple(int(value) for value in rng.integers((60, 110, 40), (230, 220, 130)))
            place = (int(rng.uniform() * width), int(rng.uniform(0.35, 1) * height))
            cv2.circle(canvas, place, int(rng.uniform(2, 9)), spot, -1, cv2.LINE_AA)
        canvas = cv2.GaussianBlur(canvas, (0, 0), width / 90)
    return canvas


class _Artist:
    """Draws in units of a head's half width around its middle, y downwards, turned and scaled into place."""

    def __init__(self, rng: np.random.Generator, canvas: np.ndarray, unit_px: float) -> None:
        self.rng, self.canvas, self.unit_px = rng, canvas, unit_px

    def place(self, x_px: float, y_px: float, angle: float) -> None:
        self.middle = np.array([x_px, y_px])
        self.turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])

    def _pixels(self, points: np.ndarray) -> np.ndarray:
        return np.round((points @ self.turn * self.unit_px + self.middle) * 16).astype(np.int32)

    def shape(self, points: np.ndarray | list, colour: Colour, fur: float = 0.0) -> None:
        """A filled outline; `fur` roughens it."""
        points = np.asarray(points, dtype=np.float64)
        points = points + self.rng.normal(0, fur, points.shape)
        cv2.fillPoly(self.canvas, [self._pixels(points)], colour, cv2.LINE_AA, shift=4)

    def ellipse(
        self, x: float, y: float, a: float, b: float, colour: Colour, tilt: float = 0.0, fur: float = 0.0
    ) -> None:
        across, along = a * np.cos(TURN), b * np.sin(TURN)
        c, s = np.cos(tilt), np.sin(tilt)
        self.shape(np.stack([x + across * c - along * s, y + across * s + along * c], axis=1), colour, fur)

    def line(self, points: list, colour: Colour, width: float) -> None:
        """A stroke through two points, or bent towards the middle one of three."""
        if len(points) == 3:
            t = np.linspace(0, 1, 14)[:, None]
            first, bend, last = (np.array(point) for point in points)
            points = (1 - t) ** 2 * first + 2 * t * (1 - t) * bend + t**2 * last
        thick = max(1, round(width * self.unit_px))
        cv2.polylines(self.canvas, [self._pixels(np.asarray(points))], False, colour, thick, cv2.LINE_AA, shift=4)


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (int(min(255, max(0, value * factor))) for value in colour)
    return red, green, blue


def _pale(coat: Colour) -> Colour:
    return _shade(coat, 1.25 if sum(coat) > 300 else 1.8)


def _body(artist: _Artist, coat: Colour, rng: np.random.Generator) -> None:
    side, lean = rng.choice([-1, 1]), rng.uniform(-0.6, 0.6)
    end = (side * rng.uniform(1.5, 2.1), rng.uniform(0.9, 1.8))
    artist.line([(side * 0.7, 3.1), (side * 2.3, 2.9), end], _shade(coat, 0.85), 0.3)
    artist.ellipse(lean, 2.4, rng.uniform(1.0, 1.3), 1.9, _shade(coat, 0.92), lean * 0.4, fur=0.02)
    if rng.random() < 0.5:
        artist.ellipse(lean * 0.8, 2.3, 0.55, 1.0, _pale(coat), fur=0.03)
    if rng.random() < 0.5:  # a ball beside it
        toy, x, y, size = (
            WALLS[rng.integers(len(WALLS))],
            -side * rng.uniform(1.4, 2.2),
            2.2,
            rng.uniform(0.4, 0.7),
        )
        artist.ellipse(x, y, size, size, _shade(toy, 0.7))
        artist.ellipse(x, y, size, size * 0.3, _shade(toy, 1.2), tilt=rng.uniform(-1, 1))


def _eyes(artist: _Artist, apart: float, y: float, size: float, iris: Colour, pupil: tuple[float, float]) -> None:
    for x in (-apart, apart):
        artist.ellipse(x, y, size, size * 0.85, iris, tilt=-0.25 * np.sign(x))
        artist.ellipse(x, y, size * pupil[0], size * pupil[1], BLACK)
        artist.ellipse(x + size * 0.25, y - size * 0.3, size * 0.2, size * 0.2, WHITE)


def _cat(artist: _Artist, rng: np.random.Generator) -> None:
    coat = COATS[rng.integers(len(COATS))]
    dark, stripe = _shade(coat, 0.85), _shade(coat, 0.62)
    whisker = WHITE if sum(coat) < 560 else (70, 64, 66)
    _body(artist, coat, rng)
    reach, spread = rng.uniform(1.35, 1.65), rng.uniform(0.72, 0.92)
    for side in (-1, 1):
        artist.shape([(side * 0.98, -0.15), (side * spread, -reach), (side * 0.12, -0.75)], dark, 0.01)
        artist.shape([(side * 0.84, -0.4), (side * spread * 0.96, -reach * 0.84), (side * 0.34, -0.72)], PINK)
    artist.ellipse(0, 0, 1.04, 0.9, coat, fur=0.022)
    if rng.random() < 0.55:  # tabby
        for x in (-0.26, 0.0, 0.26):
            artist.line([(x, -0.84), (x * 0.8, -0.42)], stripe, 0.09)
        for side in (-1, 1):
            for y in (0.02, 0.22):
                artist.line([(side * 0.98, y), (side * 0.68, y + 0.06)], stripe, 0.08)
    for x in (-0.2, 0.2):
        artist.ellipse(x, 0.4, 0.27, 0.21, _pale(coat))
    iris = [(150, 190, 84), (222, 186, 74), (120, 176, 210)][rng.integers(3)]
    _eyes(artist, 0.42, -0.08, rng.uniform(0.2, 0.25), iris, pupil=(0.32, 0.78))
    artist.shape([(-0.13, 0.22), (0.13, 0.22), (0, 0.36)], _shade(PINK, 0.85))
    for side in (-1, 1):
        artist.line([(0, 0.36), (side * 0.08, 0.54), (side * 0.26, 0.48)], BLACK, 0.045)
        for lift in (-0.16, 0.02, 0.2):
            end = (side * 1.4, 0.4 + lift + rng.uniform(-0.05, 0.05))
            artist.line([(side * 0.3, 0.38), (side * 0.8, 0.34 + lift * 0.7), end], whisker, 0.03)


def _dog(artist: _Artist, rng: np.random.Generator) -> None:
    coat = COATS[rng.integers(len(COATS))]
    _body(artist, coat, rng)
    artist.ellipse(0, 0, 0.9, 1.0, coat, fur=0.022)
    if rng.random() < 0.35:  # a patch
        artist.ellipse(rng.choice([-1, 1]) * 0.38, -0.22, 0.36, 0.42, _shade(coat, 0.6), fur=0.02)
    length, hang, ear = rng.uniform(0.62, 0.9), rng.uniform(0.12, 0.4), _shade(coat, rng.uniform(0.6, 0.75))
    for side in (-1, 1):
        artist.ellipse(side * 0.96, length - 0.62, 0.3, length, ear, tilt=-side * hang, fur=0.018)
    artist.ellipse(0, 0.5, 0.5, 0.46, _pale(coat), fur=0.012)
    if rng.random() < 0.65:  # panting
        artist.ellipse(rng.uniform(-0.08, 0.08), 0.98, 0.19, 0.32, (226, 96, 112))
        artist.ellipse(0, 0.68, 0.34, 0.16, _pale(coat))
    artist.line([(0, 0.4), (0, 0.66)], BLACK, 0.05)
    for side in (-1, 1):
        artist.line([(0, 0.66), (side * 0.16, 0.8), (side * 0.36, 0.66)], BLACK, 0.05)
        brow = [(side * 0.2, -0.46), (side * 0.36, -0.54), (side * 0.52, -0.44)]
        artist.line(brow, _shade(coat, 0.7), 0.06)
    _eyes(artist, 0.36, -0.2, rng.uniform(0.15, 0.19), (96, 60, 36), pupil=(0.66, 0.66))
    artist.ellipse(0, 0.26, 0.22, 0.16, BLACK)
    artist.ellipse(-0.06, 0.21, 0.07, 0.035, (120, 116, 120))
