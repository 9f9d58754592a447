"""How training went: loss, metrics and learning rate by epoch, with every fold."""

import numpy as np
import pandas as pd

from common.metrics import Metric
from common.report import figures
from common.report.blocks import Block, Chart, Charts, Section, Words
from common.report.inputs import Inputs, ModelRun
from common.report.wording import number, words_of

# The loss that training minimises, under the names it has as a metric: comparable with `train_loss`.
_VALIDATION_LOSSES = ("validation_loss", "validation_log_loss", "validation_multilabel_log_loss")


def training_section(inputs: Inputs) -> Section:
    """Learning curves of each model that was trained for epochs; a head that was fitted at once has none."""
    curved = [model for model in inputs.models if any(len(history) > 1 for history in model.histories.values())]
    blocks: list[Block] = []
    for model in curved:
        blocks.append(Charts(model.name, _charts(model)))
        if found := better_before_the_end(model, inputs.competition.metric):
            epoch, gain, error = found
            words = (
                f"{model.name}: after epoch {epoch:g} every fold scored better than at the end, on average by "
                f"{number(gain, 2)}, more than the score's standard error ({number(error, 2)}): fewer epochs, or a "
                "lower learning rate, may do better. Trainings on all rows take as many epochs as the folds."
            )
            blocks.append(Words(words))
    return Section("training", "Learning curves", blocks)


def better_before_the_end(model: ModelRun, metric: Metric) -> tuple[float, float, float] | None:
    """The epoch whose mean score over folds is best, its gain over the last one, and the score's standard error.

    None unless there are several folds, all of which scored better then, by more than that error on average. The
    best epoch is chosen by the score that judges it: a smaller gain says little.
    """
    column = f"validation_{metric.name}"
    curves = {fold: one.set_index("epoch")[column] for fold, one in model.histories.items() if column in one}
    errors = [one.get("standard_error") for one in model.metrics.values()]
    if len(curves) < 2 or None in errors:
        return None
    scores = pd.DataFrame(curves).dropna()
    if scores.empty:
        return None
    by_epoch = scores.to_numpy(dtype=np.float64)
    means = by_epoch.mean(axis=1)
    best = int(means.argmin() if metric.direction == "minimize" else means.argmax())
    gain = float(abs(means[best] - means[-1]))
    error = float(np.sqrt(np.square(np.array(errors, dtype=np.float64)).sum())) / len(errors)
    every_fold = all(metric.better(a, b) for a, b in zip(by_epoch[best], by_epoch[-1], strict=True))
    return (float(scores.index.to_numpy()[best]), gain, error) if gain > error and every_fold else None


def _charts(model: ModelRun) -> list[Chart]:
    columns = list(dict.fromkeys(column for history in model.histories.values() for column in history.columns))
    validation_loss = next((name for name in _VALIDATION_LOSSES if name in columns), None)
    losses = {"training": "train_loss"} | ({"validation": validation_loss} if validation_loss else {})
    charts = [_chart(model, "Loss", losses)]
    for column in columns:
        if column.startswith("validation_") and column != validation_loss:
            metric = words_of(column.removeprefix("validation_"))
            charts.append(_chart(model, f"Validation {metric}", {"validation": column}))
    charts.append(_chart(model, "Learning rate", {"learning rate": "learning_rate"}))
    return [chart for chart in charts if chart is not None]


def _chart(model: ModelRun, title: str, columns: dict[str, str]) -> Chart | None:
    """One figure of the lines (name to history column) that the histories hold; None without any."""
    lines = {}
    for line, column in columns.items():
        by_fold = {
            str(fold): _curve(history, column)
            for fold, history in model.histories.items()
            if column in history and history[column].notna().any()
        }
        if by_fold:
            lines[line] = by_fold
    if not lines:
        return None
    said = []
    for line, by_fold in lines.items():
        epochs, mean = figures.mean_curve(by_fold)
        said.append(f"{line} from {number(mean[0])} in epoch {epochs[0]:g} to {number(mean[-1])} in {epochs[-1]:g}")
    return Chart(
        title,
        figures.learning_curve(lines, from_zero=title == "Learning rate"),
        f"{title} of {model.name}: {'; '.join(said)}.",
        "Thin: the folds. Thick: their mean." if title == "Loss" and len(model.histories) > 1 else "",
    )


def _curve(history: pd.DataFrame, column: str) -> tuple[np.ndarray, np.ndarray]:
    return history["epoch"].to_numpy(dtype=np.float64), history[column].to_numpy(dtype=np.float64)
