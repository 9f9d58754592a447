"""Did test-time augmentation help? What was chosen for the test set, and what each blend scored."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from common.report.blocks import Block, Cell, Chart, Charts, Table
from common.report.inputs import Inputs, ModelRun
from common.report.look import FIRST, MUTED, SECOND, empty
from common.report.wording import number, score_of, words_of


def test_time_blocks(inputs: Inputs) -> list[Block]:
    """A table with a row a model, and a small figure a model of all blends."""
    models = [model for model in inputs.models if model.tta]
    table = _table(models)
    charts = [_chart(model, inputs.competition.metric.direction) for model in models if model.tta.get("blends")]
    return [table, Charts("Blends of the plain view with the augmented ones", charts)] if charts else [table]


def _table(models: list[ModelRun]) -> Table:
    rows: list[tuple[str | Cell, ...]] = [
        (
            model.name,
            str(model.tta.get("views", "–")),
            f"{model.tta.get('plain_weight', 0):g}",
            score_of(model.tta.get("plain")),
            score_of(model.tta.get("tta")),
            score_of(_difference(model.tta)),
            _verdict(model.tta),
        )
        for model in models
    ]
    head = ("Model", "Views", "Plain weight", "Plain", "With TTA", "Difference", "For the test set")
    note = (
        "Difference: with TTA minus plain, on the same out-of-fold rows. TTA is used where it scores better by more "
        "than the error of the difference."
    )
    return Table("Test-time augmentation", "lrrrrrl", head, rows, note)


def _difference(tta: Mapping[str, Any]) -> dict[str, Any]:
    return {"score": tta.get("difference"), "standard_error": tta.get("difference_standard_error")}


def _verdict(tta: Mapping[str, Any]) -> Cell:
    if tta.get("chosen") == "tta":
        return Cell("with TTA: it helps", state="good")
    return Cell(f"plain: {tta['reason']}" if "reason" in tta else "–")


def _chart(model: ModelRun, direction: str) -> Chart:
    """Difference to the plain view over the plain weight, with one error each way; the recipe's weight stands out."""
    blends, own = model.tta["blends"], model.tta["plain_weight"]
    figure = empty("weight of the plain view", f"{words_of(model.tta['metric'])} minus plain")
    for chosen, colour in ((False, FIRST), (True, SECOND)):
        shown = [one for one in blends if (one["plain_weight"] == own) == chosen]
        figure.add_scatter(
            x=[one["plain_weight"] for one in shown],
            y=[one["difference"] for one in shown],
            error_y={
                "array": [one["difference_standard_error"] for one in shown],
                "color": colour,
                "thickness": 1.5,
                "width": 4,
            },
            mode="markers",
            name="the recipe's" if chosen else "others",
            marker={"size": 8, "color": colour},
        )
    figure.add_scatter(x=[1], y=[0], mode="markers", name="plain", marker={"size": 8, "color": MUTED})
    figure.add_shape(_zero())
    figure.update_xaxes(range=[-0.06, 1.06])
    best = (min if direction == "minimize" else max)(blends, key=lambda one: one["difference"])
    better = "below 0 is better" if direction == "minimize" else "above 0 is better"
    words = (
        f"{model.name}: of {len(blends)} blends the best has the plain weight {best['plain_weight']:g}: "
        f"{number(best['difference'], 3)} beside plain ({better})."
    )
    note = f"{better[0].upper()}{better[1:]}. Bars: one paired standard error."
    return Chart(model.name, figure, words, note)


def _zero() -> go.layout.Shape:
    line = {"color": MUTED, "width": 1, "dash": "4px 3px"}
    return go.layout.Shape(type="line", x0=0, x1=1, xref="paper", y0=0, y1=0, line=line)
