"""Decode once: pixels keyed by content, shared by recipes, never half built."""

import hashlib

import cv2
import numpy as np
import pytest

from common.errors import PodiumError
from common.images import cache as cache_module
from common.images.cache import decode_once, to_rgb, to_square
from common.images.store import write_store


@pytest.fixture
def store(tmp_path):
    """Three pictures: RGB, grey, and 16-bit; with their content hashes."""
    rng = np.random.default_rng(0)
    pictures = {
        "train/a.png": rng.integers(0, 255, (40, 60, 3), dtype=np.uint8),
        "train/b.png": rng.integers(0, 255, (50, 50), dtype=np.uint8),
        "train/c.png": rng.integers(0, 65535, (30, 80), dtype=np.uint16),
    }
    encoded = [(name, cv2.imencode(".png", picture[..., ::-1] if picture.ndim == 3 else picture)[1].tobytes())
               for name, picture in pictures.items()]  # fmt: skip
    write_store(tmp_path / "images.zip", encoded)
    return tmp_path / "images.zip", pictures, [hashlib.sha256(data).hexdigest() for _, data in encoded]


def test_pixels_are_those_of_the_pictures(store):
    path, pictures, hashes = store
    pixels = decode_once(path, ["train/a.png", "train/b.png"], hashes[:2], 8, 32, "squash", 1)
    assert pixels.shape == (2, 32, 32, 3) and pixels.dtype == np.uint8
    resized = cv2.resize(pictures["train/a.png"], (32, 32), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(pixels[0], resized)
    assert (pixels[1] == pixels[1][:, :, :1]).all(), "grey is the same in all channels"


def test_sixteen_bits_are_kept_and_eight_are_spread_over_them(store):
    path, pictures, hashes = store
    pixels = decode_once(path, list(pictures), hashes, 16, 32, "pad", 1)
    assert pixels.dtype == np.uint16
    assert to_rgb(np.full((2, 2), 255, np.uint8), np.dtype(np.uint16)).max() == 65535
    assert len(np.unique(pixels[2])) > 256


def test_several_processes_give_the_same_pixels(store, monkeypatch):
    path, pictures, hashes = store
    monkeypatch.setattr(cache_module, "_CHUNK_ROWS", 1)
    one = np.array(decode_once(path, list(pictures), hashes, 16, 32, "crop", 1))
    monkeypatch.setattr(cache_module, "_MADE_BY", ("common.images.cache",))  # another key
    several = decode_once(path, list(pictures), hashes, 16, 32, "crop", 4)
    np.testing.assert_array_equal(one, several)


def test_a_second_recipe_uses_what_the_first_has_decoded(store, monkeypatch):
    path, _, hashes = store
    first = np.array(decode_once(path, ["train/a.png"], hashes[:1], 8, 32, "squash", 1))
    path.unlink()
    np.testing.assert_array_equal(decode_once(path, ["train/a.png"], hashes[:1], 8, 32, "squash", 1), first)
    with pytest.raises(PodiumError, match="run preprocess"):
        decode_once(path, ["train/a.png"], hashes[:1], 8, 48, "squash", 1)


def test_an_interrupted_build_leaves_nothing_that_is_taken_for_whole(store, scratch, monkeypatch):
    path, _, hashes = store

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache_module, "_decode_chunk", interrupted)
    with pytest.raises(KeyboardInterrupt):
        decode_once(path, ["train/a.png"], hashes[:1], 8, 32, "squash", 1)
    assert not list((scratch / "decoded").glob("*/pixels.bin"))
    monkeypatch.undo()
    monkeypatch.setenv("PODIUM_SCRATCH", str(scratch))
    assert decode_once(path, ["train/a.png"], hashes[:1], 8, 32, "squash", 1).any()


@pytest.mark.parametrize(("resize", "corner"), [("squash", 200), ("crop", 200), ("pad", 127)])
def test_a_wide_picture_becomes_a_square(resize, corner):
    wide = np.full((20, 60, 3), 200, np.uint8)
    square = to_square(wide, 30, resize)
    assert square.shape == (30, 30, 3)
    assert tuple(square[0, 0]) == (corner,) * 3
    assert tuple(square[15, 15]) == (200,) * 3
