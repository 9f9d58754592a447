"""What a recipe may say about where the raw files come from."""

from typing import Literal

from pydantic import Field, field_validator

from common.options import Options


class SourceOptions(Options):
    """`source` of a recipe; a relative path starts at the competition's folder."""

    kind: Literal["sample", "local", "kaggle"] = Field(description="drawn here, already on a disk, or downloaded")
    path: str = Field(description="sample: sample.py; kaggle: kaggle_files.txt; local: folder in Kaggle's layout")


class ExtraOptions(Options):
    """An entry of `extra` in a recipe: labelled pictures from elsewhere, which join the training rows of every fold."""

    path: str = Field(description="a folder or zip with labels.csv (path, targets) and the pictures it names")
    source: str = Field(min_length=1, description="where they come from, in words: split.json and the report repeat it")

    @field_validator("path")
    @classmethod
    def _no_tilde(cls, value: str) -> str:
        if value.startswith("~"):
            raise ValueError("write the folder out: DVC, which watches it, does not know ~")
        return value
