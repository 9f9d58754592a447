"""Augmentation: what a picture becomes depends on the seed, the purpose and its id alone."""

import numpy as np
import pytest

from common.images.augment import AUGMENTATIONS, Augmentation, _affine_map, augment


def pictures(rows=6, side=32, dtype=np.uint8, seed=0):
    high = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, high, size=(rows, side, side, 3), dtype=dtype, endpoint=True)


IDS = [f"cat.{number}" for number in range(6)]


def test_none_changes_nothing():
    given = pictures()
    pixels, light = augment(given, IDS, "none", 1, "train", 0)
    np.testing.assert_array_equal(pixels, given)
    np.testing.assert_array_equal(light, np.tile([1, 0], (6, 1)))


def test_a_picture_is_augmented_the_same_way_in_any_batch():
    given = pictures()
    together, light = augment(given, IDS, "photo", 1, "train", 3)
    order = [4, 0, 2]
    apart, apart_light = augment(given[order], [IDS[row] for row in order], "photo", 1, "train", 3)
    np.testing.assert_array_equal(together[order], apart)
    np.testing.assert_array_equal(light[order], apart_light)


@pytest.mark.parametrize("other", [(2, "train", 3), (1, "train", 4), (1, "view", 3)])
def test_another_seed_epoch_or_purpose_draws_anew(other):
    given = pictures()
    first, _ = augment(given, IDS, "photo", 1, "train", 3)
    second, _ = augment(given, IDS, "photo", *other)
    assert all(not np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_given_pixels_stay_as_they_are():
    given = pictures()
    before = given.copy()
    augment(given, IDS, "photo", 1, "train", 0)
    np.testing.assert_array_equal(given, before)


def test_sixteen_bits_stay_sixteen_bits():
    """A ramp in steps of one count keeps far more than 256 shades through the warp."""
    ramp = np.arange(64 * 64, dtype=np.uint16).reshape(1, 64, 64, 1).repeat(3, axis=3) + 30_000
    warped, _ = augment(ramp, ["ramp"], "photo", 1, "train", 0)
    assert warped.dtype == np.uint16
    assert len(np.unique(warped)) > 1500


def test_a_mirrored_view_is_exactly_the_picture_from_right_to_left():
    given = pictures()
    mirrored, light = augment(given, IDS, "mirror", 1, "view", 1)
    np.testing.assert_array_equal(mirrored, given[:, :, ::-1])
    np.testing.assert_array_equal(light, np.tile([1, 0], (6, 1)))
    np.testing.assert_array_equal(augment(given, IDS, "mirror", 1, "view", 2)[0], given)


def test_zoom_and_shift_never_look_beyond_the_picture():
    photo = AUGMENTATIONS["photo"]
    no_rotation = Augmentation(True, 0, photo.zoom, 0, 0, 0)
    for draw in np.random.default_rng(0).uniform(-1, 1, size=(200, 6)):
        matrix = _affine_map(draw, no_rotation, 32)
        corners = matrix @ np.array([[0, 0, 31, 31], [0, 31, 0, 31], [1, 1, 1, 1]])
        assert corners.min() >= -1e-9 and corners.max() <= 31 + 1e-9


def test_light_stays_within_its_range():
    _, light = augment(pictures(200, 4), [str(number) for number in range(200)], "photo", 1, "train", 0)
    photo = AUGMENTATIONS["photo"]
    assert np.abs(light[:, 0] - 1).max() <= photo.contrast + 1e-6
    assert np.abs(light[:, 1]).max() <= photo.brightness + 1e-6
    assert light.std(axis=0).min() > 0.02


def test_every_other_view_is_mirrored():
    left_to_right = np.tile(np.arange(0, 256, 4, dtype=np.uint8)[None, None, :, None], (40, 64, 1, 3))
    ids = [str(number) for number in range(40)]
    slopes = {}
    for number in (1, 2):
        view, _ = augment(left_to_right, ids, "photo", 1, "view", number)
        slopes[number] = view[:, :, -8:].mean(axis=(1, 2, 3)) - view[:, :, :8].mean(axis=(1, 2, 3))
    assert (slopes[1] < 0).all() and (slopes[2] > 0).all()
