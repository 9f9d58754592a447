"""What the pictures are like: sizes in train and test, and pictures that could not be read."""

import numpy as np
import pandas as pd

from common.report import figures
from common.report.blocks import Block, Cell, Chart, Charts, Section, Table
from common.report.inputs import Inputs
from common.report.wording import bytes_text, count, number

_MOST_UNREADABLE = 50
_MOST_SIZES = 4  # lines that can be told apart in a histogram
_FORMS = {1: "grey", 3: "colour", 4: "colour and near infrared"}


def data_section(inputs: Inputs) -> Section:
    """Sizes and forms of train and test pictures, what the networks see of them, and the unreadable ones."""
    blocks: list[Block] = []
    if {"width_px", "height_px"} <= set(inputs.examples.columns):
        blocks += _sizes(inputs)
        if inputs.models:
            blocks.append(_networks(inputs))
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
            if unit == "px":
                figures.mark_values(figure, _network_sizes(inputs))
            medians = "; ".join(f"{name} {number(float(np.median(values)), 3)}" for name, values in samples.items())
            charts.append(
                Chart(measure.capitalize(), figure, f"Histogram of the {measure} ({unit}), median: {medians}.")
            )
    blocks: list[Block] = [Table("Pictures", "lrrrrrrl", head, rows, note)]
    return [*blocks, Charts("Sizes in train and test", charts)] if charts else blocks


def _network_sizes(inputs: Inputs) -> dict[str, float]:
    """What the upright lines say: the sizes that the networks see, and those that they were pretrained at."""
    sizes: dict[int, list[str]] = {}
    for what in ("seen", "pretrained"):
        for model in inputs.models:
            size = model.image_size_px if what == "seen" else model.pretrained_size_px
            if size and what not in sizes.setdefault(size, []):
                sizes[size].append(what)
    if len(sizes) > _MOST_SIZES:
        return {}
    return {f"{' and '.join(whats)} {size}": float(size) for size, whats in sorted(sizes.items())}


def _networks(inputs: Inputs) -> Table:
    """How many pictures are smaller than what a network sees: those are blown up, and show no more for it."""
    train = inputs.part("train")
    shorter = train[["width_px", "height_px"]].astype(float).min(axis=1).dropna()
    rows: list[tuple[str | Cell, ...]] = []
    for model in inputs.models:
        smaller = f"{100 * float((shorter < model.image_size_px).mean()):.0f}%" if model.image_size_px else "–"
        sizes = (model.image_size_px, model.pretrained_size_px)
        rows.append((model.name, model.architecture or "–", *(f"{size}" if size else "–" for size in sizes), smaller))
    head = ("Model", "Architecture", "Sees, px", "Pretrained at, px", "Smaller pictures")
    note = (
        "Smaller pictures: those whose shorter side is below what the network sees, so that they are enlarged. "
        "Pretrained at: the side of the pictures that timm's weights of this architecture were trained on."
    )
    return Table("Pictures and networks", "llrrr", head, rows, note)


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
