"""A submission in the sample's own rows and columns, and what is checked on it before anyone sends it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from common.competition import Competition
from common.errors import PodiumError
from common.files import replacing
from common.predictions import make_table
from common.targets import Binary, Multiclass, Multilabel, Target

# Seven digits are more than float32 networks know; what further digits say is noise of the machine.
_FLOAT_FORMAT = "%.7g"

_NAMED_COLUMNS = 6


@dataclass(frozen=True)
class Check:
    """One property of a submission: whether it holds, and the evidence."""

    name: str
    ok: bool
    detail: str


def write_submission(
    path: Path, competition: Competition, predictions: pd.DataFrame, sample: pd.DataFrame
) -> pd.DataFrame:
    """Write `predictions` (a table of the prediction store) as Kaggle wants them, and return what was written.

    sample  Kaggle's sample submission, all columns as text; its ids and columns are repeated in their order
    """
    id_column = competition.id_column
    if id_column not in sample.columns:
        raise PodiumError(f"{competition.sample_submission}: no column '{id_column}', only {list(sample.columns)}")
    columns = competition.submission(predictions.drop(columns="view").set_index("id"))
    missing = pd.Index(sample[id_column]).difference(columns.index)
    if len(missing):
        raise PodiumError(
            f"{competition.sample_submission} asks for {len(missing):,} ids without a prediction (first: "
            f"{missing[0]!r}): do the raw files belong to the same version of the competition?"
        )
    submission = columns.loc[sample[id_column]].rename_axis(id_column).reset_index()
    with replacing(path) as beside:
        submission.to_csv(beside, index=False, float_format=_FLOAT_FORMAT, lineterminator="\n")
    return submission


def check_submission(path: Path, competition: Competition, sample: pd.DataFrame) -> list[Check]:
    """Every check on the file as it lies on the disk, read back as text."""
    written = pd.read_csv(path, dtype=str, keep_default_na=False)
    id_column = competition.id_column
    same_columns = list(written.columns) == list(sample.columns)
    checks = [Check("columns", same_columns, _compared(written.columns, sample.columns))]
    if not same_columns:
        return checks
    checks.append(_check_ids(written[id_column], sample[id_column]))
    values = written.drop(columns=id_column)
    empty = (values.apply(lambda column: column.str.strip()) == "").to_numpy()
    checks.append(Check("no missing value", not empty.any(), f"{int(empty.sum()):,} empty cells"))
    target = competition.targets[competition.scored_target]
    # A list of tags may be numbers with spaces between them, and a list of one reads like a number.
    lists = isinstance(target, Multilabel) and values.shape[1] == 1
    numeric = sample.drop(columns=id_column).apply(pd.to_numeric, errors="coerce").notna().all(axis=None)
    checks += _check_numbers(values, competition) if numeric and not lists else _check_labels(values, competition)
    return checks


def _compared(found: pd.Index, wanted: pd.Index) -> str:
    """All columns and the sample's; of many, as where each class has one, what tells them apart."""
    if max(len(found), len(wanted)) <= _NAMED_COLUMNS:
        return f"{list(found)}, sample {list(wanted)}"
    if list(found) == list(wanted):
        return f"{len(found):,}, those of the sample"
    missing, extra = list(wanted.difference(found, sort=False)), list(found.difference(wanted, sort=False))
    counts = f"{len(missing):,} missing (first: {missing[:3]}), {len(extra):,} not in the sample (first: {extra[:3]})"
    return counts if missing or extra else "another order than the sample's"


def _check_ids(found: pd.Series, wanted: pd.Series) -> Check:
    if len(found) == len(wanted) and (found.to_numpy() == wanted.to_numpy()).all():
        return Check("ids", True, f"{len(found):,} ids, in the order of the sample")
    missing, extra = set(wanted) - set(found), set(found) - set(wanted)
    detail = f"{len(missing):,} missing, {len(extra):,} not asked for, {int(found.duplicated().sum()):,} repeated"
    return Check("ids", False, detail if missing or extra or found.duplicated().any() else "another order")


def _check_labels(values: pd.DataFrame, competition: Competition) -> list[Check]:
    """Class names, or lists of them, in columns that are no numbers."""
    target = competition.targets[competition.scored_target]
    texts = sorted(set(values.to_numpy(dtype=object).ravel()))
    checks = [Check("not constant", len(texts) > 1, f"{len(texts):,} different values")]
    if target.classes:
        lists = isinstance(target, Multilabel)
        written = _texts_of_classes(competition, target)
        known = {word for text in written for word in (text.split() if lists else [text])}
        unknown = sorted({word for text in texts for word in (text.split() if lists else [text])} - known - {""})
        said = f"{unknown[0]!r} is none of the {len(target.classes)} classes" if unknown else "all are classes"
        checks.append(Check("known labels", not unknown, said))
    return checks


def _texts_of_classes(competition: Competition, target: Target) -> list[str]:
    """How the submission writes each class by itself, which may be a number in place of a name."""
    certain = np.eye(len(target.classes))
    outputs = certain[:, -len(target.outputs) :] if isinstance(target, Binary) else certain
    predictions = {name: np.zeros((len(certain), len(one.outputs))) for name, one in competition.targets.items()}
    predictions[competition.scored_target] = outputs
    ids = [str(row) for row in range(len(certain))]
    table = make_table(ids, "blend", predictions, competition.targets)
    return competition.submission(table.drop(columns="view").set_index("id")).iloc[:, 0].astype(str).tolist()


def _check_numbers(values: pd.DataFrame, competition: Competition) -> list[Check]:
    numbers = values.apply(pd.to_numeric, errors="coerce").to_numpy(dtype=np.float64)
    finite = np.isfinite(numbers)
    low, high = (np.nanmin(numbers), np.nanmax(numbers)) if finite.any() else (np.nan, np.nan)
    checks = [Check("finite numbers", bool(finite.all()), f"{int((~finite).sum()):,} cells are none")]
    target = competition.targets[competition.scored_target]
    if target.is_probability:
        checks.append(Check("probabilities", bool(low >= 0 and high <= 1), f"from {low:.4g} to {high:.4g}"))
    if isinstance(target, Multiclass) and numbers.shape[1] == len(target.classes):
        furthest = float(np.abs(numbers.sum(axis=1) - 1).max())
        checks.append(Check("rows sum to 1", furthest < 1e-4, f"furthest off by {furthest:.1g}"))
    spread = float((high - low) if finite.all() else np.nan)
    checks.append(Check("not constant", spread > 1e-9, f"values spread over {spread:.4g}"))
    return checks
