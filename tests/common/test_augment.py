"""Augmentation: what a picture becomes depends on the seed, the purpose and its id alone."""

import numpy as np
import pytest

from common.images.augment import AUGMENTATIONS, Draws, affine_maps, augment, draw, warp

KINDS = [kind for kind in AUGMENTATIONS if kind != "none"]


def pictures(rows=6, side=32, dtype=np.uint8, seed=0, channels=3):
    high = np.iinfo(dtype).max
    shape = (rows, side, side, channels)
    return np.random.default_rng(seed).integers(0, high, size=shape, dtype=dtype, endpoint=True)


IDS = [f"cat.{number}" for number in range(6)]


def no_change(rows, **changed):
    """Draws that leave pictures as they are, but for what is given."""
    ones, zeros = np.ones(rows), np.zeros(rows)
    plain = {
        "symmetry": zeros.astype(int), "rotation_degrees": zeros, "zoom": ones, "stretch": ones,
        "shift_right": zeros, "shift_down": zeros, "gain": ones, "offset": zeros,
    }  # fmt: skip
    return Draws(**plain | changed)


def test_none_changes_nothing():
    given = pictures()
    pixels, light = augment(given, IDS, "none", 1, "train", 0)
    np.testing.assert_array_equal(pixels, given)
    np.testing.assert_array_equal(light, np.tile([1, 0], (6, 1)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_is_augmented_the_same_way_in_any_batch(kind):
    given = pictures()
    together, light = augment(given, IDS, kind, 1, "train", 3)
    order = [4, 0, 2]
    apart, apart_light = augment(given[order], [IDS[row] for row in order], kind, 1, "train", 3)
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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("dtype", "channels"), [(np.uint8, 1), (np.uint16, 1), (np.uint16, 3), (np.uint16, 4)])
def test_shape_and_depth_stay(kind, dtype, channels):
    given = pictures(dtype=dtype, channels=channels)
    warped, _ = augment(given, IDS, kind, 1, "train", 0)
    assert warped.shape == given.shape and warped.dtype == dtype
    grey, _ = augment(given[..., :1], IDS, kind, 1, "train", 0)
    assert abs(grey.astype(int) - warped[..., :1]).max() <= 1, "each channel is warped like the others"


def test_a_sixteen_bit_ramp_keeps_its_bits_through_the_warp():
    """One count a pixel to the right: what a place holds says, to a count or so, which point it was taken from."""
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint16)[None, None, :, None] * 257 + 20_000, (50, 64, 64, 1))
    ids = [str(number) for number in range(50)]
    draws = draw(ids, "radiograph", 1, "train", 0)
    warped = warp(ramp, draws)
    across, down = np.meshgrid(np.arange(64), np.arange(64))
    for row in range(50):
        x = (affine_maps(draws, 64)[row] @ np.stack([across.ravel(), down.ravel(), np.ones(64 * 64)]))[0]
        inside = (x >= 0) & (x <= 63)
        error = warped[row].ravel()[inside] - (x[inside] * 257 + 20_000)
        assert np.abs(error).max() <= 257 / 32 + 1  # OpenCV rounds places to 1/32 of a pixel
    assert len(np.unique(warped)) > 1500


@pytest.mark.parametrize("kind", KINDS)
def test_symmetries_move_pixels_and_change_none(kind):
    given = pictures(dtype=np.uint16)
    turned = warp(given, no_change(6, symmetry=np.full(6, AUGMENTATIONS[kind].symmetries - 1)))
    np.testing.assert_array_equal(np.sort(turned.reshape(6, -1)), np.sort(given.reshape(6, -1)))


def test_the_eight_symmetries_are_those_of_a_square():
    given = pictures(1)
    seen = {warp(given, no_change(1, symmetry=np.array([number]))).tobytes() for number in range(8)}
    turns = [np.rot90(one, turn) for turn in range(4) for one in (given[0], given[0][:, ::-1])]
    assert seen == {np.ascontiguousarray(one).tobytes() for one in turns}


@pytest.mark.parametrize("symmetry", range(8))
def test_a_warp_and_a_plain_copy_mean_the_same_by_a_symmetry(symmetry):
    given = pictures(1)
    one = np.array([symmetry])
    copied = warp(given, no_change(1, symmetry=one))
    hardly = warp(given, no_change(1, symmetry=one, rotation_degrees=np.array([1e-9])))
    np.testing.assert_array_equal(hardly, copied)


@pytest.mark.parametrize("symmetry", range(8))
def test_a_window_is_cut_out_where_the_warp_would_look(symmetry):
    """A smooth picture, since the window is rounded to whole pixels."""
    smooth = (np.add.outer(np.arange(64) * 2, np.arange(64)) + 20)[None, :, :, None].astype(np.uint8)
    changed = {"symmetry": np.array([symmetry]), "zoom": np.array([1.4]), "stretch": np.array([1.05]),
               "shift_right": np.array([0.8]), "shift_down": np.array([-0.5])}  # fmt: skip
    window = warp(smooth, no_change(1, **changed)).astype(int)
    turned = warp(smooth, no_change(1, **changed, rotation_degrees=np.array([1e-9])))
    assert abs(window - turned).max() <= 3


@pytest.mark.parametrize("kind", ["top_down", "close_up"])
def test_where_there_is_no_up_all_symmetries_are_drawn_alike_often(kind):
    drawn = draw([str(number) for number in range(4000)], kind, 1, "train", 0).symmetry
    assert np.bincount(drawn, minlength=8).min() > 420


@pytest.mark.parametrize("kind", ["top_down", "close_up"])
def test_the_views_of_what_has_no_up_are_turned_in_eight_ways(kind):
    assert sorted(int(draw(IDS, kind, 1, "view", number).symmetry[0]) for number in range(8)) == list(range(8))


@pytest.mark.parametrize("kind", KINDS)
def test_view_0_is_the_plain_picture(kind):
    given = pictures()
    plain, light = augment(given, IDS, kind, 1, "view", 0)
    np.testing.assert_array_equal(plain, given)
    np.testing.assert_array_equal(light, np.tile([1, 0], (6, 1)))


def test_what_was_drawn_has_names():
    draws = no_change(2, symmetry=np.array([0, 5]), zoom=np.array([1, 1.25]), gain=np.array([1, 0.9]))
    assert draws.named(0) == {}
    assert draws.named(1) == {
        "turned": "transposed mirrored", "zoom": "1.25", "shift": "+0.00 +0.00", "contrast": "0.90",
    }  # fmt: skip


def test_a_mirrored_view_is_exactly_the_picture_from_right_to_left():
    given = pictures()
    mirrored, light = augment(given, IDS, "mirror", 1, "view", 1)
    np.testing.assert_array_equal(mirrored, given[:, :, ::-1])
    np.testing.assert_array_equal(light, np.tile([1, 0], (6, 1)))
    np.testing.assert_array_equal(augment(given, IDS, "mirror", 1, "view", 2)[0], given)


def test_zoom_and_shift_never_look_beyond_the_picture():
    rng = np.random.default_rng(0)
    shifts = {"shift_right": rng.uniform(-1, 1, 200), "shift_down": rng.uniform(-1, 1, 200)}
    draws = no_change(200, zoom=rng.uniform(1, 1.5, 200), symmetry=rng.integers(0, 8, 200), **shifts)
    for row in range(200):
        corners = affine_maps(draws, 32)[row] @ np.array([[0, 0, 31, 31], [0, 31, 0, 31], [1, 1, 1, 1]])
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
