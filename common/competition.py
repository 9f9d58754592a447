"""A competition as data: what the raw files mean, what is predicted, how it is scored and handed in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from common.metrics import Metric
from common.targets import Target

if TYPE_CHECKING:  # else every stage's code would include the reading of archives
    from common.raw.files import RawFiles


@dataclass(frozen=True)
class Competition:
    """The task, without any choice of how to solve it (that is the recipe's).

    slug              Kaggle's name of the competition, as in its address
    title             its name in words
    targets           name to Target; the first one is what the metric scores
    metric            the leaderboard's metric
    read_examples     raw files to a table with one row an example: `id` (text), `part` (`train` or `test`),
                      `path` (of the picture, in the raw files), a column a target (missing for test rows),
                      and, where examples belong together, `group` (text)
    sample_submission path of Kaggle's sample in the raw files; the submission repeats its ids and columns
    id_column         the column of the sample that holds the ids
    submission        predictions (index: id; columns of the prediction store) to the sample's other columns
                      (same index)
    """

    slug: str
    title: str
    targets: Mapping[str, Target]
    metric: Metric
    read_examples: "Callable[[RawFiles], pd.DataFrame]"
    submission: Callable[[pd.DataFrame], pd.DataFrame]
    sample_submission: str = "sample_submission.csv"
    id_column: str = "id"

    @property
    def scored_target(self) -> str:
        """The name of the target that the metric scores."""
        return next(iter(self.targets))
