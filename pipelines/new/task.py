"""What is to be predicted, how it is handed in and scored: from the labels and the form of the sample submission."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from common.errors import PodiumError
from pipelines.new.layout import Layout
from pipelines.new.undecided import Answers, Undecided

Form = Literal["class columns", "probability", "label", "tags", "number"]
METRICS: dict[str, tuple[str, ...]] = {
    "binary": ("log_loss", "auc", "accuracy", "macro_f1", "mcc"),
    "multiclass": ("log_loss", "accuracy", "macro_f1", "mcc", "quadratic_weighted_kappa"),
    "tags": ("f1", "f2", "multilabel_log_loss"),
    "number": ("rmse", "mae", "rmsle", "rmspe"),
}
_OF_PROBABILITIES = ("log_loss", "auc")
_SEPARATORS = (" ", ",", ";", "|")
_FEW_NUMBERS = 50  # whole numbers with fewer different values may be classes


@dataclass(frozen=True)
class Task:
    """The task as competition.py says it.

    kind     `binary`, `multiclass`, `tags` or `number`
    classes  in the order of the sample's columns, where it has them; of `binary`: the positive one last
    form     what the sample's columns hold
    """

    kind: str
    classes: tuple[str, ...]
    separator: str
    form: Form
    metric: str
    metric_is_guess: bool


def decide(layout: Layout, answers: Answers) -> Task:
    """The task; raises Undecided where the files allow several."""
    labels = layout.labels.dropna().astype(str)
    if not len(labels):
        raise PodiumError(f"{layout.table}: the column '{layout.label_column}' is empty")
    kind, separator = _kind(layout, labels, answers)
    if kind == "number":
        return _with_metric("number", (), "", "number", answers)
    named = sorted({word for text in labels for word in (text.split(separator) if separator else [text]) if word})
    classes = sorted(named, key=_numbers_in_order)
    columns = list(map(str, layout.values.columns))
    if len(columns) > 1:
        if not set(classes) <= set(columns):
            unknown = next(name for name in classes if name not in columns)
            raise PodiumError(f"{layout.sample}: has a column a class, but none for '{unknown}' of the labels")
        return _with_metric(
            kind if kind == "tags" else "multiclass", tuple(columns), separator, "class columns", answers
        )
    if kind == "tags":
        return _with_metric("tags", tuple(classes), separator, "tags", answers)
    if len(classes) < 2:
        raise PodiumError(f"all labels are '{classes[0]}'; there is nothing to tell apart")
    if len(classes) > 2:
        if _are_numbers(layout.values.iloc[:, 0]) and not _are_numbers(pd.Series(classes)):
            raise PodiumError(
                f"{layout.sample}: the column '{columns[0]}' holds numbers, but the {len(classes)} labels are words;"
                " what the numbers stand for has to be said in competition.py (README: A competition of your own)"
            )
        return _with_metric("multiclass", tuple(classes), "", "label", answers)
    return _binary(layout, classes, columns[0], answers)


def _kind(layout: Layout, labels: pd.Series, answers: Answers) -> tuple[str, str]:
    """`class`, `tags` or `number`, and what stands between tags."""
    different = labels.unique()
    separators = {one: {word for text in different for word in text.split(one) if word} for one in _SEPARATORS}
    several = {
        one: words
        for one, words in separators.items()
        if any(len(text.split(one)) > 1 + text.endswith(one) for text in different)
    }
    answer = answers.choose("task", "", ("class", "tags", "number")) if answers.get("task") else None
    if answer == "number" and not _are_numbers(labels):
        raise PodiumError(f"--task number: the label '{next(text for text in labels if not _is_number(text))}' is none")
    if answer == "tags" or (answer is None and several and layout.labels_in == "table"):
        most_shared = min(several or {" ": set(different)}, key=lambda one: len(several.get(one, different)))
        words = several.get(most_shared, set(different))
        columns = set(map(str, layout.values.columns))
        certain = len(words) * 2 <= len(different) or words <= columns or _are_numbers(pd.Series(sorted(words)))
        if answer == "tags" or certain:
            return "tags", most_shared
        if len(words) < len(different):
            raise Undecided(
                f"is '{next(text for text in different if most_shared in text)}' one class, or several tags?",
                "task",
                ("class", "tags"),
            )
    if answer:
        return answer, ""
    if len(layout.values.columns) > 1 or not _are_numbers(labels) or len(different) == 2:
        return "class", ""
    filler = layout.values.iloc[:, 0].dropna().astype(str)
    broken = any("." in text for text in (*different, *filler)) or len(different) > _FEW_NUMBERS
    if broken:
        return "number", ""
    raise Undecided(
        f"are the {len(different)} different whole numbers in '{layout.label_column}' classes, or amounts?",
        "task",
        ("class", "number"),
    )


def _binary(layout: Layout, classes: list[str], column: str, answers: Answers) -> Task:
    filler = layout.values.iloc[:, 0].dropna().astype(str)
    if not _are_numbers(filler) or filler.empty:
        return _with_metric("binary", tuple(classes), "", "label", answers)
    positive = "1" if set(classes) == {"0", "1"} else None
    if not positive:
        likely = [column] if column in classes else []
        positive = answers.choose("positive", f"the probability of which class goes into '{column}'?", classes, likely)
    ordered = (next(name for name in classes if name != positive), positive)
    metric = answers.get("metric")
    if metric is None and set(classes) == {"0", "1"} and set(filler) <= {"0", "1"}:
        raise Undecided(
            f"are probabilities or classes to be handed in as '{column}'? The metric says: log_loss and auc want the"
            " former",
            "metric",
            METRICS["binary"],
        )
    is_probability = metric is None or metric in _OF_PROBABILITIES
    return _with_metric("binary", ordered, "", "probability" if is_probability else "label", answers)


def _with_metric(kind: str, classes: tuple[str, ...], separator: str, form: Form, answers: Answers) -> Task:
    usual = {
        "class columns": "multilabel_log_loss" if kind == "tags" else "log_loss",
        "probability": "log_loss",
        "label": "accuracy",
        "tags": "f1",
        "number": "rmse",
    }
    metric = answers.choose("metric", "", METRICS[kind], [usual[form]])
    return Task(kind, classes, separator, form, metric, answers.get("metric") is None)


def _numbers_in_order(text: str) -> tuple[float, str]:
    return (float(text) if _is_number(text) else float("inf"), text)


def _are_numbers(values: pd.Series) -> bool:
    return bool(len(values)) and bool(pd.to_numeric(values, errors="coerce").notna().all())


def _is_number(text: str) -> bool:
    return _are_numbers(pd.Series([text]))
