"""Stratified K-fold that keeps groups whole.

A row's fold follows from the ids, groups and given labels of the training rows and from the seed; neither
the order of the rows nor a later correction of a label moves one. Classes and numbers are strata, a row in one
of them each; tags, of which a row has several, are dealt by `tag_folds`.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd

from common.errors import PodiumError
from common.randomness import sort_keys
from common.targets import Multilabel, Regression, Target
from common.validation.tag_folds import assign_tag_folds

_QUANTILE_BINS = 10


def stratified_folds(
    target: Target, truth: np.ndarray, ids: Sequence[str], groups: Sequence[str], folds: int, seed: int
) -> np.ndarray:
    """The fold of each row, (n,) int64 in 0..folds-1: what `target` says spread evenly, groups kept whole.

    truth   as the target encodes it: (n,), or (n, classes) for Multilabel
    ids     (n,) text, each once
    groups  (n,) text; rows of one group get one fold

    Raises PodiumError where a fold would stay empty.
    """
    if isinstance(target, Multilabel):
        fold = assign_tag_folds(truth, np.asarray(groups, dtype=object), folds, seed)
    else:
        fold = assign_folds(ids, strata_of(target, truth, folds), groups, folds, seed)
    if len(np.unique(fold)) < folds:
        raise PodiumError(f"{len(ids):,} rows in {len(set(groups)):,} groups do not fill folds: {folds}; ask for fewer")
    return fold


def strata_of(target: Target, truth: np.ndarray, folds: int) -> np.ndarray:
    """What should be spread evenly over the folds, (n,) int64; -1 where the truth is missing.

    truth  (n,), as the target encodes it

    Classes are their own strata. Numbers are cut at their deciles (fewer where a bin would hold less than
    one row a fold).
    """
    known = ~np.isnan(truth)
    strata = np.full(len(truth), -1, dtype=np.int64)
    if isinstance(target, Regression):
        bins = max(1, min(_QUANTILE_BINS, int(known.sum()) // folds))
        inner = np.quantile(truth[known], np.linspace(0, 1, bins + 1)[1:-1]) if known.any() else []
        strata[known] = np.searchsorted(np.unique(inner), truth[known], side="right")
    else:
        strata[known] = truth[known].astype(np.int64)
    return strata


def assign_folds(ids: Sequence[str], strata: np.ndarray, groups: Sequence[str], folds: int, seed: int) -> np.ndarray:
    """The fold of each row, (n,) int64 in 0..folds-1.

    ids     (n,) text, each once
    strata  (n,) int, see `strata_of`
    groups  (n,) text; rows of one group get one fold

    Groups of several rows are dealt first, the largest before the others, each to the fold that lacks its
    strata most. Single rows then fill up, stratum by stratum, what is missing. Without groups the sizes of
    the folds, and the counts of each stratum in them, differ by at most 1. Ties, and which row goes where,
    are decided by a seeded hash of the ids.
    """
    codes, strata = np.unique(strata, return_inverse=True)
    counts = np.zeros((folds, len(codes)))  # rows dealt so far
    wanted = np.bincount(strata, minlength=len(codes)) / folds
    fold = np.full(len(ids), -1, dtype=np.int64)
    group_codes, group_names = pd.factorize(np.asarray(groups, dtype=object))
    group_sizes = np.bincount(group_codes)

    in_groups = np.flatnonzero(group_sizes[group_codes] > 1)
    rows_of: dict[int, list[int]] = defaultdict(list)
    for row in in_groups:
        rows_of[int(group_codes[row])].append(int(row))
    members = list(rows_of)
    keys = sort_keys(seed, "folds of groups", group_names[members])
    for position in np.lexsort((keys, -group_sizes[members])):
        rows = rows_of[members[position]]
        touched, held = np.unique(strata[rows], return_counts=True)
        # The squared, relative excess over all strata and over the size grows least in this fold.
        excess = ((counts[:, touched] - wanted[touched]) / wanted[touched]) @ held
        excess += (counts.sum(axis=1) - wanted.sum()) / wanted.sum() * len(rows)
        chosen = int(excess.argmin())
        counts[chosen, touched] += held
        fold[rows] = chosen

    single = np.flatnonzero(group_sizes[group_codes] == 1)
    single = single[np.argsort(sort_keys(seed, "folds", np.asarray(ids, dtype=object)[single]), kind="stable")]
    sizes = counts.sum(axis=1)
    for stratum in range(len(codes)):
        for row in single[strata[single] == stratum]:
            chosen = min(range(folds), key=lambda k: (counts[k, stratum], sizes[k]))
            counts[chosen, stratum] += 1
            sizes[chosen] += 1
            fold[row] = chosen
    return fold
