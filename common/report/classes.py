"""What there is to learn from: how often each class is given, and what its pictures look like."""

from collections.abc import Iterator

import numpy as np

from common.randomness import generator
from common.report import figures
from common.report.blocks import Block, Chart, Charts, Facts, Gallery, Picture, Section
from common.report.gallery import Thumbnails
from common.report.inputs import Inputs
from common.report.judged import as_written
from common.report.wording import count, number, share
from common.targets import Multilabel, Regression, Target

_MOST_PICTURES = 72
_MOST_A_CLASS = 6
_FEW_ROWS = 10  # a class with fewer rows is hardly learned, and hardly validated


def classes_section(inputs: Inputs, thumbnails: Thumbnails | None) -> Section:
    """Counts of every target by class, or its numbers; and samples of each class of the scored target."""
    blocks: list[Block] = []
    for name, target in inputs.competition.targets.items():
        labels = inputs.part("train").set_index("id")[name]
        truth = target.encode(labels)
        known = ~np.isnan(truth if truth.ndim == 1 else truth[:, 0])
        ids, truth = labels.index.to_numpy(dtype=object)[known], truth[known]
        if not len(truth):
            continue
        if isinstance(target, Regression):
            blocks.append(_numbers(name, truth))
            samples = _by_rank(inputs, name, ids, truth)
        else:
            hits = truth == 1 if isinstance(target, Multilabel) else truth[:, None] == np.arange(len(target.classes))
            blocks += _counts(name, target, hits, missing=int((~known).sum()))
            samples = _by_class(inputs, name, target, ids, hits)
        if thumbnails is not None and name == inputs.competition.scored_target:
            pictures = list(_thumbnails(samples, thumbnails))
            note = "Drawn by chance from the training rows, the rarest class first; as delivered, with labels as given."
            if isinstance(target, Regression):
                note = "From the lowest number to the highest, at equal distances by rank."
            blocks += [Gallery("Samples a class", pictures, note)] if pictures else []
    return Section("classes", "Labels", blocks)


def _counts(name: str, target: Target, hits: np.ndarray, missing: int) -> list[Block]:
    """hits (rows, classes): which class a row has."""
    counts = hits.sum(axis=0)
    order = np.argsort(-counts, kind="stable")
    names = [target.classes[position] for position in order]
    rarest, commonest = names[-1], names[0]
    pairs = [
        ("Rows with a label", f"{len(hits):,}" + (f" ({missing:,} without)" if missing else "")),
        ("Classes", f"{len(counts):,}"),
        ("Most frequent", f"{commonest}: {counts[order[0]]:,} ({share(counts[order[0]], len(hits))})"),
        ("Rarest", f"{rarest}: {counts[order[-1]]:,} ({share(counts[order[-1]], len(hits))})"),
    ]
    few = int((counts < _FEW_ROWS).sum())
    if few:
        pairs.append((f"Fewer than {_FEW_ROWS} rows", count(few, "class", "classes")))
    if isinstance(target, Multilabel):
        tags = hits.sum(axis=1)
        pairs.append(("Tags a row", f"{tags.mean():.2f} on average, {tags.min()} to {tags.max()}"))
    words = ", ".join(f"{label} {counts[position]:,}" for label, position in zip(names[:12], order[:12], strict=True))
    figure = figures.class_counts(names, counts[order], len(hits))
    return [
        Facts(f"Labels of {name}", pairs),
        Charts(f"Rows a class of {name}", [Chart("", figure, f"Bars: rows a class. {words}.")]),
    ]


def _numbers(name: str, values: np.ndarray) -> Charts:
    figure = figures.histograms({name: values}, name, figures.bin_edges(values), as_share=False)
    low, median, high = np.quantile(values, [0, 0.5, 1])
    words = f"Histogram of {name}: {number(low)} to {number(high)}, median {number(median)}, {len(values):,} rows."
    return Charts(f"Numbers of {name}", [Chart("", figure, words)])


def _by_class(
    inputs: Inputs, name: str, target: Target, ids: np.ndarray, hits: np.ndarray
) -> Iterator[tuple[str, str, list[str]]]:
    """Caption, what it says more, and candidate ids in a drawn order, for each picture to show."""
    counts = hits.sum(axis=0)
    shown = [int(position) for position in np.argsort(counts, kind="stable") if counts[position]][:_MOST_PICTURES]
    each = min(_MOST_A_CLASS, max(1, _MOST_PICTURES // max(1, len(shown))))
    for position in shown:
        label = target.classes[position]
        drawn = generator(inputs.seed, "report", "classes", name, label).permutation(np.flatnonzero(hits[:, position]))
        rows = count(int(counts[position]), "row")
        for begin in range(min(each, len(drawn))):
            yield label, rows, ids[drawn[begin::each]].tolist()


def _by_rank(inputs: Inputs, name: str, ids: np.ndarray, truth: np.ndarray) -> Iterator[tuple[str, str, list[str]]]:
    order = np.argsort(truth, kind="stable")
    for place in np.unique(np.linspace(0, len(order) - 1, 24).astype(int)):
        yield f"{name} {number(truth[order[place]])}", f"rank {place + 1:,} of {len(order):,}", [ids[order[place]]]


def _thumbnails(samples: Iterator[tuple[str, str, list[str]]], thumbnails: Thumbnails) -> Iterator[Picture]:
    for caption, more, candidates in samples:
        lines = (as_written(caption), more)
        yield from thumbnails.pictures({("train", id_): lines for id_ in candidates[:5]}, 1)
