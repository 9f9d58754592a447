"""Does a submission say what a known-good one says? Their correlation, and the cause where it is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common.submission.alignment import align
from common.submission.association import cramers_v, pearson, spearman
from common.submission.cells import Cells, Labels, Numbers, row_similarity, similarity
from common.submission.diagnose import diagnose
from common.submission.evidence import rows_text
from common.submission.table import read_pair

_RANKED_CELLS = 2_000_000  # sorting more takes longer than all else; the error of the correlation is below 0.001


@dataclass(frozen=True)
class Correlation:
    """How two submissions go together.

    correlation  Pearson over all cells; of labels the share that are equal; of tag lists the mean Jaccard
                 index; 0 where undefined. Over the rows that both files have
    minimum      what it should reach
    ok           it does, and nothing shows that the file is wrong all the same
    diagnosis    `ok`, or the code of the cause
    explanation  a sentence with the evidence
    kind         `numbers`, `labels` or `tags`
    rows         that both files have
    spearman     over all cells; None for labels and tags. Of more than 2,000,000 cells, that of evenly
                 spaced ones
    per_column   column to statistics: `pearson` and `spearman`; `agreement` and `cramers_v`; `mean_jaccard`
    """

    correlation: float
    minimum: float
    ok: bool
    diagnosis: str
    explanation: str
    kind: str
    rows: int
    spearman: float | None
    per_column: Mapping[str, Mapping[str, float]]


def correlate(new: Path, known_good: Path, minimum: float = 0.9) -> Correlation:
    """Compare two submissions by id, whatever the order of their rows and columns.

    Raises UsageError when a file is not there, PodiumError when one cannot be read as a submission.
    """
    pair, wrong_ids = align(*read_pair(new, known_good))
    found = similarity(pair.new, pair.known)
    finding = wrong_ids or diagnose(pair, found, minimum)
    overall, per_column = _statistics(pair.new, pair.known)
    explanation = (
        finding.explanation
        if finding
        else f"{rows_text(len(pair.known), 'row')} agree by id: {found:.4f}, at least {minimum:g}."
    )
    return Correlation(
        correlation=found,
        minimum=minimum,
        ok=finding is None,
        diagnosis=finding.code if finding else "ok",
        explanation=explanation,
        kind=pair.new.kind,
        rows=len(pair.known),
        spearman=overall,
        per_column=per_column,
    )


def _statistics(new: Cells, known: Cells) -> tuple[float | None, dict[str, dict[str, float]]]:
    """Spearman over all cells (numbers only), and the statistics of each column."""
    if isinstance(new, Numbers) and isinstance(known, Numbers):
        return _number_statistics(new, known)
    if isinstance(new, Labels) and isinstance(known, Labels):
        return None, {
            name: {
                "agreement": float((new.codes[:, j] == known.codes[:, j]).mean()) if len(new) else 0.0,
                "cramers_v": cramers_v(new.codes[:, j], known.codes[:, j]) if len(new) else 0.0,
            }
            for j, name in enumerate(new.columns)
        }
    jaccard = row_similarity(new, known).mean(axis=0) if len(new) else np.zeros(len(new.columns))
    return None, {name: {"mean_jaccard": float(value)} for name, value in zip(new.columns, jaccard, strict=True)}


def _number_statistics(new: Numbers, known: Numbers) -> tuple[float, dict[str, dict[str, float]]]:
    most = _RANKED_CELLS // len(new.columns)
    per_column = {}
    for j, name in enumerate(new.columns):
        ours, theirs = np.ascontiguousarray(new.values[:, j]), np.ascontiguousarray(known.values[:, j])
        per_column[name] = {"pearson": pearson(ours, theirs), "spearman": spearman(ours, theirs, most)}
    if len(new.columns) == 1:
        return per_column[new.columns[0]]["spearman"], per_column
    return spearman(new.values, known.values, _RANKED_CELLS), per_column
