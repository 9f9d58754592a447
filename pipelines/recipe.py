"""The whole recipe: the sections that each package declares, put together and checked as one."""

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from common.ensembling.options import EnsembleOptions
from common.images.options import PreprocessOptions
from common.options import Options, parse, read_yaml
from common.raw.options import ExtraOptions, SourceOptions
from common.report.options import AbstainOptions
from common.submission.options import SubmitOptions
from common.training.options import ModelOptions, TestTimeOptions
from common.validation.options import SplitOptions
from pipelines.workspace import is_all_rows


class Recipe(Options):
    """A `params.yaml`, or a file in `recipes/`: complete, nothing inherited."""

    recipe: str = Field(description="the file in recipes/ that this is a copy of")
    source: SourceOptions
    preprocess: PreprocessOptions
    folds: int = Field(ge=2, description="how many parts the training rows are split into")
    folds_to_run: list[int | str] = Field(
        min_length=1, description="folds, each once the validation; all-SEED: refit on all rows, predicts the test set"
    )
    split: SplitOptions
    extra: list[ExtraOptions] = Field([], description="labelled pictures from elsewhere")
    use_corrections: bool = Field(description="train with corrections.csv laid over the given labels")
    models: dict[str, ModelOptions] = Field(min_length=1)
    tta: TestTimeOptions
    ensemble: EnsembleOptions
    submit: SubmitOptions
    abstain: AbstainOptions = AbstainOptions()

    @model_validator(mode="after")
    def _folds_exist(self) -> "Recipe":
        folds = [fold for fold in self.folds_to_run if not is_all_rows(fold)]
        if not folds:
            raise ValueError("folds_to_run: name a fold too; a training on all rows has no row left to be scored on")
        for fold in folds:
            if isinstance(fold, str):
                raise ValueError(f"folds_to_run: '{fold}' is neither the number of a fold nor all-SEED, as all-1")
            if not 0 <= fold < self.folds:
                raise ValueError(
                    f"folds_to_run: no fold {fold}; with folds: {self.folds} they are 0 to {self.folds - 1}"
                )
        if len(set(self.folds_to_run)) != len(self.folds_to_run):
            raise ValueError("folds_to_run: a fold is named twice")
        return self

    @model_validator(mode="before")
    @classmethod
    def _model_names_are_folder_names(cls, given: Any) -> Any:
        for name in given.get("models") or {} if isinstance(given, dict) else ():
            if not str(name).replace("_", "").isalnum():
                raise ValueError(f"models: '{name}': use letters, digits and _ (it names a folder and a stage)")
        return given


class SharedParams(Options):
    """The `params.yaml` at the root, which all competitions share."""

    seed: int = Field(ge=0, description="every random generator is derived from it, by name")
    machine: dict[str, Any] = Field({}, description="what this machine offers; `Machine` reads it")


def read_recipe(path: Path) -> Recipe:
    """A recipe file, checked against the schema; raises UsageError naming the file and each wrong key."""
    return parse(Recipe, read_yaml(path), str(path))
