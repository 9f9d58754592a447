"""Decode once: pixels keyed by content, shared by recipes, never half built."""

import hashlib

import cv2
import numpy as np
import pytest

from common.errors import PodiumError
from common.files import remove, scratch_folder
from common.images import cache as cache_module
from common.images import pictures as pictures_module
from common.images.cache import decode_once
from common.images.decode import encode_png
from common.images.square import to_channels, to_depth, to_square
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


def clear():
    for folder in (scratch_folder() / "decoded").glob("*/"):
        remove(folder)


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


def test_several_workers_give_the_same_pixels(store, monkeypatch):
    path, pictures, hashes = store
    monkeypatch.setattr(cache_module, "_CHUNK_ROWS", 1)
    one = decode_once(path, list(pictures), hashes, 16, 32, "crop", 1)[:]
    clear()
    several = decode_once(path, list(pictures), hashes, 16, 32, "crop", 4)[:]
    np.testing.assert_array_equal(one, several)


def test_a_second_recipe_uses_what_the_first_has_decoded(store):
    path, _, hashes = store
    first = decode_once(path, ["train/a.png"], hashes[:1], 8, 32, "squash", 1)[:]
    path.unlink()
    np.testing.assert_array_equal(decode_once(path, ["train/a.png"], hashes[:1], 8, 32, "squash", 1)[:], first)
    with pytest.raises(PodiumError, match="run preprocess"):
        decode_once(path, ["train/a.png"], hashes[:1], 8, 48, "squash", 1)


def test_order_and_repetition_of_the_same_pictures_share_a_map(store, scratch):
    path, pictures, hashes = store
    names = list(pictures)
    pixels = decode_once(path, names, hashes, 16, 32, "squash", 1)
    order = [2, 0, 0, 1]
    again = decode_once(path, [names[row] for row in order], [hashes[row] for row in order], 16, 32, "squash", 1)
    np.testing.assert_array_equal(again[:], pixels[np.array(order)])
    assert len(list((scratch / "decoded").glob("*/pixels.bin"))) == 1
    assert again.name != pixels.name and again.take(np.array([1, 3, 0])).name == pixels.take(np.array([0, 1, 2])).name


def test_the_size_is_told_before_the_work_begins(store, capsys, monkeypatch):
    path, pictures, hashes = store

    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache_module, "_build", stop)
    with pytest.raises(KeyboardInterrupt):
        decode_once(path, list(pictures), hashes, 16, 512, "squash", 1)
    assert "3 pictures at 512 px take 5 MB of scratch cache; room: " in capsys.readouterr().out


@pytest.mark.parametrize("short_of", ["budget", "disk"])
def test_without_room_pictures_are_read_from_the_store_and_are_the_same(store, scratch, capsys, monkeypatch, short_of):
    path, pictures, hashes = store
    given = (path, list(pictures), hashes, 16, 32, "pad", 1, 3)
    mapped = decode_once(*given)
    clear()
    if short_of == "disk":
        monkeypatch.setattr(cache_module, "_RESERVE_BYTES", 10**18)
    stored = decode_once(*given, most_bytes=None if short_of == "disk" else 10_000)
    told = capsys.readouterr().out
    assert "read from images.zip whenever it is needed" in told and "podium cache" in told and "cache_gb" in told
    assert not list((scratch / "decoded").glob("*/pixels.bin"))
    assert (stored.shape, stored.dtype, stored.name) == (mapped.shape, mapped.dtype, mapped.name)
    rows = np.array([2, 0, 2])
    restored = decode_once(*given)
    np.testing.assert_array_equal(stored[rows], restored[rows])
    np.testing.assert_array_equal(stored.take(rows)[1], restored.take(rows)[1])
    assert stored.take(rows).name == restored.take(rows).name


def test_the_budget_counts_the_maps_that_are_there(store):
    path, pictures, hashes = store
    one = 32 * 32 * 3
    budget = 3 * one
    kinds = []
    for row, name in enumerate(pictures):
        if row < 2:
            made = decode_once(path, [name], [hashes[row]], 8, 32, "squash", 1, most_bytes=2 * one)
            kinds.append(type(made).__name__)
    made = decode_once(path, ["train/b.png"], [hashes[1]], 8, 33, "squash", 1, most_bytes=budget)
    assert [*kinds, type(made).__name__] == ["MappedPictures", "MappedPictures", "StoredPictures"]


def test_an_interrupted_build_leaves_nothing_that_is_taken_for_whole(store, scratch, monkeypatch):
    path, _, hashes = store

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache_module, "decoded_square", interrupted)
    with pytest.raises(KeyboardInterrupt):
        decode_once(path, ["train/a.png"], hashes[:1], 8, 32, "squash", 1)
    assert not list((scratch / "decoded").glob("*/pixels.bin"))
    monkeypatch.undo()
    monkeypatch.setenv("PODIUM_SCRATCH", str(scratch))
    assert decode_once(path, ["train/a.png"], hashes[:1], 8, 32, "squash", 1)[:].any()


@pytest.fixture(params=["enough memory", "little memory"])
def memory(request, monkeypatch):
    if request.param == "little memory":
        monkeypatch.setattr(pictures_module, "memory_bytes", lambda: 1000)


def test_a_map_that_was_cut_short_is_an_error_with_its_remedy(store, scratch, memory):
    path, pictures, hashes = store
    pixels = decode_once(path, list(pictures), hashes, 16, 32, "squash", 1)
    (pixels_file,) = (scratch / "decoded").glob("*/pixels.bin")
    pixels_file.write_bytes(pixels_file.read_bytes()[:-7])
    with pytest.raises(PodiumError, match="podium cache clear"):
        pixels[:]


def test_rows_are_asked_for_like_those_of_an_array(store, memory):
    path, pictures, hashes = store
    pixels = decode_once(path, list(pictures), hashes, 16, 32, "squash", 1)
    array = pixels[:]
    assert array.shape == pixels.shape == (3, 32, 32, 3) and len(pixels) == 3
    np.testing.assert_array_equal(pixels[1], array[1])
    np.testing.assert_array_equal(pixels[np.array([2, 0])], array[[2, 0]])
    np.testing.assert_array_equal(pixels[1:], array[1:])


def test_a_map_larger_than_memory_is_read_piece_by_piece_to_the_same_pixels(store, monkeypatch):
    path, pictures, hashes = store
    pixels = decode_once(path, list(pictures), hashes, 16, 32, "squash", 1)
    before = pixels[:]
    assert isinstance(pixels[1], np.ndarray) and not isinstance(before, np.memmap) and before.flags.writeable
    monkeypatch.setattr(pictures_module, "memory_bytes", lambda: 1000)
    small_memory = pixels.take(np.arange(3))
    assert small_memory.exceeds_memory
    small_memory.announce(np.array([2, 1]))
    np.testing.assert_array_equal(small_memory[:], before)


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
    np.testing.assert_array_equal(pixels[1][:, :, 0], pictures["train/b.png"].astype(np.uint16) * 257)
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
