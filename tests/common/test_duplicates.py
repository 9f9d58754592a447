"""Rows that show one picture share a number."""

import numpy as np
import pandas as pd
import pytest

from common.images.perceptual_hash import FLAT, turned_and_mirrored
from common.validation.duplicates import find_duplicates
from common.validation.groups import joined_groups


def found(contents: list[str], hashes: list[int | None], bits: int = 4) -> list[int]:
    return find_duplicates(pd.Series(contents), pd.Series(hashes, dtype="UInt64"), bits).tolist()


def test_equal_bytes_are_one_picture_whatever_the_hash():
    assert found(["a", "b", "a"], [None, None, None]) == [0, 1, 0]


def test_hashes_up_to_the_limit_apart_are_one_picture():
    far = 2**64 - 1
    assert found(["a", "b", "c", "d"], [far, far ^ 0b1111, far ^ 0b11111 << 20, 5]) == [0, 0, 2, 3]
    assert found(["a", "b"], [far, far ^ 1], bits=0) == [0, 1]


def test_nearness_is_carried_on_through_both_relations():
    # 0 is near 1, which is near 2; 3 has the bytes of 2.
    assert found(["a", "b", "c", "c"], [1 << 40, (1 << 40) + 0b1111, (1 << 40) + 0b11111111, None]) == [0] * 4


def test_flat_pictures_are_not_near_each_other():
    assert found(["a", "b", "a"], [FLAT, FLAT, FLAT]) == [0, 1, 0]


@pytest.mark.parametrize("bits", [0, 2, 4, 9])
def test_it_agrees_with_comparing_all_pairs(bits):
    rng = np.random.default_rng(bits)
    n = 1500  # several blocks
    hashes = rng.integers(1, 2**64, 300, dtype=np.uint64)[rng.integers(0, 300, n)]
    for _ in range(4):
        hashes ^= np.uint64(1) << rng.integers(0, 64, n).astype(np.uint64)
    hashes = turned_and_mirrored(hashes)[rng.integers(0, 8, n), np.arange(n)]
    contents = rng.integers(0, 3 * n, n).astype(str)
    near = np.zeros((n, n), dtype=bool)
    for position in turned_and_mirrored(hashes):
        near |= np.bitwise_count(position[:, None] ^ hashes) <= bits
    near |= contents[:, None] == contents
    first = np.arange(n)
    while True:
        spread = np.where(near, first, n).min(axis=1)
        if (spread == first).all():
            break
        first = spread
    assert found(contents.tolist(), hashes.tolist(), bits) == first.tolist()


def test_25_000_different_pictures_stay_apart():
    rng = np.random.default_rng(0)
    n = 25_000
    hashes = pd.Series(rng.integers(1, 2**64, n, dtype=np.uint64)).astype("UInt64")
    numbers = find_duplicates(pd.Series(np.arange(n).astype(str)), hashes, 4)
    assert (numbers == np.arange(n)).all()


def test_groups_are_joined_across_relations_and_named_after_the_smallest_id():
    ids = ["d", "c", "b", "a", "e"]
    patients = pd.Series(["p", "p", None, None, None])
    pictures = pd.Series([0, 1, 1, 3, 4])
    assert joined_groups(ids, pictures, patients).tolist() == ["b", "b", "b", "a", "e"]
    assert joined_groups(ids).tolist() == ids
