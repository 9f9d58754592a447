"""Tags are spread evenly over the folds, groups stay whole, and nothing but the rows themselves decides."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from common.targets import Multilabel
from common.validation.folds import stratified_folds
from common.validation.tag_folds import assign_tag_folds

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@st.composite
def problems(draw):
    """(folds, tags, groups): few rows, tags of any frequency, some missing, groups of any size."""
    folds, rows, tags = draw(st.integers(2, 4)), draw(st.integers(1, 40)), draw(st.integers(1, 4))
    frequency = np.array(draw(st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), min_size=tags, max_size=tags)))
    rng = np.random.default_rng(draw(st.integers(0, 1_000)))
    truth = (rng.random((rows, tags)) < frequency).astype(float)
    truth[rng.random(rows) < draw(st.sampled_from([0.0, 0.3]))] = np.nan
    groups = rng.integers(0, draw(st.integers(1, 2 * rows)), rows)
    assume(len(set(groups)) >= folds)
    return folds, truth, np.array([f"group {group}" for group in groups], dtype=object)


def unevenness(fold, truth, folds):
    """Chi-squared of rows, tags, rows without tags and rows without truth, by fold; plainly."""
    missing = np.isnan(truth).any(axis=1)
    counted = np.column_stack([np.ones(len(truth)), np.nan_to_num(truth), ~missing & ~truth.any(axis=1), missing])
    table = np.array([counted[fold == number].sum(axis=0) for number in range(folds)])
    table = table[:, table.any(axis=0)]
    even = table.mean(axis=0)
    return ((table - even) ** 2 / even).sum()


@given(problems(), st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_groups_stay_whole_and_no_fold_is_empty(problem, seed):
    folds, truth, groups = problem
    fold = assign_tag_folds(truth, groups, folds, seed)
    assert set(fold) == set(range(folds))
    assert pd.Series(fold).groupby(groups).nunique().max() == 1


@given(problems(), st.integers(0, 3), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_does_not_matter(problem, seed, random):
    folds, truth, groups = problem
    fold = assign_tag_folds(truth, groups, folds, seed)
    order = random.sample(range(len(groups)), len(groups))
    assert assign_tag_folds(truth[order], groups[order], folds, seed).tolist() == fold[order].tolist()


@given(problems(), st.integers(0, 3))
@settings(max_examples=20, deadline=None)
def test_no_move_of_a_group_and_no_swap_of_two_makes_the_folds_more_even(problem, seed):
    folds, truth, groups = problem
    fold = assign_tag_folds(truth, groups, folds, seed)
    reached = unevenness(fold, truth, folds)
    names = sorted(set(groups))
    for one, number in product(names, range(folds)):
        assert unevenness(np.where(groups == one, number, fold), truth, folds) > reached - 0.01
    for one, other in product(names, names):
        swapped = fold.copy()
        swapped[groups == one], swapped[groups == other] = fold[groups == other][0], fold[groups == one][0]
        assert unevenness(swapped, truth, folds) > reached - 0.01


def drawn_tags(rows: int, groups: int) -> tuple[np.ndarray, np.ndarray]:
    """Tags of which one is on nearly every row and one on few; groups of 1 to about 100 rows, alike within."""
    rng = np.random.default_rng(0)
    share = np.geomspace(0.9, 0.0025, 17)
    popularity = np.minimum(rng.pareto(1.5, groups) + 0.1, 30)
    group = np.r_[np.arange(groups), rng.choice(groups, rows - groups, p=popularity / popularity.sum())]
    inclination = rng.beta(4 * share, 4 * (1 - share), (groups, 17))
    return (rng.random((rows, 17)) < inclination[group]).astype(float), group.astype(str).astype(object)


def assert_even(fold: np.ndarray, truth: np.ndarray, folds: int, rows_off: float) -> None:
    """Sizes within 2%; each tag within 10% of an even share, or within `rows_off` rows."""
    sizes = np.bincount(fold, minlength=folds)
    assert np.abs(sizes / sizes.mean() - 1).max() < 0.02
    counts = np.array([truth[fold == number].sum(axis=0) for number in range(folds)])
    even = counts.mean(axis=0)
    assert (np.abs(counts - even) <= np.maximum(0.1 * even, rows_off)).all()


def test_40_000_rows_in_10_000_groups_are_dealt_evenly():
    truth, groups = drawn_tags(40_000, 10_000)
    fold = assign_tag_folds(truth, groups, 5, 1)
    assert pd.Series(fold).groupby(groups).nunique().max() == 1
    assert_even(fold, truth, 5, rows_off=1)


def test_without_groups_the_counts_of_every_tag_differ_by_one_at_most():
    truth, _ = drawn_tags(20_000, 20_000)
    ids = np.array([f"id {row}" for row in range(20_000)], dtype=object)
    fold = assign_tag_folds(truth, ids, 5, 1)
    assert np.ptp(np.bincount(fold)) <= 1
    assert np.ptp([truth[fold == number].sum(axis=0) for number in range(5)], axis=0).max() <= 1


def test_another_seed_gives_another_split_as_even():
    truth, groups = drawn_tags(2_000, 800)
    first, second = (assign_tag_folds(truth, groups, 5, seed) for seed in (1, 2))
    assert (first != second).mean() > 0.5
    for fold in (first, second):
        assert_even(fold, truth, 5, rows_off=2)


def test_tags_that_no_row_has_and_rows_without_tags_or_truth():
    truth = np.zeros((40, 3))
    truth[:10, 1] = 1
    truth[30:] = np.nan
    ids = np.array([f"id {row}" for row in range(40)], dtype=object)
    fold = assign_tag_folds(truth, ids, 5, 1)
    for rows in (slice(0, 10), slice(10, 30), slice(30, 40)):
        assert np.ptp(np.bincount(fold[rows], minlength=5)) == 0


def test_a_multilabel_target_is_dealt_by_its_tags():
    target = Multilabel(("often", "seldom", "rare"))
    values = ["often"] * 6 + ["often seldom"] * 2 + ["often rare seldom", "rare", "", ""]
    ids = [f"id {row}" for row in range(12)]
    truth = target.encode(pd.Series(values))
    fold = stratified_folds(target, truth, ids, ids, 2, 1)
    counts = [truth[fold == number].sum(axis=0).tolist() for number in range(2)]
    assert sorted(count[0] for count in counts) == [4, 5]
    assert sorted(count[1] for count in counts) == [1, 2]
    assert [count[2] for count in counts] == [1, 1]


@pytest.mark.skipif(not (DATA / "planet").is_dir(), reason="needs the real tags of planet")
def test_each_of_planets_98_rarest_is_spread_evenly():
    table = pd.read_csv(DATA / "planet" / "train_v2.csv", dtype=str).set_index("image_name")
    truth = Multilabel(tuple(sorted({tag for text in table["tags"] for tag in text.split()}))).encode(table["tags"])
    fold = assign_tag_folds(truth, table.index.to_numpy(dtype=object), 5, 1)
    assert np.ptp([truth[fold == number].sum(axis=0) for number in range(5)], axis=0).max() <= 1


@pytest.mark.skipif(not (DATA / "unifesp_xray").is_dir(), reason="needs the real studies of unifesp_xray")
def test_radiographs_are_dealt_by_study():
    table = pd.read_csv(DATA / "unifesp_xray" / "train_with_dicom_headers.csv", dtype=str)
    target = Multilabel(tuple(str(number) for number in range(22)))
    truth, studies = target.encode(table["Target"]), table["StudyInstanceUID"].to_numpy(dtype=object)
    fold = assign_tag_folds(truth, studies, 5, 1)
    assert pd.Series(fold).groupby(studies).nunique().max() == 1
    assert_even(fold, truth, 5, rows_off=1)
