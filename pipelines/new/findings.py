"""What was found in raw files, in words."""

import io
from collections.abc import Sequence

import numpy as np
import pandas as pd
from PIL import Image

from common.errors import PodiumError
from common.raw.files import RawFiles
from pipelines.new.layout import Layout
from pipelines.new.module import about
from pipelines.new.task import Task

_SIZED_PICTURES = 60


def picture_sizes(raw: RawFiles, pictures: Sequence[str]) -> np.ndarray:
    """Width and height of some of the pictures, (n, 2), as they lie: only their headers are read."""
    sizes = []
    for position in np.unique(np.linspace(0, len(pictures) - 1, _SIZED_PICTURES).astype(int)):
        try:
            with Image.open(io.BytesIO(raw.read_bytes(pictures[position]))) as image:
                sizes.append(image.size)
        except (OSError, Image.DecompressionBombError):
            continue  # the stage preprocess names what cannot be read
    if not sizes:
        raise PodiumError(f"{raw.root}: none of {len(pictures):,} pictures can be read, as {pictures[0]}")
    return np.array(sizes)


def findings(raw: RawFiles, layout: Layout, task: Task, sizes: np.ndarray) -> list[str]:
    """A line for each thing that was found; `sizes`: see `picture_sizes`."""
    labels = layout.labels.dropna().astype(str)
    words = labels.str.split(task.separator).explode() if task.separator else labels
    counts = words[words != ""].value_counts()
    source = {
        "table": f"column '{layout.label_column}' of {layout.table}",
        "folders": f"the folders in {layout.train}/",
        "names": "the names, before the number",
    }[layout.labels_in]
    if task.kind == "number":
        numbers = pd.to_numeric(labels)
        classes = f"numbers from {numbers.min():g} to {numbers.max():g}, mean {numbers.mean():.4g}"
    else:
        kind = "tags" if task.kind == "tags" else "classes"
        rare, often = counts.index[-1], counts.index[0]
        classes = (
            f"{len(task.classes)} {kind}, from {counts.iloc[-1]:,} ({rare}) to {counts.iloc[0]:,} pictures ({often})"
        )
    missing = int(layout.labels.isna().sum())
    columns = list(map(str, layout.values.columns))
    handed_in = f"column '{columns[0]}'" if len(columns) == 1 else f"{len(columns)} columns"
    form = f"the {task.form}"
    if task.form == "class columns":
        form = "a probability a class"
    elif task.form == "probability":
        form = f"the probability of '{task.classes[1]}'"
    guess = ", a guess from the form of the submission: --metric says otherwise" if task.metric_is_guess else ""
    small, large = sizes[sizes.prod(axis=1).argmin()], sizes[sizes.prod(axis=1).argmax()]
    table_id = f"; '{layout.table_id}' of {layout.table} names training pictures" if layout.table else ""
    return [
        f"found in    {raw.root}",
        f"pictures    {len(layout.labels):,} to train on, below {layout.train or '.'}/;"
        f" {layout.test_pictures:,} to predict, below {layout.test or '.'}/",
        f"sizes       {small[0]} x {small[1]} to {large[0]} x {large[1]} px, of {len(sizes)} looked at",
        f"ids         '{layout.sample_id}' of {layout.sample}{table_id}",
        f"labels      {source}: {classes}{f'; {missing:,} missing' if missing else ''}",
        f"task        {about(layout, task)}",
        f"submission  {handed_in}: {form}",
        f"metric      {task.metric}{guess}",
    ]
