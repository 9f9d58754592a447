"""Folds in which every tag of a multilabel target is spread evenly, with groups kept whole.

A row has several tags, and a group several rows, so no single stratum says what a group brings: it is a vector
of counts. A greedy deal of these vectors, the hardest first, in the manner of iterative stratification
(Sechidis, Tsoumakas and Vlahavas, On the stratification of multi-label data, 2011), is followed by a local
search that moves and swaps groups as long as the folds become more even; then, unless they are as even as
whole rows can be, by some tries from a deal that was disturbed (iterated local search).

Groups with equal counts are interchangeable, so all of this works on kinds of groups: 40,000 rows with 17 tags
are some 400 kinds. All arithmetic is on whole numbers, in float64 and far below 2 ** 53, so that neither the
processor nor the order of a sum changes a fold.
"""

from itertools import combinations

import numpy as np

from common.randomness import generator, sort_keys

_COMMONEST_WEIGHT = 1_000  # weights are rounded to whole numbers
_CHANGES_A_SCAN = 64  # made after one scan of what would help, each checked again before it is made
_SWAP_CANDIDATES = 512  # kinds a fold whose swaps one scan compares: 512 x 512
_ROUNDS = 50
_ROUNDS_IN_VAIN = 3  # a round draws its candidates anew
_TRIES = 200
_TRIED_KINDS = 100_000  # tries times kinds, at most: many kinds take long, and go together well at once
_DISTURBED = 8  # groups that a try begins by moving anywhere


def assign_tag_folds(tags: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """The fold of each row, (n,) int64 in 0..folds-1.

    tags    (n, tags) of 0.0, 1.0, and NaN where missing
    groups  (n,) text; rows of one group get one fold. Without groups: each row's id

    Counted are rows, tags, rows without a tag and rows without the truth. What is made small is Pearson's
    chi-squared of these counts by fold: d rows too many or too few, where s would be even, cost d * d / s.
    No fold stays empty if there are as many groups as folds.
    """
    names, group_of = np.unique(groups.astype(str), return_inverse=True)
    totals = _totals(tags, group_of, len(names))
    kinds, kind_of, held = np.unique(totals, axis=0, return_inverse=True, return_counts=True)
    deal = _Deal(kinds, held, folds)
    rng = generator(seed, "deal of groups")
    deal.greedily(rng)
    deal.improve(rng)
    for _ in range(min(_TRIES, _TRIED_KINDS // len(kinds))):
        if deal.unevenness() == deal.least:
            break
        deal.try_again(rng)

    # Which group of a kind goes where is a seeded shuffle of their names.
    order = np.lexsort((sort_keys(seed, "folds of tags", names), kind_of))
    fold_of = np.empty(len(names), dtype=np.int64)
    fold_of[order] = np.repeat(np.tile(np.arange(folds), len(kinds)), deal.dealt.ravel())
    return fold_of[group_of]


def _totals(tags: np.ndarray, group_of: np.ndarray, groups: int) -> np.ndarray:
    """What is counted, by group: (groups, counts) float64, whole numbers."""
    known = ~np.isnan(tags).any(axis=1)
    present = np.nan_to_num(tags)
    counted = np.column_stack([np.ones(len(tags)), present, known & ~present.any(axis=1), ~known])
    counted = counted[:, counted.any(axis=0)]
    return np.column_stack([np.bincount(group_of, column, minlength=groups) for column in counted.T])


class _Deal:
    """Groups of some kinds, dealt to folds.

    kinds  (kinds, counts) what a group of the kind brings
    held   (kinds,) how many groups of the kind there are

    dealt  (kinds, folds) how many of them each fold has
    off    (folds, counts) how much a fold has more than an even share, times the number of folds
    """

    def __init__(self, kinds: np.ndarray, held: np.ndarray, folds: int) -> None:
        self.kinds, self.held, self.folds = kinds, held, folds
        totals = held @ kinds
        self.weights = np.round(_COMMONEST_WEIGHT * totals.max() / totals)
        self.weighted = kinds * self.weights
        rest = totals % folds  # so many folds have to have one more than the others
        self.least = folds * (rest * (folds - rest)) @ self.weights
        self.spread = folds * (self.weighted * kinds).sum(axis=1)  # what dealing one costs, whatever the fold
        self.dealt = np.zeros((len(kinds), folds), dtype=np.int64)
        self.off = np.tile(-totals, (folds, 1))

    def change(self, kind: int, fold: int, groups: int) -> None:
        self.dealt[kind, fold] += groups
        self.off[fold] += self.folds * groups * self.kinds[kind]

    def unevenness(self) -> float:
        """Chi-squared, times a constant."""
        return float((self.off**2).sum(axis=0) @ self.weights)

    def greedily(self, rng: np.random.Generator) -> None:
        """Deal all groups: of each kind alike while they last, then what remains, the hardest kinds first.

        Hard is what brings much of something rare. Kinds within a factor of two are as hard as each other, and
        their order is drawn, so that another seed gives other folds.
        """
        for fold in range(self.folds):
            self.dealt[:, fold] = self.held // self.folds
        self.off += self.folds * ((self.held // self.folds) @ self.kinds)
        hardness = np.frexp(self.spread)[1]
        for kind in np.lexsort((rng.permutation(len(self.kinds)), -hardness)):
            for _ in range(self.held[kind] % self.folds):
                self.change(kind, int((self.off @ self.weighted[kind]).argmin()), 1)

    def improve(self, rng: np.random.Generator) -> None:
        """Move and swap groups until several rounds find nothing better."""
        in_vain = 0
        for _ in range(_ROUNDS):
            changes = self.moves()
            for pair in combinations(range(self.folds), 2):
                changes += self.swaps(*pair, rng)
            in_vain = 0 if changes else in_vain + 1
            if in_vain == _ROUNDS_IN_VAIN:
                break

    def try_again(self, rng: np.random.Generator) -> None:
        """Disturb the deal and improve it anew; go back to what it was unless it has become more even."""
        dealt, off, before = self.dealt.copy(), self.off.copy(), self.unevenness()
        for kind in rng.integers(len(self.kinds), size=_DISTURBED):
            source = int(rng.choice(np.flatnonzero(self.dealt[kind])))
            self.change(kind, source, -1)
            self.change(kind, int(rng.integers(self.folds)), 1)
        self.improve(rng)
        if self.unevenness() >= before:
            self.dealt, self.off = dealt, off

    def moves(self) -> int:
        """Move groups to other folds, the best moves first; how many were made."""
        made = 0
        while True:
            lack = self.weighted @ self.off.T
            source = np.where(self.dealt > 0, lack, -np.inf).argmax(axis=1)
            target = lack.argmin(axis=1)
            every = np.arange(len(self.kinds))
            gain = lack[every, source] - lack[every, target] - self.spread
            before = made
            for kind in _best(gain):
                a, b = source[kind], target[kind]
                if self.dealt[kind, a] and self.weighted[kind] @ (self.off[a] - self.off[b]) > self.spread[kind]:
                    self.change(kind, a, -1)
                    self.change(kind, b, 1)
                    made += 1
            if made == before:
                return made

    def swaps(self, a: int, b: int, rng: np.random.Generator) -> int:
        """Swap groups of two folds, the best swaps first; how many were made."""
        mine, theirs = (_some(np.flatnonzero(self.dealt[:, fold]), rng) for fold in (a, b))
        excess = self.weighted @ (self.off[a] - self.off[b])
        gain = 2 * self.folds * (self.weighted[mine] @ self.kinds[theirs].T)
        gain += (excess - self.spread)[mine][:, None]
        gain -= (excess + self.spread)[theirs]
        partner = theirs[gain.argmax(axis=1)]
        made = 0
        for row in _best(gain.max(axis=1)):
            given, taken = mine[row], partner[row]
            difference = self.weighted[given] - self.weighted[taken]
            brought = self.kinds[given] - self.kinds[taken]
            better = difference @ (self.off[a] - self.off[b] - self.folds * brought) > 0
            if better and self.dealt[given, a] and self.dealt[taken, b]:
                for kind, fold, groups in ((given, a, -1), (given, b, 1), (taken, b, -1), (taken, a, 1)):
                    self.change(kind, fold, groups)
                made += 1
        return made


def _best(gain: np.ndarray) -> np.ndarray:
    """Positions of the largest positive gains, the largest first."""
    order = np.argsort(-gain, kind="stable")[:_CHANGES_A_SCAN]
    return order[gain[order] > 0]


def _some(kinds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return kinds if len(kinds) <= _SWAP_CANDIDATES else np.sort(rng.choice(kinds, _SWAP_CANDIDATES, replace=False))
