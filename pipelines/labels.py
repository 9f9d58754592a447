"""Stage `labels`: the labels that training sees, as given or with people's corrections laid over them, and its weights.

A recipe's file of sample weights lies in a folder that this stage depends on. It writes a checked copy for each model,
on which that model's trainings depend: an edit of one file retrains the models that use it, and no other.
"""

import numpy as np
import pandas as pd

from common.errors import UsageError
from common.files import replacing
from common.labels.corrections import apply_corrections, read_corrections
from common.labels.sample_weights import read_sample_weights
from common.tables import read_table, write_table
from common.training.options import ModelOptions
from pipelines.stage import run
from pipelines.workspace import Workspace


def labels(workspace: Workspace) -> None:
    """Write data/labels.parquet (id, targets, `excluded` of training rows, extra ones too) and data/sample_weights."""
    competition = workspace.competition
    examples = read_table(workspace.examples, "preprocess")
    given = examples.loc[examples["part"] != "test", ["id", *competition.targets]].reset_index(drop=True)
    ids = {part: examples.loc[examples["part"] == part, "id"].tolist() for part in ("train", "extra")}
    _write_sample_weights(workspace, ids["train"], ids["extra"])
    if not workspace.params.get("use_corrections", False):
        write_table(workspace.labels, given.assign(excluded=False))
        print(f"{len(given):,} labels as given (use_corrections: false)")
        return
    corrections = read_corrections(workspace.corrections)
    where, target = workspace.relative(workspace.corrections), competition.scored_target
    corrected = apply_corrections(given, corrections, target, competition.targets[target], where)
    write_table(workspace.labels, corrected)
    counts = corrections.drop_duplicates("id")["decision"].value_counts().sort_index()
    decided = ", ".join(f"{count:,} {decision}" for decision, count in counts.items())
    print(f"{len(given):,} labels; decisions about {counts.sum():,}: {decided or 'none'} ({where})")


def _write_sample_weights(workspace: Workspace, ids: list[str], extra_ids: list[str]) -> None:
    """data/sample_weights/MODEL.parquet: the weight of each row; no row where the model draws by none."""
    tables = {model: pd.DataFrame({"id": pd.Series(dtype="str"), "weight": np.zeros(0)}) for model in workspace.models}
    for model in workspace.models:
        named = workspace.section(ModelOptions, "models", model).sample_weights
        if named is None:
            continue
        path = (workspace.folder / named).resolve()
        if workspace.sample_weights_folder.resolve() not in path.parents:
            raise UsageError(
                f"{workspace.params_path}: models.{model}.sample_weights: '{named}' does not lie in the folder "
                f"sample_weights/, where DVC sees it change: move it to {workspace.sample_weights_folder} and name it "
                f"sample_weights/{path.name}"
            )
        tables[model] = read_sample_weights(path, ids, extra_ids)
        print(f"{model}: weights of {len(tables[model]):,} rows ({workspace.relative(path)})")
    with replacing(workspace.sample_weights("any").parent) as beside:
        beside.mkdir()
        for model, table in tables.items():
            write_table(beside / f"{model}.parquet", table)


if __name__ == "__main__":
    run(labels)
