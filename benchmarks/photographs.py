"""JPEGs to measure with: real photographs where they are, drawn ones elsewhere."""

import tempfile
from pathlib import Path

from common.images.decode import UnreadablePicture, decode
from competitions.dogs_vs_cats.sample import draw

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "dogs_vs_cats" / "train"


def photographs(count: int) -> tuple[list[bytes], str]:
    """`count` encoded pictures, repeated where there are fewer, and what they are."""
    paths = sorted(REAL.glob("*.jpg"))
    if paths:
        given = [path.read_bytes() for path in paths]
        what = f"{len(given):,} photographs of dogs_vs_cats"
    else:
        with tempfile.TemporaryDirectory() as folder:
            draw(Path(folder), seed=0)
            drawn = [path.read_bytes() for path in sorted(Path(folder).glob("train/*.jpg"))]
        given = [data for data in drawn if _is_readable(data)]  # one is cut short, on purpose
        what = f"{len(given):,} drawn pictures"
    mean = sum(map(len, given)) / len(given)
    return [given[number % len(given)] for number in range(count)], f"{what}, {mean / 1e3:.0f} kB each"


def _is_readable(data: bytes) -> bool:
    try:
        decode(data)
    except UnreadablePicture:
        return False
    return True
