"""What a recipe may say about a model and its training."""

import math
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator, model_validator

from common.options import Options

if TYPE_CHECKING:
    from common.images.mix import Mixing


class PhaseOptions(Options):
    """One entry under `phases` of a model: epochs at one picture size, for which the learning rate starts anew."""

    image_size_px: int = Field(ge=16, description="side of the square that the network sees in this phase")
    epochs: int = Field(ge=1, description="passes over the training rows")


class ModelOptions(Options):
    """One entry under `models` of a recipe."""

    architecture: str = Field(description="timm's name of the network; a tag chooses among the hub's weights")
    architecture_arguments: dict[str, Any] = Field({}, description="further arguments of timm.create_model")
    weights: str = Field(description="hub (pretrained, from the model hub), none, or a file, or the folder of one")
    mean: tuple[float, ...] | None = Field(None, description="of pixels in 0..1, a channel; default: the weights' own")
    std: tuple[float, ...] | None = Field(None, description="of pixels in 0..1, a channel; default: the weights' own")

    image_size_px: int = Field(ge=16, description="side of the square that the network sees in prediction")
    resize: Literal["squash", "crop", "pad"] = Field("squash", description="how a picture becomes a square")
    channels: Literal[1, 3, 4] = Field(3, description="the network takes: 1 grey, 3 colour, 4 as stored with four")
    augmentation: Literal["photo", "crop", "mirror", "top_down", "close_up", "bands", "radiograph", "none"] = Field(
        "photo", description="what may change without changing the label, by what the pictures are"
    )
    target_weights: dict[str, float] = Field({}, description="of each target in the loss; unlisted: 1; 0 leaves it out")
    class_outputs: Literal["softmax", "sigmoid"] = Field(
        "softmax", description="of one class out of many; sigmoid: each for itself, so that none may be recognised"
    )
    sample_weights: str | None = Field(
        None, description="sample_weights/FILE.parquet with id and weight: rows are drawn by weight; null: each once"
    )
    sample_replacement: bool = Field(False, description="a row may be drawn several times in an epoch")
    mixup: float = Field(0.0, ge=0, description="alpha of the shares of two pictures mixed at every pixel; 0: off")
    cutmix: float = Field(0.0, ge=0, description="alpha of the shares of two, one a rectangle in the other; 0: off")
    random_erasing: float = Field(0.0, ge=0, le=1, description="probability that a rectangle of a picture is noise")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of the truth spread over all classes")

    head_views: int = Field(0, ge=0, description="views of each picture to fit the head to first; 0: it starts drawn")
    head_penalty: float = Field(0.03, gt=0, description="of squared head weights in that fit, features standardised")
    head_prior: Literal["zero", "pretrained"] = Field(
        "zero", description="head weights that cost nothing in that fit; pretrained: of similar old classes"
    )
    frozen_layers: int = Field(0, ge=0, description="first layer groups that keep their pretrained weights")
    frozen_epochs: int = Field(0, ge=0, description="epochs before all others that train the head alone, body frozen")
    epochs: int = Field(ge=0, description="passes over the training rows with the whole network; 0: the head alone")
    phases: tuple[PhaseOptions, ...] = Field(
        (), description="growing picture sizes and their epochs; empty: one phase of image_size_px and epochs"
    )
    schedule: Literal["one_cycle", "cosine", "cosine_restarts", "constant"] = Field(
        "one_cycle", description="course of the learning rate in each phase"
    )
    cycle_epochs: int | None = Field(None, ge=1, description="epochs of the first cycle; null: a phase is one cycle")
    cycle_multiplier: int = Field(1, ge=1, description="length of each cycle, times that of the one before")
    snapshots: Literal["last", "average", "ensemble"] = Field(
        "last", description="of weights at the ends of cycles: the last, their mean, or their predictions' mean"
    )
    learning_rate: float = Field(gt=0, description="peak rate of the head; AdamW")
    layer_decay: float = Field(1.0, gt=0, le=1, description="rate of each layer group, times that of the next one")
    warmup_share: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="share of a first cycle in which the rate rises; null: 0.25 of one_cycle, or 0.05",
    )
    weight_decay: float = Field(0.01, ge=0, description="AdamW's; not for biases and norms")
    gradient_clip: float | None = Field(1.0, gt=0, description="largest norm of the gradient; null: no limit")
    effective_batch_size: int = Field(ge=1, description="rows an optimiser step sees, however they are split up")
    precision: Literal["float32", "bf16", "fp16"] = Field("float32", description="of the forward and backward pass")
    freeze_batch_norm: bool = Field(False, description="keep the pretrained running statistics")
    weight_average: float = Field(0.0, ge=0, lt=1, description="decay a step of the averaged weights; 0: the last ones")

    @field_validator("architecture")
    @classmethod
    def _not_empty(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("name a timm architecture, as resnet18")
        return value

    @field_validator("target_weights")
    @classmethod
    def _weights_are_weights(cls, given: dict[str, float]) -> dict[str, float]:
        for name, weight in given.items():
            if not 0 <= weight < math.inf:
                raise ValueError(f"{name}: a weight is a number of 0 or more, found {weight}")
        return given

    @model_validator(mode="after")
    def _a_mean_a_channel(self) -> "ModelOptions":
        for name, given in (("mean", self.mean), ("std", self.std)):
            if given is not None and len(given) != self.channels:
                raise ValueError(f"{name}: {len(given)} numbers for channels: {self.channels}")
        if self.std is not None and min(self.std) <= 0:
            raise ValueError("std: a deviation is above 0")
        return self

    @model_validator(mode="after")
    def _a_prior_has_a_source(self) -> "ModelOptions":
        if self.head_prior == "pretrained" and (self.weights == "none" or not self.head_views):
            raise ValueError("head_prior: pretrained needs pretrained weights, and head_views of 1 or more")
        return self

    @model_validator(mode="after")
    def _something_is_trained(self) -> "ModelOptions":
        if not self.epochs and not self.head_views and not self.frozen_epochs:
            raise ValueError("epochs: 0 trains the head alone, which needs head_views or frozen_epochs of 1 or more")
        return self

    @model_validator(mode="after")
    def _phases_end_where_prediction_begins(self) -> "ModelOptions":
        if self.phases and self.phases[-1].image_size_px != self.image_size_px:
            raise ValueError(
                f"phases: the last one sees {self.phases[-1].image_size_px} px, but image_size_px, at which "
                f"predictions are made, is {self.image_size_px}; make them equal"
            )
        total = sum(phase.epochs for phase in self.phases)
        if self.phases and total != self.epochs:
            raise ValueError(f"phases: they have {total} epochs in all, but epochs is {self.epochs}; make them equal")
        return self

    @model_validator(mode="after")
    def _cycles_fit_the_schedule(self) -> "ModelOptions":
        if self.schedule == "cosine_restarts" and self.cycle_epochs is None:
            raise ValueError("schedule: cosine_restarts needs cycle_epochs, the epochs of its first cycle")
        if self.schedule in ("one_cycle", "cosine") and self.cycle_epochs is not None:
            raise ValueError(f"cycle_epochs: {self.schedule} is one cycle; use cosine_restarts or constant, or null")
        if self.cycle_multiplier > 1 and self.cycle_epochs is None:
            raise ValueError("cycle_multiplier: there is but one cycle; set cycle_epochs")
        last = self.phases[-1].epochs if self.phases else self.epochs
        if self.snapshots != "last" and (self.cycle_epochs is None or self.cycle_epochs >= last):
            raise ValueError(
                f"snapshots: {self.snapshots} needs more than one cycle in the last phase of {last} epochs; set "
                "schedule to cosine_restarts or constant, and cycle_epochs to less than that"
            )
        return self

    @model_validator(mode="after")
    def _mixed_while_something_trains(self) -> "ModelOptions":
        mixed = [name for name in ("mixup", "cutmix", "random_erasing") if getattr(self, name)]
        if mixed and not self.epochs and not self.frozen_epochs:
            raise ValueError(f"{mixed[0]}: of no use with epochs: 0, where the head is fitted to pictures as they are")
        return self

    @property
    def mixing(self) -> "Mixing":
        """`mixup`, `cutmix` and `random_erasing`."""
        from common.images.mix import Mixing

        return Mixing(self.mixup, self.cutmix, self.random_erasing)

    @property
    def image_sizes_px(self) -> list[int]:
        """Of the phases, in their order."""
        return [phase.image_size_px for phase in self.phases] or [self.image_size_px]

    @property
    def warmup(self) -> float:
        """`warmup_share`, or what suits the schedule where it is null."""
        if self.warmup_share is not None:
            return self.warmup_share
        return 0.25 if self.schedule == "one_cycle" else 0.05


class TestTimeOptions(Options):
    """`tta` of a recipe: augmented views of each picture, blended with the plain one."""

    __test__ = False  # its name starts like a test class of pytest

    views: int = Field(4, ge=0, description="augmented views a picture, used where they help; 0: none")
    plain_weight: float = Field(0.3, ge=0, le=1, description="of the plain view in the blend with the others")
