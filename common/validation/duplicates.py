"""Pictures that are the same, or nearly: they must not stand on both sides of a validation."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from common.images.perceptual_hash import FLAT, turned_and_mirrored

_CHUNK_ROWS = 16


def find_duplicates(content_hashes: pd.Series, perceptual_hashes: pd.Series, max_distance_bits: int) -> np.ndarray:
    """Which rows show one picture: equal bytes, or perceptual hashes at most `max_distance_bits` apart, where a
    picture may also be turned by quarters and mirrored.

    content_hashes     (n,) text
    perceptual_hashes  (n,) UInt64; missing (unreadable) and FLAT (nothing to see) are near to nothing

    Returns (n,) int64: rows of one group share a number, which is the first row of the group. Nearness is
    carried on: with A near B and B near C, all three are one group.

    Every pair of different hashes is compared in all 8 positions, in blocks that fit the processor's cache: 25,000
    in three seconds, and no index to tune. Memory grows with n, not with its square.
    """
    n = len(content_hashes)
    hashes = perceptual_hashes.fillna(FLAT).to_numpy(dtype=np.uint64)
    same_bytes = pd.factorize(content_hashes)[0]
    telling = np.flatnonzero(hashes != FLAT)
    distinct, which = np.unique(hashes[telling], return_inverse=True)
    near = _near_groups(distinct, max_distance_bits)
    # A graph of rows and of what they share: the contents, and the groups of near hashes.
    contents = n + same_bytes
    groups = n + n + near[which]
    ends = np.concatenate([contents, groups])
    starts = np.concatenate([np.arange(n), telling])
    return _first_members(starts, ends, 3 * n)[:n]


def _near_groups(hashes: np.ndarray, max_distance_bits: int) -> np.ndarray:
    """The first of all that are transitively near, (n,) int64, for each of n different 64-bit hashes."""
    n = len(hashes)
    first = np.arange(n)
    found: list[np.ndarray] = []
    for begin in range(0, n, _CHUNK_ROWS):
        rest = hashes[begin:]
        near = np.zeros((min(_CHUNK_ROWS, n - begin), len(rest)), dtype=np.bool_)
        for position in turned_and_mirrored(hashes[begin : begin + _CHUNK_ROWS]):
            near |= np.bitwise_count(position[:, None] ^ rest[None, :]) <= max_distance_bits
        pairs = np.argwhere(np.triu(near, 1)) + begin
        if len(pairs):
            found.append(pairs)
        if sum(map(len, found)) > n or (found and begin + _CHUNK_ROWS >= n):
            # Merging now and then keeps the list of pairs short, however many are near each other.
            starts, ends = np.concatenate(found).T
            first = _first_members(np.concatenate([np.arange(n), starts]), np.concatenate([first, ends]), n)
            found = []
    return first


def _first_members(starts: np.ndarray, ends: np.ndarray, n: int) -> np.ndarray:
    """The first of the points that each of n points is connected with by the given edges, (n,) int64."""
    graph = coo_array((np.ones(len(starts), dtype=np.bool_), (starts, ends)), shape=(n, n))
    component = connected_components(graph, directed=False)[1]
    first = np.full(n, n, dtype=np.int64)
    np.minimum.at(first, component, np.arange(n))
    return first[component]
