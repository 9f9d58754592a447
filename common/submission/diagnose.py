"""Why a submission disagrees with a known-good one, or agrees although it is wrong.

In this order, since each cause would look like one of the later ones too:

1. `constant`: says nothing of any row.
2. `log_probabilities`, `classes_permuted`, `inverted`, `rows_reversed`, `rows_sorted`, `rows_shifted` (and an
   order of the files that explains `rows_permuted`): each is undone, and the one after which the rows agree
   best is the cause. Where two do equally well, the one named first here. So two columns that changed places
   are `classes_permuted`, and one column of 1 - p is `inverted`.
3. `rescaled`: in line with the known-good file, and not on its scale.
4. `rows_permuted`: the same values, no relation.
5. `unrelated`.

A file whose correlation reaches the minimum is called wrong only on evidence that two honest models cannot
give: a constant, another scale, classes that certainly changed places, a repair that makes the files (nearly)
equal, exactly the known-good file's values on other rows.
"""

from common.submission.alignment import Aligned
from common.submission.cells import Cells, Labels, Numbers, equal_rows, relation
from common.submission.class_order import find_class_order
from common.submission.evidence import Finding
from common.submission.inversion import find_inversion
from common.submission.row_order import find_row_order
from common.submission.shuffle import find_shuffle
from common.submission.value_scale import find_logarithm, find_monotone, find_rescaling, is_misfit

_TIE = 0.003  # two repairs within this of each other do equally well


def diagnose(pair: Aligned, correlation: float, minimum: float) -> Finding | None:
    """The cause, or None where the file is fine: it reaches `minimum`, and nothing speaks against it."""
    above = correlation >= minimum
    new, known = pair.new, pair.known
    if not len(known):
        return None if above else Finding("unrelated", "The files have no row in common.")
    head = slice(0, 1_000)  # tells most files apart at once
    if above and equal_rows(new.take(head), known.take(head)).all() and equal_rows(new, known).all():
        return None
    if _is_constant(new) and not (above and _is_constant(known)):
        return _constant(new, "The file", "a model that learned nothing, or a default that was never filled in")
    if _is_constant(known) and not above:
        return _constant(known, "The known-good file", "no file can agree with it; take one that scored well")
    before = relation(new, known)
    misfit = isinstance(new, Numbers) and isinstance(known, Numbers) and is_misfit(new, known, before)
    # Over all cells, columns of other units correlate even where no row agrees: then there is a cause too.
    agrees = above and before >= 0.5
    found = _best(pair, before, agrees, misfit)
    if found is None and isinstance(new, Numbers) and isinstance(known, Numbers):
        found = find_rescaling(new, known, before, misfit)
        if found is None and not above:
            found = find_monotone(new, known)
    if found is None:
        found = find_shuffle(pair, before, agrees)
    if found is None and not above:
        found = Finding(
            "unrelated",
            f"The agreement is {correlation:.3f}, below {minimum:g}, and no slip of rows, classes or scale "
            "explains it: another model, another target, or a model that learned nothing.",
        )
    return found


def _best(pair: Aligned, before: float, agrees: bool, misfit: bool) -> Finding | None:
    """The repair after which the rows agree best; of equally good ones the first."""
    new, known = pair.new, pair.known
    findings = []
    if isinstance(new, Numbers) and isinstance(known, Numbers):
        findings.append(find_logarithm(new, known, before, misfit))
    by_value = [find_class_order(pair, before, agrees), find_inversion(new, known, before)]
    # Two columns of -p are those of p swapped, less 1: not on the scale, so the sign it is. And where one column
    # of numbers is also classes by number, 9 - k is the simpler account.
    findings += by_value[::-1] if misfit or len(new.columns) == 1 else by_value
    findings.append(find_row_order(pair, before, agrees))
    best: Finding | None = None
    for finding in findings:
        if finding is not None and (best is None or finding.repaired > best.repaired + _TIE):
            best = finding
    return best


def _constant(cells: Cells, name: str, meaning: str) -> Finding:
    if isinstance(cells, Numbers):
        shown = [f"{value:.6g}" for value in cells.values[0, :4]]
    elif isinstance(cells, Labels):
        shown = [repr(cells.names[code]) for code in cells.codes[0, :4]]
    else:
        lists = [cells.pairs[cells.pairs[:, 0] == code, 1] for code in cells.codes[0, :4]]
        shown = [repr(" ".join(cells.names[tag] for tag in tags)) for tags in lists]
    if len(shown) > 3:
        shown[3] = "..."
    return Finding("constant", f"{name} says the same in each of {len(cells):,} rows ({', '.join(shown)}): {meaning}.")


def _is_constant(cells: Cells) -> bool:
    if len(cells) < 2:
        return False
    if isinstance(cells, Numbers):
        spread = cells.values.max(axis=0) - cells.values.min(axis=0)
        return bool((spread <= 1e-9 * abs(cells.values).max(axis=0)).all())
    return bool((cells.codes == cells.codes[0]).all())
