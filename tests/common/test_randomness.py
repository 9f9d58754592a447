"""What is drawn depends on the seed and the names alone."""

import random

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from common.randomness import derived_seed, generator, philox, sort_keys, torch_seed, uniform_draws

NAMES = st.lists(st.one_of(st.integers(), st.text(st.characters(codec="ascii", categories=["L", "N"]))), max_size=4)


@given(seed=st.integers(0, 2**63), names=NAMES)
def test_a_derived_seed_fits_every_generator_and_repeats(seed, names):
    derived = derived_seed(seed, *names)
    assert 0 <= derived < 2**63
    assert derived == derived_seed(seed, *names)


def test_a_derived_seed_is_the_same_on_every_machine():
    assert derived_seed(20261121, "augment", 3, "dog.17") == 750322275651516831


def test_another_seed_another_name_or_another_order_is_another_seed():
    tried = [
        (1, "a", "b"),
        (2, "a", "b"),
        (1, "b", "a"),
        (1, "ab"),
        (1, "a"),
        (1,),
        (1, "a", "b", ""),
        (11, "a"),
    ]
    assert len({derived_seed(*arguments) for arguments in tried}) == len(tried)


def test_neighbouring_names_draw_unrelated_numbers():
    drawn = np.array([generator(1, "augment", epoch).random(50) for epoch in range(60)])
    correlations = np.corrcoef(drawn)[np.triu_indices(60, k=1)]
    assert abs(correlations).max() < 0.65  # 1,770 pairs of 50 numbers: 4.5 standard deviations
    assert abs(drawn.mean() - 0.5) < 0.03


def test_a_generator_does_not_care_who_drew_before():
    alone = generator(7, "split").random(3)
    generator(7, "other").random(100)
    np.random.seed(0)
    assert np.array_equal(generator(7, "split").random(3), alone)


@given(ids=st.lists(st.text(max_size=5), unique=True, min_size=1, max_size=30), data=st.data())
def test_removing_rows_moves_no_other_row(ids, data):
    kept = data.draw(st.lists(st.sampled_from(ids), unique=True))
    everyone = dict(zip(ids, sort_keys(3, "folds", ids), strict=True))
    assert dict(zip(kept, sort_keys(3, "folds", kept), strict=True)) == {id_: everyone[id_] for id_ in kept}


def test_sorting_by_the_keys_is_a_shuffle_of_its_own_for_each_purpose():
    ids = [str(number) for number in range(200)]
    orders = [np.argsort(sort_keys(3, purpose, ids)) for purpose in ("folds", "batches")]
    assert all(abs(np.corrcoef(order, np.arange(200))[0, 1]) < 0.3 for order in orders)
    assert abs(np.corrcoef(*orders)[0, 1]) < 0.3


def test_torch_draws_from_the_named_seed_inside_and_goes_on_as_before_outside():
    before = torch.random.get_rng_state()
    with torch_seed(5, "weights", "small", 0):
        first = torch.rand(4)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(10)
    with torch_seed(5, "weights", "small", 0):
        assert torch.equal(torch.rand(4), first)
    with torch_seed(5, "weights", "small", 1):
        assert not torch.equal(torch.rand(4), first)


def test_python_and_numpy_are_never_reseeded():
    states = random.getstate(), np.random.get_state()[1].tolist()
    with torch_seed(5, "weights"):
        generator(5, "weights").random()
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states


def test_philox_gives_the_published_numbers():
    """The known answers of Random123 for philox4x32-10."""
    known = [
        ((0, 0, 0, 0), 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((2**32 - 1,) * 4, 2**64 - 1, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            0x299F31D0A4093822,
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ]
    for counter, key, expected in known:
        words = philox([np.array([word], dtype=np.uint64) for word in counter], key)
        assert tuple(int(word[0]) for word in words) == expected


def test_draws_of_an_id_depend_on_nothing_beside_it():
    ids = [f"dog.{number}" for number in range(100)]
    together = uniform_draws(1, ("augment", "train", 3), ids, 8)
    assert together.shape == (100, 8)
    np.testing.assert_array_equal(uniform_draws(1, ("augment", "train", 3), ids[40:41], 8), together[40:41])
    np.testing.assert_array_equal(uniform_draws(1, ("augment", "train", 3), ids, 5), together[:, :5])
    for other in (uniform_draws(2, ("augment", "train", 3), ids, 8), uniform_draws(1, ("augment", "train", 4), ids, 8)):
        assert not (other == together).any()


def test_draws_are_uniform_and_columns_go_their_own_ways():
    drawn = uniform_draws(7, ("any",), [str(number) for number in range(40_000)], 6)
    assert drawn.min() > 0 and drawn.max() < 1
    counts = np.stack([np.histogram(column, bins=20, range=(0, 1))[0] for column in drawn.T])
    assert (((counts - 2000) ** 2 / 2000).sum(axis=1) < 45).all()  # chi-squared of 19 degrees: 1 in 1,400
    assert abs(np.corrcoef(drawn.T) - np.eye(6)).max() < 0.02
