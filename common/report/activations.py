"""What the layers put out over training: mean, deviation, and the share near zero, by which a dead network is seen."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from common.report.blocks import Block, Chart, Charts, Section
from common.report.inputs import Inputs, ModelRun
from common.report.look import FIRST, empty
from common.report.wording import share

_DEAD = 0.99  # of a layer's numbers near zero at the end of training
_ABOUT = "From the input (faint) to the head."


def activations_section(inputs: Inputs) -> Section:
    """Charts of each model's first fold; dead layers are named from all folds."""
    blocks: list[Block] = [Charts(model.name, _charts(model)) for model in inputs.models if _shown(model) is not None]
    return Section("activations", "Activations", blocks)


def dead_layers(table: pd.DataFrame) -> list[str]:
    """Layers that put out next to nothing when they were last looked at."""
    last = table.groupby("layer", sort=False)["near_zero"].last()
    return last.index[last > _DEAD].tolist()


def _shown(model: ModelRun) -> tuple[int, pd.DataFrame] | None:
    return next(((fold, table) for fold, table in model.activations.items() if len(table)), None)


def _charts(model: ModelRun) -> list[Chart]:
    found = _shown(model)
    assert found is not None  # the caller has looked
    fold, table = found
    table = table.assign(position=_positions(table))
    dead = {fold: names for fold, one in model.activations.items() if len(one) and (names := dead_layers(one))}
    said = "; ".join(f"fold {fold}: {', '.join(names)}" for fold, names in dead.items())
    note = f"Dead at the end: {said}." if said else "No layer is dead: none ends above 99% near zero."
    last = table.groupby("layer", sort=False)["near_zero"].last()
    words = f"{model.name}, fold {fold}: share near zero at the end, {_told(last)}. {note}"
    return [
        Chart("Share near zero (at most 0.05)", _heatmap(table), words, note),
        _lines(table, "deviation", f"{model.name}, fold {fold}", "Near 0: pictures look alike to the layer."),
        _lines(table, "mean", f"{model.name}, fold {fold}", ""),
    ]


def _told(last: pd.Series) -> str:
    return ", ".join(f"{layer} {share(value, 1)}" for layer, value in last.items())


def _positions(table: pd.DataFrame) -> pd.Series:
    """Epochs done when a row was recorded, as a fraction; the rows of an epoch are equally far apart."""
    rank = table.groupby("epoch")["batch"].rank(method="dense") - 1
    return table["epoch"] - 1 + rank / table.groupby("epoch")["batch"].transform("nunique")


def _heatmap(table: pd.DataFrame) -> go.Figure:
    layers = list(dict.fromkeys(table["layer"]))
    shares = table.pivot(index="layer", columns="position", values="near_zero").loc[layers]
    figure = empty("epoch", "", height=270)
    figure.add_heatmap(
        z=np.round(shares.to_numpy(), 4),
        x=shares.columns.to_numpy(),
        y=layers,
        zmin=0,
        zmax=1,
        showscale=False,
        colorscale=[[0, "rgba(125,134,144,0.07)"], [1, FIRST]],
        hovertemplate="%{y}, epoch %{x:.2f}<br>%{z:.1%} near zero<extra></extra>",
    )
    figure.update_yaxes(type="category", showgrid=False)
    figure.update_xaxes(showgrid=False)
    return figure


def _lines(table: pd.DataFrame, column: str, whose: str, note: str) -> Chart:
    layers = list(dict.fromkeys(table["layer"]))
    figure = empty("epoch", "", height=270)
    ends = {}
    for depth, layer in enumerate(layers):
        one = table[table["layer"] == layer]
        figure.add_scatter(
            x=one["position"].to_numpy(),
            y=one[column].to_numpy(),
            mode="lines",
            name=layer,
            opacity=0.25 + 0.75 * depth / max(1, len(layers) - 1),
            line={"color": FIRST, "width": 1.5},
        )
        ends[layer] = f"{layer} {float(one[column].iloc[-1]):.3g}"
    figure.update_layout(showlegend=False)
    title = column.capitalize()
    return Chart(
        title, figure, f"{title} of {whose} at the end: {', '.join(ends.values())}.", f"{_ABOUT} {note}".strip()
    )
