"""The tables that several stages read."""

import pandas as pd

from common.errors import PodiumError
from common.tables import read_table
from common.validation.extra import NO_FOLD
from pipelines.workspace import Workspace


def read_examples(workspace: Workspace, part: str) -> pd.DataFrame:
    """Rows of examples.parquet of one part, by id."""
    examples = read_table(workspace.examples, "preprocess")
    return examples[examples["part"] == part].reset_index(drop=True)


def read_extra_rows(workspace: Workspace) -> pd.DataFrame:
    """Extra rows that may be trained on, in every fold: their `fold` is NO_FOLD, their group their own."""
    examples, folds = read_examples(workspace, "extra"), read_table(workspace.folds, "split")
    folds = folds[folds["fold"] == NO_FOLD]
    return examples.drop(columns="group", errors="ignore").merge(folds, on="id", how="inner", validate="one_to_one")


def read_training_rows(workspace: Workspace) -> pd.DataFrame:
    """Training rows with their `fold` and `group`, by id; the labels are those that were given."""
    examples, folds = read_examples(workspace, "train"), read_table(workspace.folds, "split")
    folds = folds[folds["fold"] != NO_FOLD]
    rows = examples.drop(columns="group", errors="ignore").merge(folds, on="id", how="inner", validate="one_to_one")
    if len(rows) != len(examples) or len(rows) != len(folds):
        raise PodiumError(
            f"{workspace.folds} and {workspace.examples} hold different ids ({len(folds):,} and {len(examples):,} "
            "rows): run the stage split again"
        )
    return rows
