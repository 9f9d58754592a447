"""What a recipe may say about turning DICOM files into pictures."""

from typing import Literal

from pydantic import Field, model_validator

from common.options import Options


class DicomOptions(Options):
    """`preprocess.dicom` of a recipe."""

    window: Literal["file", "full_range", "percentiles"] = Field(
        "file",
        description="what becomes black and white: the file's own VOI LUT or window (without one its full stored"
        " range), always the full stored range, or percentiles of the picture",
    )
    percentiles: tuple[float, float] = Field(
        (0.5, 99.5), description="black and white of window: percentiles, padding left out"
    )
    frame: int | None = Field(None, ge=0, description="the frame to take of files with several, which else are refused")
    longest_side_px: int | None = Field(
        None, ge=16, description="larger pictures are reduced to this by area, after the mapping"
    )

    @model_validator(mode="after")
    def _percentiles_rise(self) -> "DicomOptions":
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise ValueError(f"percentiles: expected two rising numbers from 0 to 100, found {low:g} and {high:g}")
        return self
