"""Where training should read its pixels from, where they are more than the memory holds.

    python -m benchmarks.cache [--pictures 8000] [--size 256] [--memory-share 0.4] [--folder FOLDER]

Writes one data set in several forms and reads it in random order, in batches of 64, with one thread: once with memory
for all of it, and once in a memory group that holds `--memory-share` of the plain map beside the program, starting
with nothing in the page cache. "First" and "second" are epochs; in the second the memory is full of what the first
one has read. Forms that decode are measured on fewer pictures. Then, what building the map takes.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.memory_group import drop_from_page_cache, run_limited
from benchmarks.photographs import photographs
from common.images.cache import decode_once
from common.images.pictures import MappedPictures, Pictures, StoredPictures
from common.images.store import write_store
from common.randomness import generator

BATCH = 64
BLOCK = 64  # pictures that blocked shuffling reads at once
POOL = 8  # blocks that it shuffles together
PROGRAM_BYTES = 160_000_000  # what the reading process needs for itself

Batches = Iterator[np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=8_000)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--memory-share", type=float, default=0.4)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured; default: the temporary folder")
    parser.add_argument("--read", nargs=2, metavar=("WAY", "COUNT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        print(json.dumps(read_epochs(given.folder, given.read[0], int(given.read[1]))))
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        measure(Path(folder), given.pictures, given.size, given.memory_share)


def measure(folder: Path, count: int, size_px: int, memory_share: float) -> None:
    console = Console(width=120)
    data, what = photographs(count)
    names = [f"train/{number:06d}.jpg" for number in range(count)]
    write_store(folder / "images.zip", zip(names, data, strict=True))
    os.environ["PODIUM_SCRATCH"] = str(folder / "scratch")
    begin = time.perf_counter()
    cores = len(os.sched_getaffinity(0))
    pixels = decode_once(folder / "images.zip", names, names, 8, size_px, "squash", cores)
    build_seconds = time.perf_counter() - begin
    (folder / "map.bin").symlink_to(pixels.folder / "pixels.bin")
    write_compressed(folder, pixels)
    shape = pixels.shape
    (folder / "about.json").write_text(json.dumps({"shape": shape, "names": names}))
    map_bytes = (folder / "map.bin").stat().st_size
    del pixels

    limit = int(map_bytes * memory_share) + PROGRAM_BYTES
    title = f"{count:,} x {size_px} px ({what}), {map_bytes / 1e9:.1f} GB as a map; limit {limit / 1e9:.1f} GB"
    table = Table(title=f"{title}: pictures/s, one thread", title_justify="left")
    for heading in ("read from", "GB", "memory for all", "limited, first", "limited, second"):
        table.add_column(heading, justify="left" if heading == "read from" else "right")
    for way, (file, most, _) in WAYS.items():
        path = (folder / file).resolve()
        command = [sys.executable, "-m", "benchmarks.cache", "--folder", str(folder), "--read", way, str(most)]
        run_limited(command, None)  # brings it into the page cache
        warm = json.loads(run_limited(command, None))
        drop_from_page_cache(path)
        try:
            cold = [f"{rate:,.0f}" for rate in json.loads(run_limited(command, limit))]
        except subprocess.CalledProcessError:
            cold = ["too little memory", ""]
        drop_from_page_cache(path)
        table.add_row(way, f"{path.stat().st_size / 1e9:.2f}", f"{warm[1]:,.0f}", *cold)
    console.print(table)
    rate = count / build_seconds
    console.print(f"building the map: {build_seconds:.1f} s, {rate:,.0f} pictures/s in {cores} processes")


def write_compressed(folder: Path, pixels: Pictures) -> None:
    """The map's pictures as JPEG of quality 95, and without loss (zstd, after differences along the row)."""
    from imagecodecs import zstd_encode

    encoders: dict[str, Callable[[np.ndarray], bytes]] = {
        "jpeg.bin": lambda one: cv2.imencode(".jpg", one, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes(),
        "zstd.bin": lambda one: zstd_encode(np.diff(one, axis=1, prepend=np.uint8(0)).transpose(2, 0, 1).tobytes(), 1),
    }
    for name, encode in encoders.items():
        ends, end = [], 0
        with open(folder / name, "wb") as file:
            for row in range(len(pixels)):
                data = encode(pixels[row])
                file.write(data)
                end += len(data)
                ends.append(end)
        np.save(folder / f"{name}.npy", np.array(ends))


def read_epochs(folder: Path, way: str, most: int) -> tuple[float, float]:
    """Pictures a second in a first and in a second epoch."""
    cv2.setNumThreads(1)
    rates = []
    for epoch in range(2):
        begin, done = time.perf_counter(), 0
        for batch in WAYS[way][2](folder, epoch):
            done += len(batch)
            if done >= most:
                break
        rates.append(done / (time.perf_counter() - begin))
    return rates[0], rates[1]


def _order(count: int, epoch: int) -> Iterator[np.ndarray]:
    order = generator(epoch, "order").permutation(count)
    return (order[begin : begin + BATCH] for begin in range(0, count, BATCH))


def _shape(folder: Path) -> tuple[int, int, int, int]:
    count, height, width, channels = json.loads((folder / "about.json").read_text())["shape"]
    return count, height, width, channels


def by_page_faults(folder: Path, epoch: int) -> Batches:
    shape = _shape(folder)
    pixels = np.memmap(folder / "map.bin", np.uint8, "r", shape=shape)
    for rows in _order(shape[0], epoch):
        yield pixels[rows]


def as_podium(folder: Path, epoch: int) -> Batches:
    """A read a picture, the next batch announced where the map is larger than half of the memory."""
    shape = _shape(folder)
    map_folder = (folder / "map.bin").resolve().parent
    pixels = MappedPictures(map_folder, shape[1:], np.dtype(np.uint8), np.arange(shape[0]), shape[0])
    batches = list(_order(shape[0], epoch))
    for rows, following in zip(batches, [*batches[1:], batches[-1]], strict=True):
        pixels.announce(following)
        yield pixels[rows]


def by_reads(folder: Path, epoch: int) -> Batches:
    shape = _shape(folder)
    descriptor = os.open(folder / "map.bin", os.O_RDONLY)
    bytes_each = int(np.prod(shape[1:]))
    for rows in _order(shape[0], epoch):
        batch = np.empty((len(rows), *shape[1:]), np.uint8)
        for place, row in zip(batch, rows, strict=True):
            os.preadv(descriptor, [place.data], int(row) * bytes_each)
        yield batch
    os.close(descriptor)


def in_blocks(folder: Path, epoch: int) -> Batches:
    shape = _shape(folder)
    bytes_each = int(np.prod(shape[1:]))
    rng = generator(epoch, "blocks")
    blocks = rng.permutation(shape[0] // BLOCK)
    with open(folder / "map.bin", "rb", buffering=0) as file:
        for begin in range(0, len(blocks), POOL):
            chosen = blocks[begin : begin + POOL]
            pool = np.empty((len(chosen), BLOCK, *shape[1:]), np.uint8)
            for place, block in zip(pool, chosen, strict=True):
                file.seek(int(block) * BLOCK * bytes_each)
                file.readinto(place.reshape(-1).data)
            rows = rng.permutation(len(chosen) * BLOCK)
            flat = pool.reshape(-1, *shape[1:])
            for first in range(0, len(rows), BATCH):
                yield flat[rows[first : first + BATCH]]


def decoded(folder: Path, epoch: int, file: str) -> Batches:
    from imagecodecs import zstd_decode

    shape = _shape(folder)
    ends = np.load(folder / f"{file}.npy")
    descriptor = os.open(folder / file, os.O_RDONLY)
    for rows in _order(shape[0], epoch):
        batch = np.empty((len(rows), *shape[1:]), np.uint8)
        for place, row in zip(batch, rows, strict=True):
            begin = int(ends[row - 1]) if row else 0
            data = os.pread(descriptor, int(ends[row]) - begin, begin)
            if file == "jpeg.bin":
                place[:] = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
            else:
                differences = np.frombuffer(zstd_decode(data), np.uint8).reshape(3, *shape[1:3])
                place[:] = np.cumsum(differences, axis=2, dtype=np.uint8).transpose(1, 2, 0)
        yield batch
    os.close(descriptor)


def from_zip(folder: Path, epoch: int) -> Batches:
    shape = _shape(folder)
    names = np.array(json.loads((folder / "about.json").read_text())["names"], dtype=object)
    given = (folder / "images.zip", "", shape[1:], np.dtype(np.uint8), "squash", names, np.arange(shape[0]))
    pictures = StoredPictures(*given)
    for rows in _order(shape[0], epoch):
        yield pictures[rows]


# Name: the file, the most pictures that are read in an epoch, and how.
WAYS: dict[str, tuple[str, int, Callable[[Path, int], Batches]]] = {
    "the map, by page faults": ("map.bin", 10**9, by_page_faults),
    "the map, a read a picture": ("map.bin", 10**9, by_reads),
    "the map, the next batch announced (ours)": ("map.bin", 10**9, as_podium),
    f"the map, {POOL} blocks of {BLOCK} shuffled": ("map.bin", 10**9, in_blocks),
    "JPEG of quality 95 at that size": ("jpeg.bin", 4000, lambda *given: decoded(*given, file="jpeg.bin")),
    "zstd of differences, without loss": ("zstd.bin", 2000, lambda *given: decoded(*given, file="zstd.bin")),
    "images.zip (ours, without room for a map)": ("images.zip", 1000, from_zip),
}


if __name__ == "__main__":
    main()
