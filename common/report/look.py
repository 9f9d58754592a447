"""How the report's figures look.

They are drawn in the colours of the light page. `DARK` says what each becomes on the dark one, so that the
page can draw the same figure again when the reader's scheme changes, and light when it is printed.
"""

import math

import plotly.graph_objects as go

INK, GRID, FIRST, SECOND, MUTED = "#1f242b", "#e2e5e9", "#27588f", "#bb5514", "#7d8690"
DARK = {INK: "#dfe3e8", GRID: "#343a42", FIRST: "#7db2e8", SECOND: "#f0a060", MUTED: "#8f99a5"}
SANS = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif'


def empty(x_title: str, y_title: str, height: int = 270) -> go.Figure:
    figure = go.Figure()
    dress(figure, height)
    figure.update_xaxes(title=x_title)
    figure.update_yaxes(title=y_title)
    return figure


def dress(figure: go.Figure, height: int) -> None:
    """The report's own look; plotly's template is left out, which is longer than most of the figures."""
    figure.update_layout(
        template=go.layout.Template(),
        height=height,
        margin={"l": 52, "r": 10, "t": 26, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": SANS, "size": 12, "color": INK},
        dragmode=False,
        hovermode="closest",
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1,
            "xanchor": "left",
            "yanchor": "bottom",
        },
        hoverlabel={"font": {"family": SANS, "size": 12}},
    )
    axis = {
        "gridcolor": GRID,
        "linecolor": MUTED,
        "showline": True,
        "zeroline": False,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": MUTED,
        "automargin": True,
        "title": {"standoff": 12, "font": {"size": 12}},
        "fixedrange": True,
    }
    figure.update_xaxes({**axis, "showgrid": False})
    figure.update_yaxes(axis)


def nice_step(span: float) -> float:
    """A step of 1, 2 or 5 times a power of ten that divides `span` into four to ten."""
    power = 10.0 ** math.floor(math.log10(span / 4))
    return next(factor * power for factor in (5, 2, 1) if factor * power <= span / 4)
