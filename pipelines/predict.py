"""`podium predict`: what the trained ensemble says of single pictures."""

import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from common.errors import PodiumError
from common.files import replacing
from common.images.decode import UnreadablePicture
from common.predictions import make_table
from common.tables import read_table
from common.targets import Regression, Target
from pipelines.trained import TrainedEnsemble
from pipelines.workspace import Workspace

_SHOWN_CLASSES = 3


def predict_command(workspace: Workspace, files: Sequence[Path], as_json: bool, csv: Path | None) -> int:
    """The exit code: 1 where a picture cannot be read; the others are predicted all the same."""
    ensemble = TrainedEnsemble(workspace)
    read: list[tuple[Path, bytes, dict[str, Any]]] = []
    for file in files:
        try:
            data = file.read_bytes()
            read.append((file, data, ensemble.prepare(file)))
        except (OSError, UnreadablePicture) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            print(f"podium: {file}: cannot be read: {reason}", file=sys.stderr)
    if not read:
        raise PodiumError("none of the pictures can be read")
    known = _known_pictures(workspace, [row["content_hash"] for _, _, row in read])
    ids = [id_ or f"{number} {read[number][0].name}" for number, (_, id_) in enumerate(known)]
    with contextlib.redirect_stdout(sys.stderr):  # progress is no part of the answer
        predictions = ensemble.predict(ids, [(data, row) for _, data, row in read])
    table = _table([file for file, _, _ in read], known, predictions, ensemble.targets)
    if csv is not None:
        with replacing(csv) as beside:
            table.to_csv(beside, index=False, lineterminator="\n")
        print(f"{len(table):,} rows: {csv}")
    if as_json:
        print(json.dumps(json.loads(table.to_json(orient="records", double_precision=15)), indent=2))
    elif csv is None:
        Console().print(_shown(table, predictions, ensemble.targets))
    return 1 if len(read) < len(files) else 0


def _known_pictures(workspace: Workspace, content_hashes: Sequence[str]) -> list[tuple[str, str]]:
    """Part and id of the example that has the same bytes, or empty texts: its augmented views are drawn from its id."""
    examples = read_table(workspace.examples, "preprocess")
    # Where pictures are equal, one that is to be predicted counts, since its numbers are in the submission.
    examples = examples.assign(trained_on=examples["part"] != "test").sort_values(["trained_on", "part", "id"])
    by_hash = examples.drop_duplicates("content_hash").set_index("content_hash")[["part", "id"]]
    return [tuple(by_hash.loc[digest]) if digest in by_hash.index else ("", "") for digest in content_hashes]


def _table(
    files: Sequence[Path],
    known: Sequence[tuple[str, str]],
    predictions: Mapping[str, np.ndarray],
    targets: Mapping[str, Target],
) -> pd.DataFrame:
    """`file`, `part` and `id` where it is an example, what each target is decided to be, and all that is predicted."""
    made = make_table([str(file) for file in files], "blend", predictions, targets).drop(columns=["id", "view"])
    about = pd.DataFrame(known, columns=["part", "id"])
    about.insert(0, "file", [str(file) for file in files])
    for name, target in targets.items():
        if not isinstance(target, Regression):
            about[name] = target.decode(predictions[name])
    return pd.concat([about, made], axis=1)


def _shown(table: pd.DataFrame, predictions: Mapping[str, np.ndarray], targets: Mapping[str, Target]) -> Table:
    """For a person: the decision, and of many classes the likeliest."""
    shown = Table(box=None, pad_edge=False)
    shown.add_column("file", overflow="fold")
    for name, target in targets.items():
        shown.add_column(name)
        if not isinstance(target, Regression):
            shown.add_column("probability" if len(target.outputs) == 1 else "likeliest")
    shown.add_column("", no_wrap=True)
    notes = {"": "", "train": "trained on it", "extra": "trained on it", "test": "a test picture"}
    for row in range(len(table)):
        cells = [str(table["file"].iloc[row])]
        for name, target in targets.items():
            values = predictions[name][row]
            if isinstance(target, Regression):
                cells.append(f"{values[0]:.5g}")
                continue
            order = np.argsort(-values, kind="stable")[:_SHOWN_CLASSES]
            cells.append(str(table[name].iloc[row]))
            cells.append(", ".join(f"{target.outputs[place]} {values[place]:.3f}" for place in order))
        shown.add_row(*cells, notes[table["part"].iloc[row]])
    return shown
