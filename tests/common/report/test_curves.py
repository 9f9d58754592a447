"""The report says where an earlier epoch was clearly better, and keeps quiet about chance."""

import pandas as pd
import pytest

from common.metrics import accuracy, log_loss
from common.report.curves import better_before_the_end
from common.report.inputs import ModelRun


def model(*curves: list[float], metric: str = "log_loss", error: float = 0.02) -> ModelRun:
    histories = {
        fold: pd.DataFrame({"epoch": range(1, len(curve) + 1), f"validation_{metric}": curve})
        for fold, curve in enumerate(curves)
    }
    return ModelRun("small", histories=histories, metrics={fold: {"standard_error": error} for fold in histories})


def test_an_epoch_that_all_folds_prefer_by_more_than_the_error_is_named():
    overfitted = model([0.6, 0.4, 0.5], [0.7, 0.3, 0.5])
    assert better_before_the_end(overfitted, log_loss) == pytest.approx((2, 0.15, 0.02 / 2**0.5))
    rising = model([0.8, 0.9, 0.7], [0.8, 0.9, 0.8], metric="accuracy")
    assert better_before_the_end(rising, accuracy)[0] == 2


@pytest.mark.parametrize(
    "run",
    [
        model([0.6, 0.5, 0.4], [0.7, 0.5, 0.3]),  # the last is the best
        model([0.6, 0.4, 0.41], [0.7, 0.3, 0.31]),  # by less than the error
        model([0.6, 0.1, 0.5], [0.7, 0.51, 0.5]),  # not in every fold
        model([0.6, 0.1, 0.5]),  # one fold
        model([0.6, 0.4, 0.5], [0.7, 0.3, 0.5], metric="mae"),  # not the competition's metric
    ],
)
def test_chance_is_not_named(run):
    assert better_before_the_end(run, log_loss) is None
