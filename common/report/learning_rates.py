"""The sweeps of the learning rate that `podium find-lr` made, with the value that each suggests."""

from typing import Any

import numpy as np
import plotly.graph_objects as go

from common.report.blocks import Chart, Charts, Section
from common.report.inputs import Inputs, ModelRun
from common.report.look import FIRST, MUTED, SECOND, empty

_NOT_SWEPT = {"learning_rate", "epochs"}  # a sweep is the same whatever these are


def rates_section(inputs: Inputs) -> Section:
    """A figure for each model that was swept."""
    charts = [_chart(model) for model in inputs.models if model.rate_sweep]
    return Section(
        "learning-rates", "Learning rate finder", [Charts("Loss while the rate rises", charts)] if charts else []
    )


def _chart(model: ModelRun) -> Chart:
    swept = model.rate_sweep
    rate, now = swept["suggested"], model.options.get("learning_rate")
    reason = f"{swept['reason']}."
    words = f"{model.name}: {reason}"
    said = "No learning rate is suggested" if rate is None else f"Suggested: {rate:.1e}"
    in_recipe = "" if now is None else f", in the recipe: {float(now):.1e}"
    note = f"{said}{in_recipe}. {reason[0].upper()}{reason[1:]}"
    then = swept["options"]
    differing = [
        key for key, value in model.options.items() if key not in _NOT_SWEPT and _differs(then.get(key), value)
    ]
    if differing:
        note += f" The recipe has changed since: {', '.join(differing)}."
    return Chart(f"{model.name}, fold {swept['fold']}", _figure(swept), words, note)


def _differs(then: Any, now: Any) -> bool:
    """Whether an option is another one now; a number may be written as a text, 4e-3."""
    if isinstance(then, float | int) and not isinstance(now, dict | list | type(None)):
        return float(then) != float(now)
    return then != now


def _figure(swept: Any) -> go.Figure:
    figure = empty("learning rate", "loss")
    losses, smoothed = np.array(swept["losses"]), np.array(swept["smoothed"])
    figure.add_scatter(
        x=swept["rates"], y=losses, mode="markers", name="of a step", marker={"size": 4, "color": MUTED}, opacity=0.6
    )
    line = {"color": FIRST, "width": 2.5}
    figure.add_scatter(x=swept["rates"], y=smoothed, mode="lines", name="running mean", line=line)
    if swept["suggested"] is not None:
        figure.add_vline(x=swept["suggested"], line={"color": SECOND, "width": 2})
    low = float(min(losses.min(), smoothed.min()))
    high = min(float(losses.max()), 1.15 * float(smoothed[0]))
    figure.update_yaxes(range=[low - 0.04 * (high - low), high + 0.04 * (high - low)])
    figure.update_xaxes(type="log", exponentformat="power", dtick=1)
    return figure
