"""What a recipe may say about the report."""

from pydantic import Field

from common.options import Options


class AbstainOptions(Options):
    """`abstain` of a recipe: when a picture is left to a person. Models with `class_outputs: sigmoid` can say so."""

    above: float = Field(default=0.5, gt=0, lt=1, description="from this probability of no class on")
