"""Pictures in which nothing is recognised: a list for a person, by the networks that learned each class for itself."""

import numpy as np
import pandas as pd

from common.report.blocks import Block, Cell, Gallery, Section, Table, Words
from common.report.gallery import ExampleKey, Thumbnails
from common.report.inputs import Inputs
from common.report.judged import as_written
from common.report.wording import count, number, share, with_error
from common.targets import Multiclass, columns_of

COLUMNS = ("part", "id", "path", "probability_of_nothing", "given", "likeliest", "probability", "abstained")
_MOST_PICTURES = 24


def triage_table(inputs: Inputs) -> pd.DataFrame:
    """COLUMNS of all rows that a network with sigmoids has seen, the least recognised first; else no row.

    probability_of_nothing  mean over those networks, out-of-fold for training rows
    given                   the label as given; missing in test
    likeliest, probability  the blend's class, if it is one
    abstained               whether the recipe's `abstain.above` leaves the row to a person
    """
    name = inputs.competition.scored_target
    target = inputs.competition.targets[name]
    blends = [("train", inputs.oof), ("test", inputs.test)]
    parts = [table.assign(part=part) for part, table in blends if table is not None]
    if inputs.nothing is None or inputs.nothing.empty or not parts or not isinstance(target, Multiclass):
        return pd.DataFrame(columns=list(COLUMNS))
    blend = pd.concat(parts)
    values = blend[columns_of(name, target)].to_numpy(dtype=np.float64)
    said = blend[["part", "id"]].assign(
        likeliest=np.array(target.classes, dtype=object)[values.argmax(axis=1)], probability=values.max(axis=1)
    )
    keys = ["part", "id"]
    table = inputs.nothing.merge(said, on=keys, validate="one_to_one")
    table = table.merge(inputs.examples[[*keys, "path", name]].rename(columns={name: "given"}), on=keys)
    table["abstained"] = table["probability_of_nothing"] >= inputs.abstain_above
    ordered = table.sort_values(["probability_of_nothing", *keys], ascending=[False, True, True], kind="stable")
    return ordered[list(COLUMNS)].reset_index(drop=True)


def triage_section(inputs: Inputs, thumbnails: Thumbnails | None) -> Section:
    """What abstaining does to the accuracy of the rest, by class, and the pictures that are left to a person."""
    table, blocks = triage_table(inputs), list[Block]()
    if len(table):
        left = table[table["abstained"]]
        parts = ", ".join(f"{count(int((left['part'] == part).sum()), 'row')} of {part}" for part in ("train", "test"))
        blocks.append(
            Words(
                f"{parts} are left to a person: the networks with a sigmoid a class recognise nothing in them "
                f"(probability {inputs.abstain_above:g} or more). Listed in report/triage.csv, least recognised first."
            )
        )
        blocks.append(_by_class(table[(table["part"] == "train") & table["given"].notna()]))
        if thumbnails is not None:
            blocks += _galleries(table, thumbnails)
    return Section("triage", "Nothing recognised", blocks)


def _by_class(train: pd.DataFrame) -> Table:
    """Rows, how many are left to a person, and the accuracy of the others and of those."""
    right = train["likeliest"].astype(object) == train["given"].astype(object)
    groups = [("All", np.ones(len(train), dtype=bool))]
    groups += [(as_written(label), (train["given"] == label).to_numpy()) for label in sorted(train["given"].unique())]
    rows: list[tuple[str | Cell, ...]] = []
    for label, inside in groups:
        kept = inside & ~train["abstained"].to_numpy(dtype=bool)
        left = inside & ~kept
        cell = Cell(label, state="strong") if label == "All" else label
        counts = (f"{int(inside.sum()):,}", f"{int(left.sum()):,}", share(int(left.sum()), int(inside.sum())))
        rows.append((cell, *counts, _accuracy(right[kept]), _accuracy(right[left])))
    head = ("Given", "Rows", "Left to a person", "Share", "Accuracy of the kept", "of the left")
    note = (
        "Out-of-fold rows; ± is the standard error. Abstaining is worth it where the blend is much more often wrong on "
        "what is left to a person than on what is kept."
    )
    return Table("Abstaining by class", "lrrrrr", head, rows, note)


def _accuracy(right: pd.Series) -> str:
    if right.empty:
        return "–"
    mean = float(right.mean())
    # One more right and one more wrong: an error of exactly 0 from a few rows would be a lie.
    smoothed = (right.sum() + 1) / (len(right) + 2)
    return with_error(mean, float(np.sqrt(smoothed * (1 - smoothed) / len(right))))


def _galleries(table: pd.DataFrame, thumbnails: Thumbnails) -> list[Block]:
    galleries: list[Block] = []
    for part in ("test", "train"):
        rows = table[(table["part"] == part) & table["abstained"]]
        captions: dict[ExampleKey, tuple[str, ...]] = {}
        for _, row in rows.head(2 * _MOST_PICTURES).iterrows():
            given = (f"given {as_written(row['given'])}",) if part == "train" else ()
            likeliest = f"if any: {row['likeliest']} {row['probability']:.3f}"
            nothing = f"nothing {number(row['probability_of_nothing'], 3)}"
            captions[part, row["id"]] = (nothing, *given, likeliest)
        pictures = thumbnails.pictures(captions, _MOST_PICTURES)
        if pictures:
            galleries.append(Gallery(f"Least recognised of {part}", pictures))
    return galleries
