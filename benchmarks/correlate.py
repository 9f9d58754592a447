"""How fast `podium correlate` is, and how often it names the right cause.

    python -m benchmarks.correlate [--rows 1000000] [--runs 5] [--seeds 3]

Speed: two files of a million rows in different orders, from the start of Python to the last word, beside a plain
pandas `merge` and `corr` of the same two files, in turn; medians and their ratio. Causes: every corruption of
`corruptions.py` of drawn submissions in each format, and of the real Rossmann submissions where they are; once as
a corrupted copy of the known-good file and once as a corrupted other model. False alarms: pairs of honest,
different models that agree well enough.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmarks.corruptions import CORRUPTIONS, applicable
from benchmarks.drawn_submissions import FORMATS, draw
from common.randomness import generator
from common.submission.correlate import correlate

ROOT = Path(__file__).resolve().parent.parent
ROSSMANN = ROOT.parent / "shared" / "data" / "rossmann_kaggle_test"
OURS = "import sys; from pathlib import Path; from pipelines.correlate import correlate_command as run; "
OURS += "run(Path(sys.argv[1]), Path(sys.argv[2]), 0.9, True)"
PANDAS = "import sys, pandas as pd; a, b = map(pd.read_csv, sys.argv[1:]); m = a.merge(b, on='id'); "
PANDAS += "print(m.iloc[:, 1].corr(m.iloc[:, 2]), m.iloc[:, 1].corr(m.iloc[:, 2], method='spearman'))"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=3, help="drawn submissions of each format")
    given = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        console.print(speed(Path(folder), given.rows, given.runs))
        table, right, tried = causes(Path(folder), given.seeds)
        console.print(table)
        console.print(f"causes named right: {right} of {tried} ({right / tried:.1%})")
        alarms, pairs = false_alarms(Path(folder), 100)
        console.print(f"false alarms: {alarms} of {pairs} pairs of honest, different models")


def speed(folder: Path, rows: int, runs: int) -> Table:
    """Seconds for one pair that is fine and one whose rows were made in text order, and of pandas for the first."""
    rng = generator(0, "speed")
    known = pd.DataFrame({"id": np.arange(1, rows + 1), "label": rng.random(rows)})
    values = np.clip(known["label"] + rng.normal(0, 0.05, rows), 0, 1).to_numpy()
    fine = known.assign(label=values).iloc[rng.permutation(rows)]
    slipped = known.assign(label=values[np.argsort(known["id"].astype(str).to_numpy())])
    paths = {name: folder / f"{name}.csv" for name in ("known", "fine", "slipped")}
    for name, table in (("known", known), ("fine", fine), ("slipped", slipped)):
        table.to_csv(paths[name], index=False, float_format="%.6f")
    commands = {
        "podium correlate, a good file": (OURS, "fine"),
        "podium correlate, rows_sorted": (OURS, "slipped"),
        "pandas merge and corr, the good file": (PANDAS, "fine"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, (code, file) in commands.items():
            seconds[name].append(_seconds(code, paths[file], paths["known"]))
    peer = median(seconds["pandas merge and corr, the good file"])
    table = Table(title=f"{rows:,} rows, start of Python included: seconds, {runs} runs in turn", title_justify="left")
    for heading in ("", "median", "least", "most", "median / pandas' median"):
        table.add_column(heading, justify="right" if heading else "left")
    for name, found in seconds.items():
        numbers = (median(found), min(found), max(found), median(found) / peer)
        table.add_row(name, *(f"{value:.2f}" for value in numbers))
    return table


def _seconds(code: str, *paths: Path) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, *map(str, paths)], check=False, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - start


def causes(folder: Path, seeds: int) -> tuple[Table, int, int]:
    """The share of corruptions whose cause is named, by code; `copy` and `other` as in the module's docstring."""
    tried: Counter[tuple[str, str]] = Counter()
    right: Counter[tuple[str, str]] = Counter()
    taken_for: dict[str, Counter[str]] = {code: Counter() for code in CORRUPTIONS}
    for position, (name, known, other) in enumerate(_pairs(seeds)):
        known.to_csv(folder / "known.csv", index=False)
        for code in CORRUPTIONS:
            for kind, table in (("copy", known), ("other", other)):
                for _, bad in applicable(table, code, generator(position, name, code, kind)):
                    bad.to_csv(folder / "new.csv", index=False)
                    found = correlate(folder / "new.csv", folder / "known.csv").diagnosis
                    tried[code, kind] += 1
                    right[code, kind] += found == code
                    if found != code:
                        taken_for[code][found] += 1
    table = Table(title="causes named right", title_justify="left")
    for heading in ("cause", "corrupted copy", "corrupted other model", "otherwise taken for"):
        table.add_column(heading, justify="left" if heading in ("cause", "otherwise taken for") else "right")
    for code in CORRUPTIONS:
        shares = [f"{right[code, kind]} of {tried[code, kind]}" for kind in ("copy", "other")]
        table.add_row(code, *shares, ", ".join(f"{name} {times}" for name, times in taken_for[code].items()))
    return table, right.total(), tried.total()


def _pairs(seeds: int) -> list[tuple[str, pd.DataFrame, pd.DataFrame]]:
    pairs = []
    for seed in range(seeds):
        for format_ in FORMATS:
            rng = generator(seed, "causes", format_.name)
            rows = int(rng.integers(200, 3_000))
            known, other = draw(format_, rows, rng, (0.1, 0.2))
            pairs.append((format_.name, known, other))
    files = sorted(ROSSMANN.glob("submission_*.csv"))
    if len(files) == 2:
        tables = [pd.read_csv(path, dtype={"Id": str}).rename(columns={"Id": "id"}) for path in files]
        by_id = [table.sort_values("id", key=lambda ids: ids.astype(int), ignore_index=True) for table in tables]
        pairs += [("rossmann, real", by_id[0], by_id[1]), ("rossmann, real", by_id[1], by_id[0])]
    return pairs


def false_alarms(folder: Path, wanted: int) -> tuple[int, int]:
    """Of `wanted` pairs of honest models whose correlation reaches 0.9, how many are not called ok."""
    alarms, pairs, seed = 0, 0, 0
    while pairs < wanted:
        format_ = FORMATS[seed % len(FORMATS)]
        rng = generator(seed, "honest", format_.name)
        known, other = draw(format_, int(rng.integers(50, 3_000)), rng, tuple(rng.uniform(0.02, 0.4, size=2)))
        seed += 1
        known.to_csv(folder / "known.csv", index=False)
        # Another order of rows and columns leaves every row's meaning as it is.
        other.iloc[rng.permutation(len(other)), ::-1].to_csv(folder / "new.csv", index=False)
        found = correlate(folder / "new.csv", folder / "known.csv")
        if found.correlation >= 0.9:
            pairs += 1
            alarms += not found.ok
    return alarms, pairs


if __name__ == "__main__":
    main()
