"""The report's figures, in plotly; arrays in, a figure out."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from common.report.calibration import Reliability
from common.report.look import FIRST, INK, MUTED, SECOND, dress, empty, nice_step

_MOST_BINS = 40
_MOST_NAMED_CLASSES = 40
_MOST_POINTS = 2000


def learning_curve(
    folds: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]], from_zero: bool = False
) -> go.Figure:
    """Lines over epochs, `{line: {fold: (epochs, values)}}`: the folds thin, their mean thick."""
    figure = empty("epoch", "")
    for colour, (line, by_fold) in zip((FIRST, SECOND), folds.items(), strict=False):
        if len(by_fold) > 1:
            for fold, (epochs, values) in by_fold.items():
                figure.add_scatter(
                    x=epochs,
                    y=values,
                    mode="lines",
                    name=f"{line}, fold {fold}",
                    legendgroup=line,
                    showlegend=False,
                    opacity=0.4,
                    line={"color": colour, "width": 1},
                )
        epochs, mean = mean_curve(by_fold)
        figure.add_scatter(
            x=epochs,
            y=mean,
            mode="lines+markers",
            name=line,
            legendgroup=line,
            line={"color": colour, "width": 2.5},
            marker={"size": 5},
        )
    figure.update_layout(showlegend=len(folds) > 1)
    figure.update_xaxes(dtick=max(1, nice_step(float(epochs.max()))))
    if from_zero:
        figure.update_yaxes(rangemode="tozero")
    return figure


def mean_curve(by_fold: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean over folds at each epoch that any fold has, without the values that are missing."""
    epochs = np.concatenate([epochs for epochs, _ in by_fold.values()])
    values = np.concatenate([values for _, values in by_fold.values()])
    known = np.isfinite(values)
    shared, place = np.unique(epochs[known], return_inverse=True)
    return shared, np.bincount(place, weights=values[known]) / np.bincount(place)


def reliability_diagram(binned: Reliability, what: str) -> go.Figure:
    """Share that came true over predicted probability, with intervals, and the number of rows below."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.06)
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": MUTED, "width": 1, "dash": "4px 3px"},
        hoverinfo="skip",
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=binned.predicted,
        y=binned.observed,
        mode="lines+markers",
        name="observed",
        line={"color": FIRST, "width": 1.5},
        marker={"size": 7},
        error_y={
            "type": "data",
            "array": binned.high - binned.observed,
            "arrayminus": binned.observed - binned.low,
            "thickness": 1,
            "width": 3,
            "color": FIRST,
        },
        customdata=binned.counts,
        row=1,
        col=1,
        hovertemplate="predicted %{x:.3f}<br>came true %{y:.3f}<br>%{customdata} rows<extra></extra>",
    )
    figure.add_bar(
        x=binned.left + binned.bin_width / 2,
        y=binned.counts,
        width=binned.bin_width * 0.9,
        text=binned.counts,
        textposition="outside",
        textangle=0,
        cliponaxis=False,
        marker={"color": MUTED, "opacity": 0.6},
        name="rows",
        row=2,
        col=1,
        hovertemplate="%{y} rows<extra></extra>",
        textfont={"size": 10},
    )
    dress(figure, height=380)
    figure.update_layout(showlegend=False)
    figure.update_xaxes(range=[-0.02, 1.02], dtick=0.2)
    figure.update_yaxes(title="share that came true", range=[-0.03, 1.03], dtick=0.2, row=1)
    figure.update_yaxes(title="rows", range=[0, binned.counts.max() * 1.3], nticks=3, row=2)
    figure.update_xaxes(title=what, row=2)
    return figure


def histograms(
    samples: Mapping[str, np.ndarray], what: str, edges: np.ndarray, as_share: bool, log: bool = False
) -> go.Figure:
    """Bars of up to two samples over the same bins: how many values, or which share of the sample.

    A logarithmic axis shows the few rows between many: what a confident model is unsure of.
    """
    figure = empty(what, "share" if as_share else "rows")
    for colour, (name, values) in zip((FIRST, SECOND), samples.items(), strict=False):
        counts, _ = np.histogram(values, edges)
        heights = counts / max(1, len(values)) if as_share else counts
        hover = "%{y:.2%}" if as_share else "%{y}"
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=heights,
            name=name,
            marker={"color": colour, "line": {"width": 0}},
            hovertemplate=f"{name}, %{{x:.4~g}}: {hover}<extra></extra>",
        )
    figure.update_layout(barmode="group", bargap=0.15, bargroupgap=0, showlegend=len(samples) > 1)
    # Left to itself, plotly puts its ticks at the middles of the bars.
    step = nice_step(float(np.ptp(edges)))
    figure.update_xaxes(dtick=step, tick0=0, range=[edges[0], edges[-1]])
    figure.update_yaxes(tickformat=".0%" if as_share else None)
    if log:
        longest = max(1, *(len(values) for values in samples.values()))
        top = max(float(np.max(trace.y)) for trace in figure.data)
        least = 0.6 / longest if as_share else 0.6
        ends = [float(np.log10(least)), float(np.log10(max(top, least) * 1.3))]
        few = ends[1] - ends[0] < 1.6
        figure.update_yaxes(type="log", range=ends, dtick="D2" if few else 1)
        figure.update_yaxes(title=("share" if as_share else "rows") + ", log scale")
        figure.update_yaxes(tickformat=".2~%" if as_share else None)
    return figure


def class_counts(names: Sequence[str], counts: np.ndarray, rows: int) -> go.Figure:
    """Bars of rows a class, the most frequent first; with many classes their names are told by the pointer alone."""
    many = len(names) > _MOST_NAMED_CLASSES
    figure = empty("", "", height=270 if many else 90 + 19 * len(names))
    # Positions and not names: plotly would take classes called 1, 2, 3 for numbers.
    places, shares = np.arange(len(names)), counts / max(1, rows)
    about = list(zip(names, shares, strict=True))
    hover = "%{customdata[0]}: COUNT rows, %{customdata[1]:.1%}<extra></extra>"
    if many:
        figure.add_bar(x=places, y=counts, customdata=about, hovertemplate=hover.replace("COUNT", "%{y:,}"))
        figure.update_xaxes(title=f"{len(names):,} classes", showticklabels=False, ticks="")
        figure.update_yaxes(title="rows", rangemode="tozero")
    else:
        figure.add_bar(
            x=counts,
            y=places,
            orientation="h",
            customdata=about,
            text=[f"{count:,}" for count in counts],
            textposition="outside",
            cliponaxis=False,
            hovertemplate=hover.replace("COUNT", "%{x:,}"),
        )
        figure.update_xaxes(title="rows", range=[0, max(1, int(counts.max())) * 1.12])
        figure.update_yaxes(tickmode="array", tickvals=places, ticktext=list(names), autorange="reversed", ticks="")
    figure.update_traces(marker={"color": FIRST, "line": {"width": 0}})
    figure.update_layout(bargap=0.25, showlegend=False)
    return figure


def mark_values(figure: go.Figure, marks: Mapping[str, float]) -> None:
    """Upright lines at some values of the horizontal axis, each with what it is."""
    for place, (name, value) in enumerate(marks.items()):
        figure.add_vline(
            x=value,
            line={"color": INK, "width": 1, "dash": "4px 3px"},
            annotation={"text": name, "font": {"size": 10}, "yshift": -12 * place, "showarrow": False},
        )
    if marks:  # a line beside the bars would be out of sight
        low, high = figure.layout.xaxis.range
        figure.update_xaxes(range=[min(low, 0.95 * min(marks.values())), max(high, 1.05 * max(marks.values()))])


def bin_edges(*samples: np.ndarray) -> np.ndarray:
    """Equal bins that suit all samples together, at most 40; (bins + 1,)."""
    values = np.concatenate(samples)
    edges = np.histogram_bin_edges(values, "auto")
    if len(edges) > _MOST_BINS + 1:
        edges = np.linspace(values.min(), values.max(), _MOST_BINS + 1)
    return edges


def confusion_heatmap(counts: np.ndarray, classes: Sequence[str]) -> go.Figure:
    """Counts (classes, classes), row the given class, column the predicted one; shade: share of the row."""
    size = counts.shape[0]
    figure = empty("", "", height=min(300 + 11 * size, 900))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure.add_heatmap(
        z=shares,
        x=list(classes),
        y=list(classes),
        customdata=counts,
        zmin=0,
        zmax=1,
        showscale=False,
        colorscale=[[0, "rgba(125,134,144,0.07)"], [1, FIRST]],
        hovertemplate="given %{y}<br>predicted %{x}<br>%{customdata} rows, %{z:.1%}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", showgrid=False, type="category")
    figure.update_xaxes(showgrid=False, type="category")
    return figure


def given_and_predicted(given: np.ndarray, predicted: np.ndarray, chosen: np.ndarray, log: bool) -> go.Figure:
    """Predicted over given number of the rows `chosen`, with the line on which both are equal."""
    figure = empty("given", "predicted", height=340)
    ends = [float(min(given.min(), predicted.min())), float(max(given.max(), predicted.max()))]
    figure.add_scatter(
        x=ends, y=ends, mode="lines", line={"color": MUTED, "width": 1, "dash": "4px 3px"}, hoverinfo="skip"
    )
    figure.add_scatter(
        x=given[chosen],
        y=predicted[chosen],
        mode="markers",
        marker={"color": FIRST, "size": 5, "opacity": 0.5},
        hovertemplate="given %{x}<br>predicted %{y}<extra></extra>",
    )
    figure.update_layout(showlegend=False)
    if log and ends[0] > 0:
        figure.update_xaxes(type="log").update_yaxes(type="log")
    return figure


def drawable(rows: int, generator: np.random.Generator) -> np.ndarray:
    """Positions of the rows that a scatter shows, sorted: all, or 2,000 by chance."""
    return np.sort(generator.choice(rows, min(rows, _MOST_POINTS), replace=False))
