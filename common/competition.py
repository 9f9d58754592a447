"""A competition as data: what the raw files mean, what is predicted, how it is scored and handed in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from common.errors import UsageError
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
                      where examples belong together, `group` (text), where pictures are TIFFs of four bands,
                      `bands` (text, their order in the file, as BGRN), and, for what is amiss with the files, rows
                      with a `problem` (text): they are listed among the unreadable ones; without
                      `path` where there is no file
    inputs            further ways to read the raw files, by the name that `preprocess.input` asks for them, as where
                      pictures come in two forms
    sample_submission path of Kaggle's sample in the raw files; the submission repeats its ids and columns
    id_column         the column of the sample that holds the ids
    submission        predictions (index: id; columns of the prediction store) to the sample's other columns
                      (same index)
    caveat            what a reader of any score must know, as a leak; it stands beside the score wherever one is shown
    """

    slug: str
    title: str
    targets: Mapping[str, Target]
    metric: Metric
    read_examples: "Callable[[RawFiles], pd.DataFrame]"
    submission: Callable[[pd.DataFrame], pd.DataFrame]
    sample_submission: str = "sample_submission.csv"
    id_column: str = "id"
    inputs: "Mapping[str, Callable[[RawFiles], pd.DataFrame]]" = field(default_factory=dict)
    caveat: str = ""

    @property
    def scored_target(self) -> str:
        """The name of the target that the metric scores."""
        return next(iter(self.targets))

    def reader(self, name: str) -> "Callable[[RawFiles], pd.DataFrame]":
        """What reads the raw files for `preprocess.input: name`; UsageError where there is no such way."""
        if name == "default":
            return self.read_examples
        if name not in self.inputs:
            raise UsageError(f"preprocess.input: '{name}' is none of {', '.join(['default', *self.inputs])}")
        return self.inputs[name]
