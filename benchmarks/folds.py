"""How even multilabel folds are, and how long they take, beside what is usually done.

    python -m benchmarks.folds [--folds 5] [--runs 3]

Peers: iterative-stratification's MultilabelStratifiedKFold, which knows no groups (it is given one row a group, with
all tags that occur in it), and scikit-learn's StratifiedGroupKFold, which knows no tags (it is given each row's rarest
one). Tables: the tags of planet and the studies of unifesp_xray, where they are, and drawn rows of planet's or of drawn
tags in groups. Printed are the time of one processor (median of the runs, in turn), how far the size of a fold is from
even at most, how far a tag's rows in a fold are from even at most (among tags with 20 rows a fold or more, in percent;
among the others, in rows), and the number of tags whose counts differ by more than one row.
Needs `pip install iterative-stratification`.
"""

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
from iterstrat.ml_stratifiers import MultilabelStratifiedKFold
from rich.console import Console
from rich.table import Table
from sklearn.model_selection import StratifiedGroupKFold

from common.randomness import generator
from common.targets import Multilabel
from common.validation.tag_folds import assign_tag_folds

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
RARE_ROWS = 20
Deal = Callable[[np.ndarray, np.ndarray, int, int], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # scikit-learn's about classes with fewer rows than folds
    for title, tags, groups in tables():
        table = Table(title=f"{title}: {len(tags):,} rows, {len(set(groups)):,} groups, {tags.shape[1]} tags")
        for column in ("", "seconds", "size off", "common tag off", "rare tag off, rows", "tags more than 1 row apart"):
            table.add_column(column, justify="left" if not column else "right")
        seconds: dict[str, list[float]] = {name: [] for name in DEALS}
        folds = {}
        for run in range(given.runs):
            for name, deal in DEALS.items():
                begin = time.process_time()
                folds[name] = deal(tags, groups, given.folds, run)
                seconds[name].append(time.process_time() - begin)
        for name, fold in folds.items():
            table.add_row(name, f"{median(seconds[name]):.2f}", *quality(fold, tags, given.folds))
        Console(width=120).print(table)


def podium(tags: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    return assign_tag_folds(tags, groups, folds, seed)


def iterative_stratification(tags: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    names, group_of = np.unique(groups.astype(str), return_inverse=True)
    any_row = np.zeros((len(names), tags.shape[1]))
    np.maximum.at(any_row, group_of, tags)
    fold = np.empty(len(names), dtype=int)
    splitter = MultilabelStratifiedKFold(folds, shuffle=True, random_state=seed)
    for number, (_, held) in enumerate(splitter.split(any_row, any_row)):
        fold[held] = number
    return fold[group_of]


def stratified_groups(tags: np.ndarray, groups: np.ndarray, folds: int, seed: int) -> np.ndarray:
    rarest = np.where(tags == 1, tags.sum(axis=0), np.inf).argmin(axis=1)
    fold = np.empty(len(tags), dtype=int)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for number, (_, held) in enumerate(splitter.split(tags, rarest, groups)):
        fold[held] = number
    return fold


DEALS: dict[str, Deal] = {
    "podium": podium,
    "iterative-stratification": iterative_stratification,
    "StratifiedGroupKFold": stratified_groups,
}


def quality(fold: np.ndarray, tags: np.ndarray, folds: int) -> tuple[str, str, str, str]:
    """Size off, common tag off, rare tag off, tags whose counts differ by more than one row."""
    sizes = np.bincount(fold, minlength=folds)
    counts = np.array([tags[fold == number].sum(axis=0) for number in range(folds)])
    even = counts.mean(axis=0)
    off = np.abs(counts - even).max(axis=0)
    common = even >= RARE_ROWS
    return (
        f"{np.abs(sizes / sizes.mean() - 1).max():.2%}",
        f"{(off / even)[common].max():.2%}",
        f"{off[~common].max():.1f}" if not common.all() else "",
        f"{(np.ptp(counts, axis=0) > 1).sum()} of {len(even)}",
    )


def tables() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Title, (rows, tags) of 0.0 and 1.0, (rows,) groups."""
    share = np.geomspace(0.9, 0.0025, 17)
    if (DATA / "planet").is_dir():
        rows = pd.read_csv(DATA / "planet" / "train_v2.csv", dtype=str).set_index("image_name")["tags"]
        planet = encoded(rows)
        share = planet.mean(axis=0)
        yield "planet", planet, rows.index.to_numpy(dtype=object)
    rng = generator(0, "benchmark of folds")
    popularity = np.minimum(rng.pareto(1.5, 10_000) + 0.1, 30)
    group = np.r_[np.arange(10_000), rng.choice(10_000, 30_000, p=popularity / popularity.sum())]
    inclination = rng.beta(4 * share, 4 * (1 - share), (10_000, 17))
    yield "drawn groups", (rng.random((40_000, 17)) < inclination[group]).astype(float), group.astype(str)
    if (DATA / "unifesp_xray").is_dir():
        headers = pd.read_csv(DATA / "unifesp_xray" / "train_with_dicom_headers.csv", dtype=str)
        yield "unifesp_xray by study", encoded(headers["Target"]), headers["StudyInstanceUID"].to_numpy(dtype=object)


def encoded(values: pd.Series) -> np.ndarray:
    return Multilabel(tuple(sorted({tag for text in values for tag in text.split()}))).encode(values)


if __name__ == "__main__":
    main()
