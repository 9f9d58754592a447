"""What a recipe may say about the pictures before training."""

from pydantic import Field

from common.dicom.options import DicomOptions
from common.options import Options


class PreprocessOptions(Options):
    """`preprocess` of a recipe."""

    input: str = Field("default", description="which of the competition's inputs is read, where it has several")
    max_unreadable: int = Field(0, ge=0, description="pictures that may be unreadable before the stage fails")
    dicom: DicomOptions = Field(default_factory=lambda: DicomOptions.model_validate({}))
