"""Predictions turned upside down: 1 - p, the negative of a number, the tags that do not apply."""

from common.submission.association import pearson
from common.submission.cells import Cells, Numbers, Tags
from common.submission.evidence import Finding, critical
from common.submission.value_scale import is_probability

_STRONG = 0.5
_MOST_CELLS = 4_000_000  # of an indicator table; more rows than fit are thinned out evenly


def find_inversion(new: Cells, known: Cells, before: float) -> Finding | None:
    """inverted, or None. Two labels that changed places are permuted classes, not this."""
    if isinstance(new, Numbers) and isinstance(known, Numbers):
        return _numbers(new, known, -before)
    if isinstance(new, Tags) and isinstance(known, Tags):
        return _tags(new, known)
    return None


def _numbers(new: Numbers, known: Numbers, strength: float) -> Finding | None:
    if strength < _STRONG or strength <= critical(len(new), 2):
        return None
    probabilities = is_probability(known.values) and new.values.min() > -0.5
    remedy = "1 - p of the right class" if probabilities else "the value with its sign changed"
    return Finding(
        "inverted",
        f"High values stand where low ones belong: the correlation is {-strength:.3f}, and {strength:.3f} "
        f"after turning the values round. Write {remedy}.",
        strength,
    )


def _tags(new: Tags, known: Tags) -> Finding | None:
    if not len(new) or len(new.names) < 2:
        return None
    rows = slice(None, None, 1 + len(new) * len(new.names) // _MOST_CELLS)
    strength = -pearson(new.indicators(rows), known.indicators(rows))
    if strength < _STRONG or strength <= critical(len(new), 2):
        return None
    return Finding(
        "inverted",
        f"The tags are those that do not apply: over all rows and tags the correlation is {-strength:.3f}. "
        "Write the tags above the threshold, not those below.",
        strength,
    )
