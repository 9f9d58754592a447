"""What is drawn depends on the seed and the names alone."""

import random

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from common.randomness import derived_seed, generator, sort_keys, torch_seed

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
