"""What a recipe may say about a model and its training."""

import math
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from common.options import Options


class ModelOptions(Options):
    """One entry under `models` of a recipe."""

    architecture: str = Field(description="timm's name of the network; a tag chooses among the hub's weights")
    architecture_arguments: dict[str, Any] = Field({}, description="further arguments of timm.create_model")
    weights: str = Field(description="hub (pretrained, from the model hub), none, or a file, or the folder of one")
    mean: tuple[float, ...] | None = Field(None, description="of pixels in 0..1, a channel; default: the weights' own")
    std: tuple[float, ...] | None = Field(None, description="of pixels in 0..1, a channel; default: the weights' own")

    image_size_px: int = Field(ge=16, description="side of the square that the network sees")
    resize: Literal["squash", "crop", "pad"] = Field("squash", description="how a picture becomes a square")
    channels: Literal[1, 3, 4] = Field(3, description="the network takes: 1 grey, 3 colour, 4 as stored with four")
    augmentation: Literal["photo", "crop", "mirror", "top_down", "radiograph", "none"] = Field(
        "photo", description="what may change without changing the label, by what the pictures are"
    )
    target_weights: dict[str, float] = Field({}, description="of each target in the loss; unlisted: 1; 0 leaves it out")
    class_outputs: Literal["softmax", "sigmoid"] = Field(
        "softmax", description="of one class out of many; sigmoid: each for itself, so that none may be recognised"
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of the truth spread over all classes")

    head_views: int = Field(0, ge=0, description="views of each picture to fit the head to first; 0: it starts drawn")
    head_penalty: float = Field(0.03, gt=0, description="of squared head weights in that fit, features standardised")
    frozen_layers: int = Field(0, ge=0, description="first layer groups that keep their pretrained weights")
    epochs: int = Field(ge=0, description="passes over the training rows with the whole network; 0: the head alone")
    learning_rate: float = Field(gt=0, description="peak rate of the head; AdamW, one cycle")
    layer_decay: float = Field(1.0, gt=0, le=1, description="rate of each layer group, times that of the next one")
    warmup_share: float = Field(0.25, ge=0, lt=1, description="share of the steps in which the rate rises")
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
    def _something_is_trained(self) -> "ModelOptions":
        if not self.epochs and not self.head_views:
            raise ValueError("epochs: 0 trains the head alone, which needs head_views of 1 or more")
        return self


class TestTimeOptions(Options):
    """`tta` of a recipe: augmented views of each picture, blended with the plain one."""

    __test__ = False  # its name starts like a test class of pytest

    views: int = Field(4, ge=0, description="augmented views a picture; 0: plain only")
    plain_weight: float = Field(0.3, ge=0, le=1, description="weight of the plain view in the blend")
