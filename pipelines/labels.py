"""Stage `labels`: the labels that training sees, as given or with people's corrections laid over them."""

from common.labels.corrections import apply_corrections, read_corrections
from common.tables import read_table, write_table
from pipelines.stage import run
from pipelines.workspace import Workspace


def labels(workspace: Workspace) -> None:
    """Write data/labels.parquet: id, targets and `excluded` of the training rows."""
    competition = workspace.competition
    examples = read_table(workspace.examples, "preprocess")
    given = examples.loc[examples["part"] == "train", ["id", *competition.targets]].reset_index(drop=True)
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


if __name__ == "__main__":
    run(labels)
