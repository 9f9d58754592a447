"""The split is even, keeps groups whole, and depends on nothing that it should not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from common.errors import PodiumError
from common.targets import Binary, Regression
from common.validation.folds import assign_folds, strata_of, stratified_folds


@st.composite
def problems(draw):
    folds = draw(st.integers(2, 6))
    n = draw(st.integers(folds * 4, 120))
    strata = draw(st.lists(st.integers(-1, 4), min_size=n, max_size=n))
    group_of = draw(st.lists(st.integers(0, 2 * n), min_size=n, max_size=n))
    return (
        folds,
        [f"id {row}" for row in range(n)],
        np.array(strata),
        [f"group {group}" for group in group_of],
    )


@given(problems(), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_without_groups_sizes_and_strata_are_even(problem, seed):
    folds, ids, strata, _ = problem
    fold = assign_folds(ids, strata, ids, folds, seed)
    assert np.ptp(np.bincount(fold, minlength=folds)) <= 1
    for stratum in np.unique(strata):
        assert np.ptp(np.bincount(fold[strata == stratum], minlength=folds)) <= 1


@given(problems(), st.integers(0, 5), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_groups_stay_whole_and_the_order_of_rows_does_not_matter(problem, seed, random):
    folds, ids, strata, groups = problem
    assume(len(set(groups)) >= folds)
    fold = assign_folds(ids, strata, groups, folds, seed)
    assert set(fold) == set(range(folds))
    assert pd.Series(fold).groupby(groups).nunique().max() == 1
    order = random.sample(range(len(ids)), len(ids))
    shuffled = assign_folds([ids[i] for i in order], strata[order], [groups[i] for i in order], folds, seed)
    assert shuffled.tolist() == fold[order].tolist()


def test_pairs_are_spread_nearly_as_evenly_as_single_rows():
    rng = np.random.default_rng(0)
    n, folds = 4_000, 5
    strata = rng.choice(3, n, p=[0.7, 0.28, 0.02])
    ids = [str(row) for row in range(n)]
    fold = assign_folds(ids, strata, [str(row // 2) for row in range(n)], folds, 1)
    assert np.ptp(np.bincount(fold)) <= 4
    for stratum in range(3):
        assert np.ptp(np.bincount(fold[strata == stratum], minlength=folds)) <= 4


def test_another_seed_gives_another_split():
    ids = [str(row) for row in range(100)]
    first, second = (assign_folds(ids, np.zeros(100), ids, 5, seed) for seed in (1, 2))
    assert (first != second).mean() > 0.5


def test_a_group_that_leaves_a_fold_empty_is_an_error():
    with pytest.raises(PodiumError, match="do not fill folds: 3"):
        stratified_folds(Regression(), np.zeros(3), ["a", "b", "c"], ["g", "g", "h"], 3, 1)


def test_classes_are_strata_and_a_missing_label_is_one_more():
    truth = Binary("cat", "dog").encode(pd.Series(["dog", None, "cat"]))
    assert strata_of(Binary("cat", "dog"), truth, 5).tolist() == [1, -1, 0]


def test_numbers_are_stratified_by_quantiles():
    values = np.r_[np.arange(100.0) ** 3, np.nan]
    strata = strata_of(Regression(), values, 5)
    assert np.bincount(strata[:100]).tolist() == [10] * 10
    assert strata[100] == -1
    assert len(set(strata_of(Regression(), np.zeros(50), 5))) == 1
    assert len(set(strata_of(Regression(), np.arange(12.0), 5))) == 2


def test_25_000_rows_are_dealt_evenly():
    rng = np.random.default_rng(0)
    n = 25_000
    ids = [str(row) for row in range(n)]
    groups = [str(row // 2) if row < 5_000 else f"alone {row}" for row in range(n)]
    fold = assign_folds(ids, rng.integers(0, 120, n), groups, 5, 1)
    assert np.ptp(np.bincount(fold)) <= 4
