"""Stage `split`: which rows validate which model, and what may be wrong with that."""

import pandas as pd

from common.errors import PodiumError
from common.files import write_json
from common.tables import read_table, write_table
from common.validation.duplicates import find_duplicates
from common.validation.extra import NO_FOLD, extra_examples, extra_report
from common.validation.folds import stratified_folds
from common.validation.groups import joined_groups
from common.validation.options import SplitOptions
from common.validation.split_report import split_report
from pipelines.stage import run
from pipelines.workspace import Workspace


def split(workspace: Workspace) -> None:
    """Write data/folds.parquet (id, fold, group of the training rows) and split.json.

    Extra labelled rows that show no picture of train or test are in it too, with the fold NO_FOLD.
    """
    options = workspace.section(SplitOptions, "split")
    folds = int(workspace.params["folds"])
    competition = workspace.competition
    everything = read_table(workspace.examples, "preprocess")
    # Without the extra rows, which must not move a training row by being near to it.
    examples = everything[everything["part"] != "extra"].reset_index(drop=True)
    duplicates = find_duplicates(examples["content_hash"], examples["perceptual_hash"], options.near_duplicate_bits)
    is_train = (examples["part"] == "train").to_numpy()
    train = examples[is_train].reset_index(drop=True)
    if len(train) < folds:
        raise PodiumError(f"{workspace.examples}: {len(train):,} training rows do not fill folds: {folds}")

    ids, relations = train["id"].tolist(), [pd.Series(duplicates[is_train])]
    if "group" in train:
        relations.append(train["group"])
    train["group"] = joined_groups(ids, *relations)
    scored = competition.scored_target
    target = competition.targets[scored]
    truth = target.encode(train.set_index("id")[scored])
    train["fold"] = stratified_folds(target, truth, ids, train["group"].tolist(), folds, workspace.seed)

    report = split_report(train, examples, duplicates, competition.targets)
    extra, seen_elsewhere = extra_examples(everything, options.near_duplicate_bits)
    report["extra"] = extra_report(extra, seen_elsewhere)
    own = extra[~seen_elsewhere]
    own = pd.DataFrame({"id": own["id"], "fold": NO_FOLD, "group": own["id"]})
    rows = pd.concat([train[["id", "fold", "group"]], own])
    write_table(workspace.folds, rows.sort_values("id", kind="stable"))
    write_json(workspace.split_report, report)
    _print_report(train, report, workspace)


def _print_report(train: pd.DataFrame, report: dict, workspace: Workspace) -> None:
    sizes = ", ".join(f"{entry['rows']:,}" for entry in report["folds"].values())
    print(f"{len(train):,} rows in {report['groups']['count']:,} groups; rows a fold: {sizes}")
    for entry in report["extra"]:
        print(f"  extra: {entry['joining']:,} of {entry['rows']:,} rows join every fold's training: {entry['source']}")
    for check in report["checks"]:
        print(f"  {'ok  ' if check['ok'] else 'LOOK'}  {check['name']}: {check['detail']}")
    print(f"all of it: {workspace.relative(workspace.split_report)}")


if __name__ == "__main__":
    run(split)
