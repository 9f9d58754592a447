"""Stage `preprocess`: raw files to one table of examples and one file of pictures."""

import hashlib

import pandas as pd

from common.dicom.facts import FACTS as DICOM_FACTS
from common.errors import PodiumError
from common.files import replacing
from common.images.examples import check_examples
from common.images.ingest import ingest, work_folder
from common.images.options import PreprocessOptions
from common.images.spread import Spread
from common.raw.extra import RawAndExtra, extra_rows
from common.tables import write_table
from pipelines.extra import checked_sources
from pipelines.raw import open_raw
from pipelines.stage import run
from pipelines.workspace import Machine, Workspace


def preprocess(workspace: Workspace, cluster: str = "") -> None:
    """Write data/examples.parquet, data/images.zip and data/unreadable.csv.

    cluster  address of a Dask scheduler whose workers examine the pictures
    """
    options = workspace.section(PreprocessOptions, "preprocess")
    competition, raw, machine = workspace.competition, open_raw(workspace), Machine.of(workspace)
    where = f"competitions/{workspace.name}/competition.py"
    examples = check_examples(competition.reader(options.input)(raw), competition.targets, raw.names(), where)
    examples = _without_names(examples, competition.slug)
    sources = checked_sources(workspace)
    for source in sources:
        examples = pd.concat([examples, extra_rows(source, competition.targets, examples)], ignore_index=True)
    if "bands" in examples:
        examples["bands"] = examples["bands"].fillna("")
    files = RawAndExtra(raw, {source.name: source.files for source in sources})
    amiss = examples["problem"].notna() if "problem" in examples else pd.Series(False, index=examples.index)
    memory_bytes = int(machine.max_memory_gb * 1e9) if machine.max_memory_gb else None
    spread = Spread(machine.workers, memory_bytes, cluster)
    with work_folder(workspace.images) as work:
        facts = ingest(files, examples[~amiss], workspace.images, work, spread, options.dicom).reindex(examples.index)
        reasons = facts["reason"].mask(amiss, examples["problem"] if amiss.any() else None)
        unreadable = reasons.notna()
        _write_unreadable(workspace, examples.assign(reason=reasons)[unreadable])
        if unreadable.sum() > options.max_unreadable:
            first = examples.assign(reason=reasons)[unreadable].iloc[0]
            raise PodiumError(
                f"{unreadable.sum():,} of {len(examples):,} pictures cannot be read (first: "
                f"{first['path'] or first['id']}: {first['reason']}). All are listed in "
                f"{workspace.relative(workspace.unreadable)}. Mend them, or leave them out by "
                f"preprocess.max_unreadable: {unreadable.sum()} in "
                f"{workspace.relative(workspace.params_path)}"
            )
        table = examples.drop(columns=["bands", "problem"], errors="ignore").join(facts.drop(columns="reason"))
        # A row to be predicted stays, also where there is no picture of it; other things amiss are told, and go.
        predicted = (examples["part"] == "test") & (~amiss | examples["path"].isna())
        table = table[~unreadable | predicted].reset_index(drop=True)
        unknown = [name for name in DICOM_FACTS if table[name].isna().all()]
        write_table(workspace.examples, table.drop(columns=unknown))
    _print_counts(table, int(unreadable.sum()), workspace)


def _without_names(examples: pd.DataFrame, salt: str) -> pd.DataFrame:
    """Groups as salted hashes: they say which rows belong together, and not whose they are."""
    if "group" not in examples:
        return examples
    hashed = [hashlib.blake2b(f"{salt}\0{group}".encode(), digest_size=8).hexdigest() for group in examples["group"]]
    return examples.assign(group=pd.Series(hashed, index=examples.index).where(examples["group"].notna()))


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
    run(preprocess, cluster=str)
