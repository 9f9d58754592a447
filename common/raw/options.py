"""What a recipe may say about where the raw files come from."""

from typing import Literal

from pydantic import Field

from common.options import Options


class SourceOptions(Options):
    """`source` of a recipe; a relative path starts at the competition's folder."""

    kind: Literal["sample", "local", "kaggle"] = Field(description="drawn here, already on a disk, or downloaded")
    path: str = Field(description="sample: sample.py; kaggle: kaggle_files.txt; local: folder in Kaggle's layout")
