"""What a recipe may say about the ensemble."""

from typing import Literal

from pydantic import Field

from common.options import Options


class EnsembleOptions(Options):
    """`ensemble` of a recipe."""

    calibration: Literal["none", "platt"] = Field(
        "none", description="platt: a line through the log-odds of each class makes probabilities mean what they say"
    )
    probability_clip: float = Field(
        0.0, ge=0, lt=0.5, description="probabilities are kept this far from 0 and 1, which log loss rewards"
    )
