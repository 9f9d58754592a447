"""Extra labelled rows: which of them may be trained on, since they show nothing that train or test shows."""

from typing import Any

import numpy as np
import pandas as pd

from common.validation.duplicates import find_duplicates

NO_FOLD = -1
"""The fold of a row that is never validated: an extra row, which every training learns from."""

_NAMED = 5


def extra_examples(examples: pd.DataFrame, near_duplicate_bits: int) -> tuple[pd.DataFrame, np.ndarray]:
    """The extra rows of `examples`, and which of them, (n,) bool, show a picture of train or test, or nearly.

    Of train too: a training row validates one of the models, and a copy of it in that model's training would flatter
    its score.
    """
    is_extra = (examples["part"] == "extra").to_numpy()
    extra = examples[is_extra].reset_index(drop=True)
    if extra.empty:
        return extra, np.zeros(0, dtype=bool)
    duplicates = find_duplicates(examples["content_hash"], examples["perceptual_hash"], near_duplicate_bits)
    return extra, np.isin(duplicates[is_extra], duplicates[~is_extra])


def extra_report(extra: pd.DataFrame, seen_elsewhere: np.ndarray) -> list[dict[str, Any]]:
    """An entry of split.json for each source: where it comes from, its rows, and those that were left out."""
    report: list[dict[str, Any]] = []
    if extra.empty:
        return report
    names = extra["id"].str.partition("/")[0]
    for name in names.unique():
        rows, left_out = names == name, (names == name) & seen_elsewhere
        report.append(
            {
                "name": name,
                "source": extra.loc[rows, "source"].iloc[0],
                "rows": int(rows.sum()),
                "joining": int((rows & ~left_out).sum()),
                "left_out_as_duplicates": int(left_out.sum()),
                "left_out_first": extra.loc[left_out, "id"].head(_NAMED).tolist(),
            }
        )
    return report
