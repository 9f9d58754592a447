"""Stage `preprocess`: raw files to one table of examples and one file of pictures."""

import pandas as pd

from common.errors import PodiumError
from common.files import replacing
from common.images.examples import check_examples
from common.images.ingest import ingest, work_folder
from common.images.options import PreprocessOptions
from common.raw.extra import RawAndExtra, extra_rows
from common.tables import write_table
from pipelines.extra import checked_sources
from pipelines.raw import open_raw
from pipelines.stage import run
from pipelines.workspace import Machine, Workspace


def preprocess(workspace: Workspace) -> None:
    """Write data/examples.parquet, data/images.zip and data/unreadable.csv."""
    options = workspace.section(PreprocessOptions, "preprocess")
    competition, raw = workspace.competition, open_raw(workspace)
    where = f"competitions/{workspace.name}/competition.py"
    examples = check_examples(competition.reader(options.input)(raw), competition.targets, raw.names(), where)
    sources, extra_manifests = checked_sources(workspace)
    for source in sources:
        examples = pd.concat([examples, extra_rows(source, competition.targets, examples)], ignore_index=True)
    if "bands" in examples:
        examples["bands"] = examples["bands"].fillna("")
    all_files = RawAndExtra(raw, {source.name: source.files for source in sources})
    with work_folder(workspace.raw_manifest.read_text(encoding="utf-8") + extra_manifests, examples) as work:
        facts = ingest(all_files, examples, workspace.images, work, Machine.of(workspace).workers)
        unreadable = facts["reason"].notna()
        _write_unreadable(workspace, examples.assign(reason=facts["reason"])[unreadable])
        if unreadable.sum() > options.max_unreadable:
            first = facts.loc[unreadable, "reason"].iloc[0]
            raise PodiumError(
                f"{unreadable.sum():,} of {len(examples):,} pictures cannot be read (first: "
                f"{examples.loc[unreadable, 'path'].iloc[0]}: {first}). All are listed in "
                f"{workspace.relative(workspace.unreadable)}. Mend them, or leave them out by "
                f"preprocess.max_unreadable: {unreadable.sum()} in "
                f"{workspace.relative(workspace.params_path)}"
            )
        table = examples.drop(columns="bands", errors="ignore").join(facts.drop(columns="reason"))
        table = table[~unreadable | (table["part"] == "test")].reset_index(drop=True)
        write_table(workspace.examples, table)
    _print_counts(table, int(unreadable.sum()), workspace)


def _write_unreadable(workspace: Workspace, rows: pd.DataFrame) -> None:
    with replacing(workspace.unreadable) as beside:
        rows[["id", "part", "path", "reason"]].to_csv(beside, index=False, lineterminator="\n")


def _print_counts(table: pd.DataFrame, unreadable: int, workspace: Workspace) -> None:
    counts = table["part"].value_counts()
    size_mb = workspace.images.stat().st_size / 1e6
    extra = f" (and {counts['extra']:,} extra)" if "extra" in counts else ""
    print(
        f"{counts['train']:,} training{extra} and {counts['test']:,} test examples, {size_mb:,.1f} MB of pictures; "
        f"{unreadable:,} unreadable ({workspace.relative(workspace.unreadable)})"
    )


if __name__ == "__main__":
    run(preprocess)
