"""Which rows must stay together: near-duplicates, and what the competition says belongs together."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def joined_groups(ids: Sequence[str], *relations: pd.Series) -> np.ndarray:
    """Join relations: rows that share a value in any of them get one group, and so on from row to row.

    ids        (n,) text, each once
    relations  (n,) values each, as duplicate numbers or patients; missing values relate to nothing

    Returns (n,) text: the smallest id of the group, whatever the order of the rows.
    """
    names = np.asarray(ids, dtype=object)
    while True:
        before = names
        for relation in relations:
            values = relation.reset_index(drop=True)
            smallest = pd.Series(names).groupby(values.to_numpy()).transform("min")
            names = smallest.where(values.notna().to_numpy(), pd.Series(names)).to_numpy(dtype=object)
        # What a row learned in one relation has to reach the others of its group in the next round.
        if (names == before).all():
            return names
