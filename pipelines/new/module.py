"""The text of a new competition's competition.py."""

from pipelines.new.layout import Layout
from pipelines.new.task import Task

_LINE = 120
_KINDS = {"binary": "Binary", "multiclass": "Multiclass", "tags": "Multilabel", "number": "Regression"}
_READERS = {"table": "examples_of_table", "folders": "examples_of_folders", "names": "examples_of_names"}


def target_name(task: Task) -> str:
    return {"number": "number", "tags": "tags"}.get(task.kind, "label")


def competition_module(title: str, slug: str, layout: Layout, task: Task, scale: float) -> str:
    """competition.py, as a person would write it.

    scale  a typical deviation of a number to predict
    """
    is_fbeta = task.metric in ("f1", "f2")
    decides = is_fbeta and task.form == "tags"
    target = target_name(task)
    layouts = {_READERS[layout.labels_in], "rows_to_predict"}
    if task.form != "probability":
        layouts.add("class_columns" if task.form == "class columns" else "decoded_column")
    imports = [
        "from common.competition import Competition",
        *(["from common.decoding.expected_fbeta import ExpectedFbeta"] if decides else []),
        f"from common.layouts import {', '.join(sorted(layouts))}",
        f"from common.metrics import {'fbeta' if is_fbeta else task.metric}",
        f"from common.targets import {_KINDS[task.kind]}",
    ]
    metric = task.metric
    if is_fbeta:
        metric = f"fbeta({task.metric[1:]}, DECIDE)" if decides else f"fbeta({task.metric[1:]})"
    return "\n".join(
        [
            f'"""{title}: {about(layout, task)}."""',
            "",
            "from typing import TYPE_CHECKING",
            "",
            "import pandas as pd",
            "",
            *imports,
            "",
            "if TYPE_CHECKING:",
            "    from common.raw.files import RawFiles",
            "",
            *([_assigned("CLASSES", task.classes)] if task.kind in ("multiclass", "tags") else []),
            *(
                [f"DECIDE = ExpectedFbeta({task.metric[1:]})  # the tags whose expected score is highest"]
                if decides
                else []
            ),
            f"TARGET = {_target(task, scale, decides)}",
            "",
            "",
            *_read_examples(layout, task, target),
            "",
            "",
            *_submission(layout, task, target),
            "",
            "",
            "COMPETITION = Competition(",
            f"    slug={quoted(slug)},",
            f"    title={quoted(title)},",
            f'    targets={{"{target}": TARGET}},',
            f"    metric={metric},",
            "    read_examples=read_examples,",
            "    submission=submission,",
            f"    sample_submission={quoted(layout.sample)},",
            f"    id_column={quoted(layout.sample_id)},",
            ")",
            "",
        ]
    )


def about(layout: Layout, task: Task) -> str:
    """The task in a few words."""
    if task.kind == "number":
        return f"the number '{layout.label_column}' of a picture"
    if task.kind == "tags":
        return f"which of {len(task.classes)} tags a picture has"
    if task.form == "probability":
        return f"the probability that a picture shows '{task.classes[1]}' rather than '{task.classes[0]}'"
    return f"which of {len(task.classes)} classes a picture shows"


def quoted(text: str) -> str:
    """A literal in double quotes, as ruff writes it."""
    return "'" + text + "'" if '"' in text and "'" not in text and "\\" not in text else '"' + _escaped(text) + '"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _assigned(name: str, values: tuple[str, ...]) -> str:
    """A tuple on one line, or one value a line."""
    line = f"{name} = ({', '.join(map(quoted, values))})"
    if len(line) <= _LINE:
        return line
    return "\n".join([f"{name} = (", *(f"    {quoted(value)}," for value in values), ")"])


def _call(start: str, name: str, arguments: list[str]) -> str:
    """An indented call, on as many lines as it takes."""
    line = f"    {start}{name}({', '.join(arguments)})"
    if len(line) <= _LINE:
        return line
    inner = f"        {', '.join(arguments)}"
    lines = [inner] if len(inner) <= _LINE else [f"        {argument}," for argument in arguments]
    return "\n".join([f"    {start}{name}(", *lines, "    )"])


def _target(task: Task, scale: float, decides: bool) -> str:
    if task.kind == "binary":
        return f"Binary({quoted(task.classes[0])}, {quoted(task.classes[1])})"
    if task.kind == "number":
        return f"Regression(scale={scale:g})  # about the deviation of the training rows"
    if task.kind == "multiclass":
        return "Multiclass(CLASSES)"
    separator = "" if task.separator == " " else f", separator={quoted(task.separator)}"
    return f"Multilabel(CLASSES{separator}{', decide=DECIDE' if decides else ''})"


def _read_examples(layout: Layout, task: Task, target: str) -> list[str]:
    sample = [quoted(layout.sample), quoted(layout.sample_id), quoted(layout.test)]
    test = _call("test = ", "rows_to_predict", ["raw", *sample])
    where = f"below {layout.train}/" if layout.train else "in the raw files"
    if layout.labels_in == "table":
        says = f"The column `{layout.label_column}` of {layout.table}; `{layout.table_id}` names the picture, {where}."
        columns = f"{{{quoted(target)}: {quoted(layout.label_column)}}}"
        arguments = [quoted(layout.table), quoted(layout.table_id), columns, quoted(layout.train)]
    elif layout.labels_in == "folders":
        says = f"The folders in {layout.train}/ are the classes; the id is the path of the picture below it."
        arguments = [quoted(layout.train)]
    else:
        says = f"The class stands before the number in the name of each picture {where}."
        arguments = [quoted(layout.train)]
    missing = int(layout.labels.isna().sum())
    start = "rows = " if missing or task.kind == "number" else "return "
    rest = [_call(start, _READERS[layout.labels_in], ["raw", *arguments, "test"])]
    if task.kind == "number":
        rest.append(f"    rows[{quoted(target)}] = pd.to_numeric(rows[{quoted(target)}])")
    if missing:
        known = f'(rows["part"] == "test") | rows[{quoted(target)}].notna()'
        rest.append(f"    return rows[{known}]  # without the {missing:,} that have no label")
    elif task.kind == "number":
        rest.append("    return rows")
    return ['def read_examples(raw: "RawFiles") -> pd.DataFrame:', f'    """{says}"""', test, *rest]


def _submission(layout: Layout, task: Task, target: str) -> list[str]:
    column = str(layout.values.columns[0])
    if task.form == "class columns":
        says, returned = "A column a class: its probability.", f"class_columns(predictions, {quoted(target)})"
    elif task.form == "probability":
        source = f"{target}:{task.classes[1]}"
        says = f"The column `{column}` is the probability of '{task.classes[1]}'."
        renamed = f"predictions.rename(columns={{{quoted(source)}: {quoted(column)}}})"
        returned = f"{renamed}[[{quoted(column)}]]"
    else:
        said = {"label": "the class", "tags": "the tags", "number": "the number"}[task.form]
        says = f"The column `{column}` holds {said}."
        returned = f"decoded_column(predictions, {quoted(target)}, TARGET, {quoted(column)})"
    return ["def submission(predictions: pd.DataFrame) -> pd.DataFrame:", f'    """{says}"""', f"    return {returned}"]
