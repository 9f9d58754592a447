"""Decode once: pixels keyed by content, shared by recipes, never half built."""

import hashlib

import cv2
import numpy as np
import pytest

from common.errors import PodiumError
from common.images import cache as cache_module
from common.images.cache import decode_once, to_channels, to_depth, to_square
from common.images.decode import encode_png
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
    assert to_depth(np.full((2, 2), 255, np.uint8), np.dtype(np.uint16)).max() == 65535
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


def test_one_channel_is_grey_as_stored_or_the_luminance_of_colours(store):
    path, pictures, hashes = store
    pixels = decode_once(path, list(pictures), hashes, 16, 50, "squash", 1, channels=1)
    assert pixels.shape == (3, 50, 50, 1)
    np.testing.assert_array_equal(pixels[1, :, :, 0], pictures["train/b.png"].astype(np.uint16) * 257)
    red, green, blue = (np.full((4, 4, 3), value, np.uint8) * np.eye(3, dtype=np.uint8)[at] for at, value in
                        ((0, 200), (1, 200), (2, 200)))  # fmt: skip
    shades = [int(to_channels(colour, 1, "x")[0, 0, 0]) for colour in (red, green, blue)]
    assert shades[1] > shades[0] > shades[2] > 0, "as the eye weighs them"


def test_four_bands_of_sixteen_bits_are_kept_as_stored(tmp_path):
    bands = np.random.default_rng(1).integers(0, 65536, (48, 48, 4), dtype=np.uint16)
    bands[0, 0] = 0, 1, 65534, 65535
    data = encode_png(bands)
    write_store(tmp_path / "images.zip", [("train/a.png", data)])
    given = (tmp_path / "images.zip", ["train/a.png"], ["hash"], 16, 48, "squash", 1)
    np.testing.assert_array_equal(decode_once(*given, channels=4)[0], bands)
    np.testing.assert_array_equal(decode_once(*given, channels=3)[0], bands[:, :, :3])


def test_four_channels_of_a_picture_that_has_three_are_refused(store):
    path, _, hashes = store
    with pytest.raises(PodiumError, match=r"train/a.png is stored with 3; set channels to 3 or 1"):
        decode_once(path, ["train/a.png"], hashes[:1], 8, 32, "squash", 1, channels=4)
