"""Drawn dogs in the layout of Dog Breed Identification, so that everything runs without an account.

Coat, ears and marks of the face make a breed, 6 x 4 x 5 of them; background, light, size and turn do not. As in the
real files some breeds are rare: the rarest have two pictures. Other flaws are planted: `_traps.json` says where.
"""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from common.images.sample_files import again, cut_short, jpeg, lying_on_its_side
from common.randomness import generator
from competitions.dog_breeds.competition import BREEDS

NAMES = BREEDS.split()
TEST = 120
MOST_OF_A_BREED = 5

COATS = ((52, 46, 50), (244, 240, 232), (206, 130, 60), (150, 152, 164), (112, 68, 40), (222, 196, 140))
NOSE, TONGUE = (26, 22, 26), (224, 98, 118)


def draw(folder: Path, seed: int) -> None:
    """Write train/, test/, labels.csv, sample_submission.csv and _traps.json to `folder`; the same for one seed."""
    rng = generator(seed, "sample", "dogs")
    counts = rng.integers(2, MOST_OF_A_BREED + 1, len(NAMES))
    breeds = [name for name, count in zip(NAMES, counts, strict=True) for _ in range(count)]
    ids = sorted(rng.bytes(16).hex() for _ in range(len(breeds) + TEST))
    mixed = rng.permutation(ids).tolist()
    train, test = sorted(mixed[: len(breeds)]), sorted(mixed[len(breeds) :])
    given = dict(zip(train, map(str, rng.permutation(breeds)), strict=True))
    shown = given | {id_: NAMES[rng.integers(len(NAMES))] for id_ in test}
    traps = _choose_traps(seed, given, test)
    for id_ in traps["wrong_labels"]:
        shown[id_] = NAMES[(NAMES.index(given[id_]) + 37) % len(NAMES)]
    pairs = [pair for name in traps if "duplicates" in name for pair in traps[name]]
    for original, copy in pairs:
        shown[copy] = shown[original]
    for original, copy in traps["exact_duplicates"]:
        given[copy] = given[original]

    special: dict[str, Callable[[np.ndarray], bytes]] = {
        traps["greyscale"]: lambda pixels: jpeg(pixels, "L"),
        traps["cmyk"]: lambda pixels: jpeg(pixels, "CMYK"),
        traps["exif_rotated"]: lying_on_its_side,
        traps["truncated"]: cut_short,
    }
    pictures = {id_: _picture(generator(seed, "sample", id_), NAMES.index(breed)) for id_, breed in shown.items()}
    files = {id_: special.get(id_, jpeg)(pixels) for id_, pixels in pictures.items()}
    for original, copy in traps["mirrored_duplicates_of_two_breeds"]:
        files[copy] = again(np.ascontiguousarray(pictures[original][:, ::-1]))
    for original, copy in traps["near_duplicates_across_train_and_test"]:
        files[copy] = again(pictures[original])
    for original, copy in traps["exact_duplicates"]:
        files[copy] = files[original]

    for part, part_ids in (("train", train), ("test", test)):
        (folder / part).mkdir(parents=True)
        for id_ in part_ids:
            (folder / part / f"{id_}.jpg").write_bytes(files[id_])
    _write_lines(folder / "labels.csv", ["id,breed", *(f"{id_},{given[id_]}" for id_ in train)])
    even = ",".join([f"{1 / len(NAMES):.6f}"] * len(NAMES))
    _write_lines(folder / "sample_submission.csv", [f"id,{','.join(NAMES)}", *(f"{id_},{even}" for id_ in test)])
    traps["test_labels"] = {id_: shown[id_] for id_ in test}
    _write_lines(folder / "_traps.json", [json.dumps(traps, indent=1)])


def _choose_traps(seed: int, given: dict[str, str], test: list[str]) -> dict:
    """Ids by trap, no id in two of them. In a pair, the second is made from the first."""
    rng = generator(seed, "sample", "traps")
    counts = {name: list(given.values()).count(name) for name in NAMES}
    # Rare breeds are a trap already, and stay as they are.
    common = [str(id_) for id_ in rng.permutation(sorted(given)) if counts[given[str(id_)]] == MOST_OF_A_BREED]
    unseen = [str(id_) for id_ in rng.permutation(test)]
    of_a_breed: dict[str, list[str]] = {}
    for id_ in common[40:]:
        of_a_breed.setdefault(given[id_], []).append(id_)
    twice = [ids[:2] for ids in of_a_breed.values() if len(ids) > 1][:2]
    others = common[:40]
    mirrored: list[list[str]] = []
    while len(mirrored) < 2:
        one, other = others.pop(), others.pop()
        if given[one] != given[other]:
            mirrored.append([one, other])
    return {
        "rare": sorted(name for name, count in counts.items() if count == 2),
        "wrong_labels": [others.pop() for _ in range(4)],
        "mirrored_duplicates_of_two_breeds": mirrored,
        "near_duplicates_across_train_and_test": [[others.pop(), unseen.pop()] for _ in range(2)],
        "exact_duplicates": twice,
        "greyscale": others.pop(),
        "cmyk": others.pop(),
        "exif_rotated": others.pop(),
        "truncated": others.pop(),
    }


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


def _picture(rng: np.random.Generator, breed: int) -> np.ndarray:
    """The head of a dog before a blurred background, (height, width, 3) uint8 RGB."""
    width, height = (int(value) for value in rng.integers((200, 160), (341, 301)))
    blobs = rng.uniform(40, 230, (4, 5, 3)).astype(np.float32)
    canvas = np.clip(cv2.resize(blobs, (width, height), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)
    unit = min(width, height) * rng.uniform(0.24, 0.31)
    middle = np.array([width, height]) * rng.uniform((0.4, 0.45), (0.6, 0.55))
    angle = rng.uniform(-0.3, 0.3)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])

    def ellipse(x: float, y: float, half_width: float, half_height: float, colour: tuple, tilt: float = 0.0) -> None:
        """In units of a head's half width around its middle, y downwards."""
        place = np.array([x, y]) @ turn * unit + middle
        axes = (max(1, int(half_width * unit)), max(1, int(half_height * unit)))
        cv2.ellipse(
            canvas, place.astype(int).tolist(), axes, float(np.degrees(angle + tilt)), 0, 360, colour, -1, cv2.LINE_AA
        )

    coat_number, rest = divmod(breed, 20)
    ears, mark = divmod(rest, 5)
    coat = COATS[coat_number]
    ear, pale = _shade(coat, 0.7), _shade(coat, 1.3 if sum(coat) > 300 else 2.2)
    ellipse(rng.uniform(-0.4, 0.4), 2.0, 1.1, 1.3, _shade(coat, 0.9))
    for side in (-1, 1):
        if ears == 0:  # upright
            ellipse(side * 0.7, -1.0, 0.28, 0.75, ear, side * 0.25)
        elif ears == 1:  # hanging
            ellipse(side * 1.0, 0.35, 0.3, 0.95, ear, -side * 0.15)
        elif ears == 2:  # out to the sides
            ellipse(side * 1.2, -0.45, 0.62, 0.24, ear, side * 0.3)
        else:  # small and round
            ellipse(side * 0.72, -0.8, 0.32, 0.32, ear)
    ellipse(0, 0, 0.95, 1.05, coat)
    if mark == 1:  # a blaze
        ellipse(0, -0.4, 0.2, 0.75, (250, 248, 244))
    elif mark == 2:  # a dark mask
        ellipse(0, 0.35, 0.66, 0.66, (36, 30, 34))
    elif mark == 3:  # one patch
        ellipse(rng.choice([-1, 1]) * 0.4, -0.25, 0.4, 0.42, _shade(coat, 0.45))
    elif mark == 4:  # a beard
        ellipse(0, 0.95, 0.6, 0.5, (236, 230, 220))
    for side in (-1, 1):
        ellipse(side * 0.36, -0.2, 0.16, 0.15, (238, 234, 226))
        ellipse(side * 0.36, -0.2, 0.1, 0.1, (60, 36, 20))
    ellipse(0, 0.5, 0.36, 0.3, pale)
    ellipse(0, 0.34, 0.2, 0.14, NOSE)
    if rng.random() < 0.5:  # panting
        ellipse(rng.uniform(-0.1, 0.1), 0.84, 0.16, 0.24, TONGUE)
    light = cv2.resize(rng.uniform(0.8, 1.15, (3, 3)).astype(np.float32), (width, height), interpolation=2)
    grain = rng.standard_normal((height, width, 1), dtype=np.float32) * rng.uniform(2, 7)
    return np.clip(canvas * light[:, :, None] + grain, 0, 255).astype(np.uint8)


def _shade(colour: tuple[int, int, int], factor: float) -> tuple[int, ...]:
    return tuple(int(min(255, max(0, value * factor))) for value in colour)
