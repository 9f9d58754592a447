"""Drawn chips in the layout of Planet: Understanding the Amazon from Space, so that everything runs without an account.

Which tags go together follows the real training table: `TAG_SETS` counts the sets of tags that occur most often in its
40,479 rows. What the tags look like is drawn, in four bands; the JPEGs show three of them. Like every real data set it
has flaws, which are planted: `_traps.json` tells the tests where.
"""

import io
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from common.randomness import generator

LABELLED, TEST, ADDITIONAL = 240, 60, 20
SIDE = 256

# Rows of train_v2.csv with exactly these tags: the 36 most frequent sets, which are 90% of all rows.
TAG_SETS = """
13636 clear primary|3630 partly_cloudy primary|2089 cloudy|1850 clear primary water|1680 agriculture clear primary road
1626 agriculture clear primary|1471 haze primary|1170 agriculture clear cultivation primary
1125 agriculture clear habitation primary road|712 agriculture clear primary water|692 agriculture partly_cloudy primary
595 partly_cloudy primary water|527 agriculture partly_cloudy primary road|504 clear primary road water
472 clear cultivation primary|449 agriculture clear primary road water|381 agriculture clear cultivation primary road
314 haze primary water|309 agriculture cultivation partly_cloudy primary
271 agriculture clear cultivation habitation primary road|261 clear water|248 blooming clear primary
240 agriculture clear habitation primary road water|235 clear primary road|194 clear habitation primary road
226 agriculture clear cultivation primary water|196 agriculture partly_cloudy primary water|172 agriculture haze primary
169 agriculture habitation partly_cloudy primary road|161 bare_ground clear primary
145 agriculture clear habitation primary|141 artisinal_mine clear primary water|136 clear cultivation primary water
130 agriculture haze primary road|124 agriculture clear cultivation habitation primary
121 agriculture cultivation partly_cloudy primary road
"""
# The usual sets of the rare tags; drawn by their share, 240 chips would hold none of most.
RARE_SETS = (
    "blow_down clear primary",
    "clear conventional_mine primary",
    "clear cultivation primary slash_burn",
    "clear primary selective_logging",
    "bare_ground clear primary",
    "blooming clear primary",
    "artisinal_mine clear primary water",
)
RARE_LABELLED, RARE_TEST = 6, 2
WEATHER = {"clear", "partly_cloudy", "haze", "cloudy"}

Bands = tuple[float, float, float, float]  # red, green, blue, near infrared, in 0..1


def draw(folder: Path, seed: int) -> None:
    """Write JPEGs, TIFFs, train_v2.csv, the sample submission, the mapping and _traps.json; the same for a seed."""
    train = [f"train_{number}" for number in range(LABELLED)]
    test = [f"test_{number}" for number in range(TEST)] + sorted(f"file_{number}" for number in range(ADDITIONAL))
    listed = dict(zip(train, _tag_sets(generator(seed, "sample", "train"), LABELLED, RARE_LABELLED), strict=True))
    listed |= dict(zip(test, _tag_sets(generator(seed, "sample", "test"), len(test), RARE_TEST), strict=True))
    traps, shown = _choose_traps(seed, listed), dict(listed)
    for id_ in traps["wrong_labels"]:
        others = [tags for tags in sorted(set(listed.values())) if WEATHER & {*tags.split()} - {*listed[id_].split()}]
        shown[id_] = others[generator(seed, "sample", "shown", id_).integers(len(others))]
    for original, copy in traps["near_duplicates_across_train_and_test"] + traps["exact_duplicates"]:
        shown[copy] = listed[copy] = shown[original]

    chips = {id_: _chip(generator(seed, "sample", id_), shown[id_].split()) for id_ in shown}
    encode: dict[str, Callable[[np.ndarray], bytes]] = {
        traps["three_components"]: lambda chip: _saved(Image.fromarray(_colours(chip))),
        traps["cmyk"]: lambda chip: _saved(Image.fromarray(_colours(chip)).convert("CMYK")),
        traps["truncated"]: lambda chip: _four_components(chip)[:9000],
    }
    files = {id_: (encode.get(id_, _four_components)(chip), _tiff(chip)) for id_, chip in chips.items()}
    files[traps["truncated"]] = (files[traps["truncated"]][0], files[traps["truncated"]][1][:9000])
    for original, copy in traps["near_duplicates_across_tags"] + traps["near_duplicates_across_train_and_test"]:
        turned = np.ascontiguousarray(np.rot90(chips[original])) * 0.97 + 0.01
        files[copy] = _four_components(turned, quality=70), _tiff(turned)
    for original, copy in traps["exact_duplicates"]:
        files[copy] = files[original]

    folders = {"train": ("train-jpg", "train-tif-v2"), "test": ("test-jpg", "test-tif-v2")}
    folders["file"] = ("test-jpg-additional", "test-tif-v2")
    for id_, contents in files.items():
        for into, name, content in zip(folders[id_.split("_")[0]], _names(id_, traps), contents, strict=True):
            (folder / into).mkdir(exist_ok=True)
            (folder / into / name).write_bytes(content)
    _write(folder / "train_v2.csv", ["image_name,tags", *(f"{id_},{listed[id_]}" for id_ in train)])
    usual = "primary clear agriculture road water"
    _write(folder / "sample_submission_v2.csv", ["image_name,tags", *(f"{id_},{usual}" for id_ in test)])
    mapping = [f"{traps['tifs_under_wrong_names'][id_]}.tif,{id_}.tif" for id_ in test if id_.startswith("file")]
    _write(folder / "test_v2_file_mapping.csv", ["old,new", *mapping])
    traps["test_tags"] = {id_: shown[id_] for id_ in test}
    _write(folder / "_traps.json", [json.dumps(traps, indent=1)])


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", newline="\n")


def _names(id_: str, traps: dict) -> tuple[str, str]:
    """The names of a chip's JPEG and TIFF."""
    return f"{id_}.jpg", f"{traps['tifs_under_wrong_names'].get(id_, id_)}.tif"


def _tag_sets(rng: np.random.Generator, count: int, of_each_rare: int) -> list[str]:
    """Tags of so many chips: some of each rare set, the others by how often they occur."""
    entries = [entry.split(" ", 1) for line in TAG_SETS.split("\n") if line for entry in line.split("|")]
    occurs = np.array([int(number) for number, _ in entries])
    rare = list(RARE_SETS) * of_each_rare
    usual = rng.choice([tags for _, tags in entries], count - len(rare), p=occurs / occurs.sum())
    return [str(tags) for tags in rng.permutation([*rare, *usual])]


def _choose_traps(seed: int, listed: dict[str, str]) -> dict:
    """Ids by trap, no id in two of them and none with a rare tag. In a pair, the second is made from the first."""
    rng = generator(seed, "sample", "traps")
    usual = [str(id_) for id_ in rng.permutation([id_ for id_, tags in listed.items() if tags not in RARE_SETS])]
    # Without clouds, since two skies of them look alike anyway.
    plain = [id_ for id_ in usual if "cloud" not in listed[id_]]
    train, test = ([id_ for id_ in plain if (id_[:5] == "train") == labelled] for labelled in (True, False))
    pairs: list[list[str]] = []
    while len(pairs) < 3:  # one chip twice, under different tags
        first, second = train.pop(), train.pop()
        if listed[first] != listed[second]:
            pairs.append([first, second])
    wrong = rng.permutation(ADDITIONAL)
    return {
        "wrong_labels": [train.pop() for _ in range(6)],
        "near_duplicates_across_tags": pairs,
        "near_duplicates_across_train_and_test": [[train.pop(), test.pop()] for _ in range(3)],
        "exact_duplicates": [[train.pop(), train.pop()] for _ in range(2)],
        "three_components": train.pop(),
        "cmyk": train.pop(),
        "truncated": train.pop(),
        "tifs_under_wrong_names": {f"file_{number}": f"file_{wrong[number]}" for number in range(ADDITIONAL)},
    }


def _colours(chip: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(chip[:, :, :3], 0, 1) * 255).astype(np.uint8)


def _saved(image: Image.Image, quality: int = 85) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _four_components(chip: np.ndarray, quality: int = 85) -> bytes:
    """RGB and an opaque alpha without a word of what they are, as the real JPEGs: Pillow opens them as CMYK."""
    opaque = np.dstack([_colours(chip), np.full((SIDE, SIDE), 255, np.uint8)])
    data = _saved(Image.fromarray(255 - opaque, "CMYK"), quality)  # Pillow inverts what it writes
    mark = data.index(b"\xff\xee")
    return data[:mark] + data[mark + 2 + int.from_bytes(data[mark + 2 : mark + 4], "big") :]


def _tiff(chip: np.ndarray) -> bytes:
    """Blue, green, red, near infrared in the lower part of 16 bits, about where the real bands lie."""
    counts = np.rint((np.clip(chip, 0, 1) * 6000 + (2000, 3200, 4200, 3000)) / 16) * 16
    bands = np.ascontiguousarray(counts[:, :, [2, 1, 0, 3]].astype(np.uint16))
    quick = zlib.compressobj(1, strategy=zlib.Z_HUFFMAN_ONLY)  # noise hardly repeats itself
    data = quick.compress(bands.astype("<u2").tobytes()) + quick.flush()
    # Baseline TIFF 6.0 in one strip, written here since libtiff leaves a byte of padding to chance: the header, a
    # directory of 11 entries, two lists that no entry has room for, the pixels.
    lists = 8 + 2 + 11 * 12 + 4
    short, long = 3, 4
    entries = [
        (256, long, 1, SIDE),  # width
        (257, long, 1, SIDE),  # height
        (258, short, 4, lists),  # bits of each band
        (259, short, 1, 8),  # deflate
        (262, short, 1, 1),  # black is 0; which bands they are is not said
        (273, long, 1, lists + 14),  # where the pixels are
        (277, short, 1, 4),  # bands
        (278, long, 1, SIDE),  # rows of the strip
        (279, long, 1, len(data)),
        (284, short, 1, 1),  # bands side by side
        (338, short, 3, lists + 8),  # what the bands beyond the first are
    ]
    directory = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    header = b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + struct.pack("<I", 0)
    return header + struct.pack("<4H3H", *[16] * 4, *[0] * 3) + data


def _chip(rng: np.random.Generator, tags: list[str]) -> np.ndarray:
    """One chip, (256, 256, 4) float32: red, green, blue, near infrared."""
    scene = _Scene(rng, (0.14, 0.25, 0.12, 0.72) if "primary" in tags else (0.45, 0.44, 0.26, 0.5), "primary" in tags)
    for tag, layer in LAYERS.items():
        if tag in tags:
            layer(scene, rng)
    return scene.developed()


class _Scene:
    """A chip in the making: layers are painted over each other through masks."""

    def __init__(self, rng: np.random.Generator, ground: Bands, rough: bool) -> None:
        self.rng = rng
        crowns = self.noise(64) if rough else self.noise(10)
        self.bands = np.array(ground, np.float32) * (0.75 + 0.5 * crowns[:, :, None])

    def noise(self, cells: int) -> np.ndarray:
        """Smooth random heights in about 0..1, (256, 256), with so many hills along a side."""
        return cv2.resize(self.rng.random((cells, cells), np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)

    def paint(self, mask: np.ndarray, colour: Bands, texture: float = 0.15) -> None:
        """Cover by `colour` where the mask is 1 (float) or 255 (uint8, its edges softened)."""
        if mask.dtype == np.uint8:
            mask = cv2.GaussianBlur(mask, (0, 0), 0.8).astype(np.float32) / 255
        grain = 1 + texture * (self.noise(96) - 0.5)
        self.bands += mask[:, :, None] * (np.array(colour, np.float32) * grain[:, :, None] - self.bands)

    def way(self, width_px: int, bends: float) -> np.ndarray:
        """The mask of a winding way from one side to the opposite one."""
        along = np.linspace(-10, SIDE + 10, 24)
        across = self.rng.uniform(40, SIDE - 40) + np.cumsum(self.rng.normal(0, bends, 24))
        points = np.stack([along, across] if self.rng.random() < 0.5 else [across, along], axis=1)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        return cv2.polylines(mask, [np.rint(points).astype(np.int32)], False, 255, width_px, cv2.LINE_AA)

    def blobs(self, count: int, radius_px: tuple[float, float], corners: int = 9) -> np.ndarray:
        """The mask of so many irregular patches."""
        mask = np.zeros((SIDE, SIDE), np.uint8)
        for _ in range(count):
            angles = np.sort(self.rng.uniform(0, 2 * np.pi, corners))
            radii = self.rng.uniform(*radius_px) * self.rng.uniform(0.7, 1.2, corners)
            outline = self.rng.uniform(20, SIDE - 20, 2) + radii[:, None] * np.stack(
                [np.cos(angles), np.sin(angles)], 1
            )
            cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 255, cv2.LINE_AA)
        return mask

    def developed(self) -> np.ndarray:
        light = self.rng.uniform(0.9, 1.1)
        grain = self.rng.normal(0, 0.012, self.bands.shape).astype(np.float32)
        return np.clip(self.bands * light + grain, 0, 1)


def _agriculture(scene: _Scene, rng: np.random.Generator) -> None:
    for _ in range(int(rng.integers(2, 5))):
        middle, sides = rng.uniform(30, 226, 2).tolist(), rng.uniform(50, 120, 2).tolist()
        box = cv2.boxPoints((middle, sides, rng.uniform(0, 90)))
        field = cv2.fillPoly(np.zeros((SIDE, SIDE), np.uint8), [np.rint(box).astype(np.int32)], 255)
        green = rng.uniform(0.3, 0.6)
        scene.paint(field, (green * 1.05, green, green * 0.55, 0.6), texture=0.05)


def _habitation(scene: _Scene, rng: np.random.Generator) -> None:
    middle, roofs = rng.uniform(60, 196, 2), np.zeros((SIDE, SIDE), np.uint8)
    for x, y in rng.normal(middle, 22, (int(rng.integers(40, 80)), 2)).astype(int):
        cv2.rectangle(roofs, (x, y), (x + int(rng.integers(3, 7)), y + int(rng.integers(3, 7))), 255, -1)
    scene.paint(roofs, (0.86, 0.83, 0.82, 0.5), texture=0.4)


def _selective_logging(scene: _Scene, rng: np.random.Generator) -> None:
    for _ in range(3):
        scene.paint(scene.way(2, 9), (0.5, 0.38, 0.25, 0.45))
    scene.paint(scene.blobs(14, (3, 5)), (0.55, 0.42, 0.28, 0.45))


def _slash_burn(scene: _Scene, rng: np.random.Generator) -> None:
    burnt = scene.blobs(2, (28, 45))
    scene.paint(cv2.dilate(burnt, np.ones((9, 9), np.uint8)), (0.5, 0.36, 0.24, 0.3))
    scene.paint(burnt, (0.16, 0.11, 0.1, 0.12), texture=0.5)


def _blow_down(scene: _Scene, rng: np.random.Generator) -> None:
    root, towards, fan = rng.uniform(60, 196, 2), rng.uniform(0, 2 * np.pi), np.zeros((SIDE, SIDE), np.uint8)
    for angle in rng.normal(towards, 0.35, 40):
        end = root + rng.uniform(30, 90) * np.array([np.cos(angle), np.sin(angle)])
        cv2.line(fan, root.astype(int).tolist(), end.astype(int).tolist(), 255, 2, cv2.LINE_AA)
    scene.paint(fan, (0.5, 0.52, 0.36, 0.55))


def _conventional_mine(scene: _Scene, rng: np.random.Generator) -> None:
    middle, size = rng.uniform(80, 176, 2).astype(int).tolist(), rng.uniform(40, 65)
    for step, shade in enumerate((0.75, 0.5, 0.68, 0.45, 0.6)):
        axes = [int(size * (1 - 0.18 * step)), int(size * 0.75 * (1 - 0.18 * step))]
        terrace = cv2.ellipse(np.zeros((SIDE, SIDE), np.uint8), middle, axes, 20, 0, 360, 255, -1)
        scene.paint(terrace, (shade, shade * 0.93, shade * 0.88, shade * 0.8))


def _haze(scene: _Scene, rng: np.random.Generator) -> None:
    veil = 0.5 + 0.12 * scene.noise(4)
    scene.paint(veil, (0.55, 0.6, 0.66, 0.55), texture=0)
    cv2.GaussianBlur(scene.bands, (0, 0), 1.2, dst=scene.bands)


def _partly_cloudy(scene: _Scene, rng: np.random.Generator) -> None:
    heights = scene.noise(5) + 0.35 * scene.noise(14)
    cloud = np.clip((heights - np.quantile(heights, rng.uniform(0.6, 0.8))) * 6, 0, 1)
    scene.bands *= 1 - 0.45 * np.roll(cloud, (18, -14), (0, 1))[:, :, None]  # its shadow
    scene.paint(cloud, (0.95, 0.95, 0.97, 0.9), texture=0.05)


def _cloudy(scene: _Scene, rng: np.random.Generator) -> None:
    thick = np.clip(0.75 + 0.4 * scene.noise(6), 0, 1)
    scene.paint(thick, (0.85, 0.86, 0.9, 0.8), texture=0.05)


LAYERS: dict[str, Callable[[_Scene, np.random.Generator], None]] = {
    "agriculture": _agriculture,
    "cultivation": lambda scene, rng: scene.paint(scene.blobs(6, (12, 24)), (0.5, 0.5, 0.3, 0.62)),
    "bare_ground": lambda scene, rng: scene.paint(scene.blobs(2, (30, 50)), (0.78, 0.7, 0.6, 0.6)),
    "slash_burn": _slash_burn,
    "conventional_mine": _conventional_mine,
    "water": lambda scene, rng: scene.paint(scene.way(int(rng.integers(14, 40)), 12), (0.27, 0.26, 0.22, 0.06)),
    "artisinal_mine": lambda scene, rng: scene.paint(scene.blobs(9, (7, 15)), (0.62, 0.72, 0.66, 0.2)),
    "road": lambda scene, rng: scene.paint(scene.way(int(rng.integers(3, 6)), 3), (0.66, 0.52, 0.4, 0.42)),
    "habitation": _habitation,
    "selective_logging": _selective_logging,
    "blooming": lambda scene, rng: scene.paint(scene.blobs(60, (2, 4)), (0.82, 0.78, 0.5, 0.75)),
    "blow_down": _blow_down,
    "haze": _haze,
    "partly_cloudy": _partly_cloudy,
    "cloudy": _cloudy,
}
