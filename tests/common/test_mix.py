"""Mixup, cutmix and random erasing: what each does to pixels, and what it depends on."""

import numpy as np
import pytest
from scipy import stats

from common.images.mix import Mixes, Mixing, draw_mixes, erase, mix

IDS = [f"dog.{number}" for number in range(3000)]


def flat(*shades, dtype=np.uint8, side=20, channels=3):
    return np.array(shades, dtype=dtype)[:, None, None, None].repeat(side, 1).repeat(side, 2).repeat(channels, 3)


@pytest.mark.parametrize("mixing", [Mixing(mixup=0.4), Mixing(cutmix=1.0), Mixing(mixup=0.2, cutmix=1.0)])
def test_a_row_has_its_partner_and_share_in_any_batch(mixing):
    together = draw_mixes(IDS[:50], 700, 32, mixing, 1, "train", 3)
    apart = draw_mixes([IDS[40], IDS[7]], 700, 32, mixing, 1, "train", 3)
    for name in ("partners", "share", "boxes"):
        np.testing.assert_array_equal(getattr(together, name)[[40, 7]], getattr(apart, name))
    other = draw_mixes(IDS[:50], 700, 32, mixing, 1, "train", 4)
    assert (other.partners != together.partners).mean() > 0.9


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_the_share_of_mixup_is_distributed_as_beta(alpha):
    share = draw_mixes(IDS, 10, 32, Mixing(mixup=alpha), 1, "train", 0).share
    assert stats.kstest(share, stats.beta(alpha, alpha).cdf).pvalue > 0.01


def test_any_row_may_be_the_partner():
    partners = draw_mixes(IDS, 10, 32, Mixing(mixup=1.0), 1, "train", 0).partners
    assert np.bincount(partners, minlength=10).min() > 230 and partners.max() == 9


def test_with_both_half_of_the_pictures_are_mixed_either_way():
    boxes = draw_mixes(IDS, 10, 224, Mixing(mixup=1.0, cutmix=1.0), 1, "train", 0).boxes
    assert 0.45 < boxes.any(axis=1).mean() < 0.55


@pytest.mark.parametrize(("dtype", "light"), [(np.uint8, 200), (np.uint16, 60_000)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_mixup_takes_its_share_at_every_pixel(dtype, light, channels):
    pictures, partners = (flat(*shades, dtype=dtype, channels=channels) for shades in ((100, 0), (light, light)))
    mix(pictures, partners, Mixes(np.array([0, 0]), np.array([0.25, 1.0], np.float32), np.zeros((2, 4), int)))
    assert (pictures[0] == round(0.25 * 100 + 0.75 * light)).all()
    assert (pictures[1] == 0).all()


def test_the_share_of_cutmix_is_what_the_partner_leaves():
    mixes = draw_mixes(IDS[:200], 200, 20, Mixing(cutmix=1.0), 1, "train", 0)
    pictures = flat(*[0] * 200)
    mix(pictures, flat(*[255] * 200), mixes)
    np.testing.assert_allclose((pictures == 0).mean(axis=(1, 2, 3)), mixes.share, atol=1e-6)
    assert set(np.unique(pictures)) == {0, 255}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_erasing_makes_a_rectangle_of_some_pictures_noise(dtype):
    pictures = np.zeros((400, 48, 48, 1), dtype)
    erase(pictures, IDS[:400], 0.25, 1, "train", 0)
    erased = pictures.any(axis=(1, 2, 3))
    assert 0.18 < erased.mean() < 0.32
    for picture in pictures[erased][..., 0]:
        rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
        inside = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert inside.size < 0.4 * picture.size
        assert (inside > 0).mean() > 0.8
    assert pictures.max() > 0.99 * np.iinfo(dtype).max


def test_erasing_depends_on_the_id_alone():
    together, apart = np.zeros((40, 16, 16, 3), np.uint8), np.zeros((1, 16, 16, 3), np.uint8)
    erase(together, IDS[:40], 1.0, 1, "train", 0)
    erase(apart, IDS[7:8], 1.0, 1, "train", 0)
    np.testing.assert_array_equal(together[7], apart[0])
