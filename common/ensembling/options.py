"""What a recipe may say about the ensemble."""

from pydantic import Field

from common.options import Options


class EnsembleOptions(Options):
    """`ensemble` of a recipe."""

    probability_clip: float = Field(
        0.0, ge=0, lt=0.5, description="probabilities are kept this far from 0 and 1, which log loss rewards"
    )
