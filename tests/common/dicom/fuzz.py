"""Mutated DICOM files, in a process of its own with little memory: python -m tests.common.dicom.fuzz SEED COUNT

Ends with 0 and the words "all COUNT survived" where every file was either converted or refused with a reason. A
decoder that crashes, an error of any other kind, or more memory than the limit shows as anything else.
"""

import random
import resource
import sys
import time

import numpy as np
import psutil

from common.dicom.convert import convert
from common.dicom.unreadable import UnreadableRadiograph
from tests.common.dicom.drawn import LOSSLESS, drawn, lut_item

MOST_BYTES = 2 << 30
MOST_SECONDS = 5.0
PIXEL_DATA = (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")


def drawn_files() -> list[bytes]:
    """Small files with all that may be damaged, in every transfer syntax."""
    files = []
    y, x = np.mgrid[:40, :56]
    for syntax in LOSSLESS:
        for bits in (8, 12, 16):
            noise = np.random.default_rng(bits).normal(0, 3, x.shape)
            waves = 2**bits * (0.5 + 0.3 * np.sin(x / 9) * np.cos(y / 7)) + noise
            words = np.clip(waves, 0, 2**bits - 1).astype(np.uint8 if bits == 8 else np.uint16)
            given = {"BitsStored": bits, "WindowCenter": 99, "WindowWidth": 900, "PixelPaddingValue": 0}
            if bits == 12:
                given |= {"PixelRepresentation": 1, "RescaleSlope": 2, "RescaleIntercept": -9}
            if bits == 16 and not syntax.is_big_endian:
                given["VOILUTSequence"] = [lut_item(np.arange(300) * 9, 10)]
            files.append(drawn(words, syntax, PatientName="NOBODY", **given))
    return files


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A few changed, lost or doubled bytes; two times in three behind the place where the pixels begin."""
    found = max(data.rfind(tag) for tag in PIXEL_DATA)
    begin = found if found > 0 and rng.random() < 0.67 else 128
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 4, 16])):
        if len(changed) <= begin + 20:
            break
        near = rng.random() < 0.4  # headers of codestreams stand at their beginning
        place = rng.randrange(begin, min(len(changed), begin + 130) if near else len(changed))
        kind = rng.randrange(6)
        if kind < 2:
            changed[place] = rng.randrange(256)
        elif kind == 2:
            changed[place] ^= 1 << rng.randrange(8)
        elif kind == 3:
            changed[place : place + 4] = rng.choice([b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xff", b"\0\x80"])
        elif kind == 4:
            del changed[place : place + rng.randrange(1, 40)]
        else:
            del changed[max(place, begin + 20) :]
    return bytes(changed)


def main() -> None:
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    files = drawn_files()
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        data = mutated(files[number % len(files)], rng)
        if number == 0:
            convert(files[0])  # what is loaded once does not count
            limit = psutil.Process().memory_info().vms + MOST_BYTES
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        begin = time.perf_counter()
        try:
            convert(data)
        except UnreadableRadiograph as error:
            assert "NOBODY" not in str(error)
        except BaseException as error:
            print(f"file {number} of seed {seed}: {error!r}", flush=True)
            raise
        if time.perf_counter() - begin > MOST_SECONDS:
            sys.exit(f"file {number} of seed {seed} took {time.perf_counter() - begin:.1f} s")
    print(f"all {count} survived")


if __name__ == "__main__":
    main()
