"""What a recipe may say about the submission."""

from pydantic import Field

from common.options import Options


class SubmitOptions(Options):
    """`submit` of a recipe."""

    min_correlation: float = Field(0.9, ge=-1, le=1, description="with the known-good file, where there is one")
