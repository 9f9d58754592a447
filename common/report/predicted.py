"""How one target was predicted: classes confused, probabilities held to their word, train against test."""

import numpy as np
import pandas as pd

from common.randomness import generator
from common.report import figures
from common.report.blocks import Block, Cell, Chart, Charts, Section, Table, Words
from common.report.calibration import reliability
from common.report.inputs import Inputs
from common.report.judged import Judged
from common.report.wording import count, number, share
from common.targets import Binary, Multiclass, Multilabel, Regression, columns_of

_MOST_CLASSES_IN_TABLE = 12
_MOST_PAIRS = 20
_MOST_SHARES = 30


def predictions_section(inputs: Inputs, judged: Judged) -> Section:
    """Everything about one target's predictions that needs no picture."""
    if isinstance(judged.target, Regression):
        blocks = _of_numbers(inputs, judged)
    else:
        blocks = _of_classes(inputs, judged)
    return Section(f"predictions-{judged.name}", f"Predictions of {judged.name}", blocks)


def _of_classes(inputs: Inputs, judged: Judged) -> list[Block]:
    blocks: list[Block] = []
    charts = [_reliability(judged)]
    if isinstance(judged.target, Multilabel):
        blocks.append(_tags(inputs, judged, judged.target))
    else:
        counts = confusion(judged)
        if len(judged.target.classes) <= _MOST_CLASSES_IN_TABLE:
            blocks.append(_confusion_table(judged, counts))
        else:
            right = share(np.trace(counts), counts.sum())
            words = f"Confusion of {len(counts)} classes: {right} on the diagonal."
            figure = figures.confusion_heatmap(counts, judged.target.classes)
            blocks += [
                Charts(
                    "Confusion",
                    [Chart("Rows: given. Columns: predicted. Shade: share of the given class.", figure, words)],
                )
            ]
            blocks.append(_confused_pairs(judged, counts))
        blocks.append(_shares(inputs, judged, counts))
    edges = np.linspace(0, 1, 21)
    probability, came_true, what = judged.confidence()
    samples = _by_class(judged, probability, came_true)
    charts.append(
        Chart(
            "Out-of-fold probabilities",
            figures.histograms(samples, what, edges, as_share=False, log=True),
            f"Histogram of the {what}: {_means(samples)}.",
        )
    )
    in_test = _confidence_in_test(inputs, judged)
    if in_test is not None:
        compared = {"out-of-fold": probability, "test": in_test}
        charts.append(
            Chart(
                "Out-of-fold and test",
                figures.histograms(compared, what, edges, as_share=True, log=True),
                f"Histogram of the {what}, out-of-fold beside test: {_means(compared)}.",
                "Test predictions are a mean over several networks, and so a little less extreme.",
            )
        )
    blocks.append(Charts("Probabilities", charts))
    return blocks


def confusion(judged: Judged) -> np.ndarray:
    """Counts (classes, classes) of a target with one class a row: row given, column predicted."""
    size = len(judged.target.classes)
    cells = judged.truth.astype(int) * size + judged.decided()
    return np.bincount(cells, minlength=size * size).reshape(size, size)


def _confusion_table(judged: Judged, counts: np.ndarray) -> Table:
    classes, totals = judged.target.classes, counts.sum(axis=1)
    rows: list[tuple[str | Cell, ...]] = [
        (
            name,
            *(Cell(f"{n:,}", tint=n / max(1, totals[given])) for n in counts[given]),
            share(counts[given, given], totals[given]),
        )
        for given, name in enumerate(classes)
    ]
    told = tuple(share(counts[at, at], counts[:, at].sum()) for at in range(len(classes)))
    rows.append(("Precision", *told, share(np.trace(counts), counts.sum())))
    return Table(
        "Confusion",
        "l" + "r" * (len(classes) + 1),
        ("Given", *(f"→ {name}" for name in classes), "Recall"),
        rows,
        "Rows: the given label. Columns: the predicted one. Lower right: accuracy.",
    )


def _confused_pairs(judged: Judged, counts: np.ndarray) -> Table:
    off = counts.copy()
    np.fill_diagonal(off, 0)
    order = np.argsort(-off.ravel(), kind="stable")[:_MOST_PAIRS]
    rows: list[tuple[str | Cell, ...]] = []
    for given, predicted in zip(*np.unravel_index(order, off.shape), strict=True):
        if off[given, predicted]:
            of_class = share(off[given, predicted], counts[given].sum())
            names = judged.target.classes
            rows.append((names[given], names[predicted], f"{off[given, predicted]:,}", of_class))
    return Table("Most confused", "llrr", ("Given", "Predicted", "Rows", "Of the given"), rows)


def _shares(inputs: Inputs, judged: Judged, counts: np.ndarray) -> Table:
    """How often each class is given, predicted out-of-fold, and predicted in test."""
    test = None
    if inputs.test is not None:
        values = inputs.test[columns_of(judged.name, judged.target)].to_numpy(dtype=np.float64)
        test = pd.Series(judged.target.decode(values)).value_counts()
    names = judged.target.classes
    shown = np.arange(len(names))
    note = "Out-of-fold, Test: share of the rows for which the class is predicted."
    if len(names) > _MOST_SHARES:
        furthest = np.argsort(-np.abs(counts.sum(axis=0) - counts.sum(axis=1)), kind="stable")
        shown = np.sort(furthest[:_MOST_SHARES])
        note += f" The {_MOST_SHARES} classes whose predictions are furthest from what is given."
    rows: list[tuple[str | Cell, ...]] = [
        (
            names[at],
            f"{counts[at].sum():,}",
            share(counts[at].sum(), counts.sum()),
            share(counts[:, at].sum(), counts.sum()),
            "–" if test is None else share(test.get(names[at], 0), test.sum()),
        )
        for at in shown
    ]
    head = ("Class", "Rows", "Given", "Out-of-fold", "Test")
    return Table("Shares of the classes", "lrrrr", head, rows, note)


def _tags(inputs: Inputs, judged: Judged, target: Multilabel) -> Table:
    """Each tag as the target decides it."""
    wanted, decided = judged.truth == 1, target.decide(judged.prediction)
    test = None
    if inputs.test is not None:
        test = target.decide(inputs.test[columns_of(judged.name, target)].to_numpy(dtype=np.float64))
    rows: list[tuple[str | Cell, ...]] = []
    for at, name in enumerate(judged.target.classes):
        hits, given, told = (wanted & decided)[:, at].sum(), wanted[:, at].sum(), decided[:, at].sum()
        f1 = 2 * hits / (given + told) if given + told else np.nan
        rows.append(
            (
                name,
                f"{given:,}",
                share(given, len(wanted)),
                share(told, len(wanted)),
                "–" if test is None else share(test[:, at].sum(), len(test)),
                share(hits, told),
                share(hits, given),
                Cell(number(f1, 3), tint=float(np.nan_to_num(f1)) / 2),
            )
        )
    head = ("Tag", "Rows", "Given", "Out-of-fold", "Test", "Precision", "Recall", "F1")
    note = "Given, Out-of-fold, Test: share of the rows that have the tag; predicted as for the submission."
    return Table("Tags", "lrrrrrrr", head, rows, note)


def _reliability(judged: Judged) -> Chart:
    probability, came_true, what = judged.confidence()
    binned = reliability(probability, np.asarray(came_true, dtype=np.float64))
    error = number(binned.expected_calibration_error, 2)
    return Chart(
        "Reliability",
        figures.reliability_diagram(binned, what),
        f"Share that came true over {what}; expected calibration error {error}.",
        f"Expected calibration error {error}, in ten bins. Bars: 95% intervals.",
    )


def _by_class(judged: Judged, probability: np.ndarray, came_true: np.ndarray) -> dict[str, np.ndarray]:
    names = {1: "right", 0: "wrong"}
    if isinstance(judged.target, Binary):
        names = {0: f"given {judged.target.negative}", 1: f"given {judged.target.positive}"}
    elif isinstance(judged.target, Multilabel):
        names = {0: "not given", 1: "given"}
    return {name: probability[came_true == value] for value, name in names.items()}


def _confidence_in_test(inputs: Inputs, judged: Judged) -> np.ndarray | None:
    if inputs.test is None:
        return None
    values = inputs.test[columns_of(judged.name, judged.target)].to_numpy(dtype=np.float64)
    return values.max(axis=1) if isinstance(judged.target, Multiclass) else values.ravel()


def _means(samples: dict[str, np.ndarray]) -> str:
    return "; ".join(
        f"{name}, mean {number(float(values.mean()), 3)} of {values.size:,}"
        for name, values in samples.items()
        if values.size
    )


def _of_numbers(inputs: Inputs, judged: Judged) -> list[Block]:
    predicted, given, residual = judged.prediction[:, 0], judged.truth, judged.residual
    log = isinstance(judged.target, Regression) and judged.target.log
    chosen = figures.drawable(len(given), generator(inputs.seed, "report", "scatter", judged.name))
    unit = "log(1 + x), predicted minus given" if log else "predicted minus given"
    charts = [
        Chart(
            "Predicted and given",
            figures.given_and_predicted(given, predicted, chosen, log),
            f"Predicted over given {judged.name}: correlation {number(_correlation(given, predicted), 3)}.",
            "" if len(chosen) == len(given) else f"{len(chosen):,} of {len(given):,} rows, by chance.",
        ),
        Chart(
            "Residuals",
            figures.histograms({"rows": residual}, unit, figures.bin_edges(residual), as_share=False),
            f"Residuals ({unit}): mean {number(residual.mean(), 3)}, deviation {number(residual.std(), 3)}.",
        ),
    ]
    words = (
        f"{count(len(given), 'row')}: Pearson correlation {number(_correlation(given, predicted), 3)}, "
        f"mean absolute error {number(np.abs(predicted - given).mean(), 3)}, "
        f"mean residual {number((predicted - given).mean(), 3)}."
    )
    if inputs.test is not None:
        in_test = inputs.test[judged.name].to_numpy(dtype=np.float64)
        compared = {"out-of-fold": predicted, "test": in_test}
        edges = figures.bin_edges(predicted, in_test)
        figure = figures.histograms(compared, f"predicted {judged.name}", edges, as_share=True)
        charts.append(Chart("Out-of-fold and test", figure, f"Predicted {judged.name}: {_means(compared)}."))
    return [Words(words), Charts("Numbers", charts)]


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else float("nan")
