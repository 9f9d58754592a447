"""Drawn rice leaves in the layout of Paddy Doctor, so that everything runs without an account.

What is drawn on the blades tells the diseases apart; light, place, background and size do not. The variety shows in
the width of the blades, the age in their number. The flaws of real files are planted: `_traps.json` says where.
"""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from common.images.sample_files import again, cut_short, jpeg, lying_on_its_side, png_with_alpha
from common.randomness import generator
from competitions.paddy.competition import DISEASES, VARIETIES

LABELLED_OF_EACH = 14
TEST = 40
FIRST_TRAIN, FIRST_TEST = 100001, 200001
WIDTH_PX, HEIGHT_PX = 480, 640

GREEN, BROWN, STRAW = (84, 140, 58), (104, 66, 38), (206, 184, 120)
TRAIN_IDS = [f"{FIRST_TRAIN + number}.jpg" for number in range(LABELLED_OF_EACH * len(DISEASES))]
TEST_IDS = [f"{FIRST_TEST + number}.jpg" for number in range(TEST)]


def draw(folder: Path, seed: int) -> None:
    """Write train_images/, test_images/, train.csv, sample_submission.csv and _traps.json; the same for one seed."""
    rng = generator(seed, "sample", "plants")
    shown = dict(zip(TRAIN_IDS, map(str, rng.permutation(list(DISEASES) * LABELLED_OF_EACH)), strict=True))
    shown |= {id_: DISEASES[rng.integers(len(DISEASES))] for id_ in TEST_IDS}
    variety = {id_: VARIETIES[rng.integers(len(VARIETIES))] for id_ in shown}
    age = {id_: int(rng.integers(45, 83)) for id_ in shown}
    traps = _choose_traps(seed)
    pairs = [pair for name in traps if "copies" in name or "duplicates" in name for pair in traps[name]]
    for original, copy in pairs:
        shown[copy], variety[copy], age[copy] = shown[original], variety[original], age[original]
    given = {id_: shown[id_] for id_ in TRAIN_IDS}
    for id_ in traps["wrong_labels"]:
        given[id_] = DISEASES[(DISEASES.index(shown[id_]) + 3) % len(DISEASES)]

    special: dict[str, Callable[[np.ndarray], bytes]] = {
        traps["landscape"]: lambda pixels: jpeg(np.ascontiguousarray(np.rot90(pixels))),
        traps["exif_rotated"]: lying_on_its_side,
        traps["truncated"]: cut_short,
        **dict.fromkeys(traps["png_with_alpha"], png_with_alpha),
    }
    pictures = {id_: _picture(seed, id_, shown[id_], variety[id_], age[id_]) for id_ in shown}
    files = {id_: special.get(id_, jpeg)(pixels) for id_, pixels in pictures.items()}
    for number, (original, copy) in enumerate(traps["turned_copies"]):
        turned = np.rot90(pictures[original], number + 1)
        files[copy] = again(np.ascontiguousarray(turned[:, ::-1] if number % 2 else turned))
    for original, copy in traps["near_duplicates_across_train_and_test"]:
        files[copy] = again(pictures[original])
    for original, copy in traps["exact_duplicates"]:
        files[copy] = files[original]

    for id_, data in files.items():
        path = folder / (f"train_images/{given[id_]}" if id_ in given else "test_images") / id_
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    known_variety = {**variety, **dict.fromkeys(traps["without_variety"], "")}
    known_age = {**age, **dict.fromkeys(traps["without_age"], "")}
    rows = [f"{id_},{given[id_]},{known_variety[id_]},{known_age[id_]}" for id_ in TRAIN_IDS]
    _write_lines(folder / "train.csv", ["image_id,label,variety,age", *rows])
    _write_lines(folder / "sample_submission.csv", ["image_id,label", *(f"{id_}," for id_ in TEST_IDS)])
    traps["test_labels"] = {id_: shown[id_] for id_ in TEST_IDS}
    _write_lines(folder / "_traps.json", [json.dumps(traps, indent=1)])


def _choose_traps(seed: int) -> dict:
    """Ids by trap, no id in two of them. In a pair, the second is made from the first."""
    rng = generator(seed, "sample", "traps")
    train, test = ([str(id_) for id_ in rng.permutation(ids)] for ids in (TRAIN_IDS, TEST_IDS))
    return {
        "wrong_labels": [train.pop() for _ in range(4)],
        "turned_copies": [[train.pop(), train.pop()] for _ in range(4)],
        "exact_duplicates": [[train.pop(), train.pop()] for _ in range(2)],
        "near_duplicates_across_train_and_test": [[train.pop(), test.pop()] for _ in range(2)],
        "png_with_alpha": [train.pop(), train.pop(), test.pop()],
        "landscape": train.pop(),
        "exif_rotated": train.pop(),
        "truncated": train.pop(),
        "without_variety": [train.pop() for _ in range(6)],
        "without_age": [train.pop() for _ in range(6)],
    }


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _picture(seed: int, id_: str, disease: str, variety: str, age: int) -> np.ndarray:
    """Blades across soil and water, (HEIGHT_PX, WIDTH_PX, 3) uint8 RGB."""
    rng = generator(seed, "sample", id_)
    soil = rng.uniform((70, 58, 44), (150, 140, 120))
    rough = rng.normal(0, 26, (HEIGHT_PX // 20, WIDTH_PX // 20, 1)) + soil
    canvas = cv2.resize(np.clip(rough, 0, 255).astype(np.uint8), (WIDTH_PX, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    width_px = 34 + 5 * VARIETIES.index(variety)
    for _ in range(3 + (age - 45) // 8):
        _blade(rng, canvas, disease, width_px * rng.uniform(0.8, 1.2))
    light = cv2.resize(rng.uniform(0.75, 1.2, (4, 3)).astype(np.float32), (WIDTH_PX, HEIGHT_PX), interpolation=1)
    grain = rng.standard_normal((HEIGHT_PX, WIDTH_PX, 1), dtype=np.float32) * rng.uniform(2, 6)
    return np.clip(canvas * light[:, :, None] + grain, 0, 255).astype(np.uint8)


def _blade(rng: np.random.Generator, canvas: np.ndarray, disease: str, width_px: float) -> None:
    """A bent blade from edge to edge: its midrib and what ails it are drawn along and across it."""
    height, width = canvas.shape[:2]
    start, bend, end = (rng.uniform((-0.1, y - 0.1), (1.1, y + 0.1)) * (width, height) for y in (-0.05, 0.5, 1.05))
    t = np.linspace(0, 1, 60)[:, None]
    middle = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end
    along = np.gradient(middle, axis=0)
    across = along[:, ::-1] * (-1, 1) / np.linalg.norm(along, axis=1, keepdims=True)
    half = width_px / 2 * np.sin(np.pi * (0.12 + 0.8 * t))

    def at(place: float, side: float) -> tuple[int, int]:
        """A point of the blade: `place` from root 0 to tip 1, `side` from edge -1 to edge 1."""
        row = int(np.clip(place, 0, 1) * 59)
        x, y = middle[row] + across[row] * half[row] * side
        return int(x), int(y)

    def area(left: float, right: float, colour: tuple, begin: int = 0, stop: int = 60) -> None:
        one, other = (middle[begin:stop] + across[begin:stop] * half[begin:stop] * side for side in (left, right))
        cv2.fillPoly(canvas, [np.concatenate([one, other[::-1]]).astype(np.int32)], colour, cv2.LINE_AA)

    base = {"tungro": (216, 150, 40), "dead_heart": STRAW, "downy_mildew": (176, 196, 112)}.get(disease, GREEN)
    area(-1, 1, tuple(rng.uniform(0.85, 1.15) * np.array(base)))
    cv2.polylines(canvas, [middle.astype(np.int32)], False, (150, 180, 110), 2, cv2.LINE_AA)
    places = rng.uniform(0.1, 0.9, (9, 2)) * (1, 1.4) - (0, 0.7)
    if disease == "bacterial_leaf_blight":  # a pale margin
        area(0.45, 1.05, (232, 222, 160))
        area(-1.05, -0.75, (232, 222, 160))
    elif disease == "tungro":  # green at the root alone
        area(-1, 1, GREEN, stop=18)
    elif disease == "downy_mildew":
        for place, side in places[:6]:
            cv2.circle(canvas, at(place, side), int(width_px / 5), (244, 244, 226), -1, cv2.LINE_AA)
    elif disease in ("bacterial_leaf_streak", "hispa"):  # lines along the veins, brown or scraped white
        colour, length = (BROWN, 0.12) if disease == "bacterial_leaf_streak" else ((250, 250, 246), 0.3)
        for place, side in places:
            cv2.line(canvas, at(place, side), at(place + length, side), colour, 3, cv2.LINE_AA)
    elif disease == "brown_spot":
        for place, side in places:
            cv2.circle(canvas, at(place, side), int(width_px / 6), (214, 190, 70), -1, cv2.LINE_AA)
            cv2.circle(canvas, at(place, side), int(width_px / 9), BROWN, -1, cv2.LINE_AA)
    elif disease == "blast":  # spindles with a grey heart
        for place, side in places[:5]:
            for size, colour in ((1.0, BROWN), (0.6, (196, 190, 180))):
                turned = float(np.degrees(np.arctan2(*along[int(place * 59)][::-1])))
                axes = (int(width_px * 0.42 * size), int(width_px * 0.15 * size))
                cv2.ellipse(canvas, at(place, side), axes, turned, 0, 360, colour, -1, cv2.LINE_AA)
    elif disease == "bacterial_panicle_blight":  # ears with discoloured grains
        for place, side in places * (1, 2.2):
            cv2.ellipse(canvas, at(place, side), (13, 7), 40, 0, 360, (206, 164, 92), -1, cv2.LINE_AA)
            cv2.circle(canvas, at(place, side), 4, BROWN, -1, cv2.LINE_AA)
