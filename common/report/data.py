"""What the pictures are like: sizes in train and test, and pictures that could not be read."""

import numpy as np
import pandas as pd

from common.report import figures
from common.report.blocks import Block, Cell, Chart, Charts, Section, Table
from common.report.inputs import Inputs
from common.report.wording import bytes_text, count, number

_MOST_UNREADABLE = 50
_FORMS = {1: "grey", 3: "colour"}


def data_section(inputs: Inputs) -> Section:
    """Sizes and forms of train and test pictures beside each other, and the unreadable ones."""
    blocks: list[Block] = []
    if {"width_px", "height_px"} <= set(inputs.examples.columns):
        blocks += _sizes(inputs)
    if inputs.unreadable is not None and len(inputs.unreadable):
        blocks.append(_unreadable(inputs.unreadable))
    return Section("data", "Data", blocks)


def _sizes(inputs: Inputs) -> list[Block]:
    parts = {name: _measured(inputs.part(name)) for name in ("train", "test")}
    parts = {name: table for name, table in parts.items() if len(table)}
    units = {"width": "px", "height": "px", "aspect ratio": "width / height", "file size": "kB"}
    rows: list[tuple[str | Cell, ...]] = []
    for name, table in parts.items():
        forms = table["form"].value_counts()
        rows.append(
            (
                name,
                f"{len(table):,}",
                *(_range(table[measure]) for measure in units),
                bytes_text(1000 * float(table["file size"].sum())),
                ", ".join(f"{n:,} {form}" for form, n in forms.items()),
            )
        )
    head = ("Part", "Readable", "Width, px", "Height, px", "Aspect ratio", "Size, kB", "In all", "Form")
    note = "Median, and in brackets the range that holds 90% of the pictures. Size: of the file as delivered."
    charts = []
    for measure, unit in units.items():
        samples = {name: table[measure].to_numpy(dtype=np.float64) for name, table in parts.items()}
        if np.ptp(np.concatenate(list(samples.values()))) > 0:  # one size for all needs no histogram
            edges = figures.bin_edges(*samples.values())
            figure = figures.histograms(samples, f"{measure}, {unit}", edges, as_share=True)
            medians = "; ".join(f"{name} {number(float(np.median(values)), 3)}" for name, values in samples.items())
            charts.append(
                Chart(measure.capitalize(), figure, f"Histogram of the {measure} ({unit}), median: {medians}.")
            )
    blocks: list[Block] = [Table("Pictures", "lrrrrrrl", head, rows, note)]
    return [*blocks, Charts("Sizes in train and test", charts)] if charts else blocks


def _measured(table: pd.DataFrame) -> pd.DataFrame:
    """Width, height, aspect ratio, file size in kB and form of the readable pictures."""
    table = table[table["file"].notna()]
    form = [
        f"{_FORMS.get(channels, f'{channels} channels')} ({bits} bits)"
        for channels, bits in zip(table["channels"], table["bits"], strict=True)
    ]
    return pd.DataFrame(
        {
            "width": table["width_px"].astype(float),
            "height": table["height_px"].astype(float),
            "aspect ratio": table["width_px"] / table["height_px"],
            "file size": table["bytes"] / 1000,
            "form": form,
        }
    )


def _range(values: pd.Series) -> str:
    low, median, high = np.quantile(values.to_numpy(dtype=np.float64), [0.05, 0.5, 0.95])
    if low == high:
        return number(median, 3)
    return f"{number(median, 3)} ({number(low, 3)} to {number(high, 3)})"


def _unreadable(table: pd.DataFrame) -> Table:
    shown = table.head(_MOST_UNREADABLE)
    rows: list[tuple[str | Cell, ...]] = [
        (str(row["path"]), str(row["part"]), str(row["reason"])) for _, row in shown.iterrows()
    ]
    left_out = len(table) - len(shown)
    note = "Left out of training; a test picture gets the average prediction." + (
        f" {count(left_out, 'more picture')} in data/unreadable.csv." if left_out else ""
    )
    title = f"{count(len(table), 'picture')} could not be read"
    return Table(title, "lll", ("File", "Part", "Reason"), rows, note)
