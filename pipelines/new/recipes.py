"""Recipes to start from: sized by the pictures and their number, with and without pretrained weights."""

from dataclasses import dataclass

_SIDES_PX = (32, 48, 64, 96, 128, 160, 192, 224, 288, 384)
PRETRAINED = "mobilenetv2_100.ra_in1k"


@dataclass(frozen=True)
class Sizes:
    """What a recipe has to be fit for: training rows, and the middle one of the pictures' shorter sides."""

    rows: int
    side_px: int

    def side(self, largest: int) -> int:
        """The largest usual side that neither the pictures nor `largest` fall short of."""
        return max((side for side in _SIDES_PX if side <= min(largest, self.side_px)), default=_SIDES_PX[0])

    @property
    def folds(self) -> int:
        return 5 if self.rows >= 200 else 3

    @property
    def batch(self) -> int:
        return 16 if self.rows < 2_000 else 32 if self.rows < 10_000 else 64

    @property
    def epochs_from_scratch(self) -> int:
        """So many that the network sees some 20,000 pictures, within reason."""
        return min(20, max(5, 20_000 // max(1, self.rows)))


def recipes(sizes: Sizes, source_path: str, rewards_caution: bool) -> dict[str, str]:
    """The text of each recipe by name.

    source_path      the raw files, as `source.path` has it
    rewards_caution  whether the metric is a log loss, which punishes a sure mistake
    """
    shared = (sizes, source_path, rewards_caution)
    return {
        "scratch": _recipe(
            "scratch",
            "A small network that starts from nothing: needs no connection, and learns little from few pictures.",
            *shared,
            f"""\
  small:
    architecture: resnet10t       # timm's name
    weights: none                 # hub: pretrained; none: from scratch; or a safetensors file
    image_size_px: {sizes.side(96):<3}            # side of the square that the network sees
    resize: squash                # or crop (the centre), pad (on grey)
    augmentation: photo           # or mirror, top_down, radiograph, none: what may change in a picture
    epochs: {sizes.epochs_from_scratch:<2}                    # passes over the training rows
    learning_rate: 4e-3           # peak; AdamW, one cycle
    weight_decay: 0.05
    effective_batch_size: {sizes.batch}      # rows an optimiser step sees
""",
        ),
        "small": _recipe(
            "small",
            "MobileNetV2 with ImageNet weights from the model hub, its head first: a CPU can do it.",
            *shared,
            f"""\
  mobilenet:
    architecture: {PRETRAINED}   # timm's name, and the tag of its weights
    weights: hub                  # hub: pretrained; none: from scratch; or a safetensors file
    image_size_px: {sizes.side(224):<3}            # side of the square that the network sees
    resize: squash                # or crop (the centre), pad (on grey)
    augmentation: photo           # or mirror, top_down, radiograph, none: what may change in a picture
    head_views: 2                 # views of each picture to fit the head to, before all else
    frozen_layers: 11             # the stem and the first ten blocks stay as they are
    epochs: 2                     # passes with the rest of the network
    learning_rate: 1e-4           # peak, of the head; AdamW, one cycle
    layer_decay: 0.92             # rate of each layer group, times that of the next one
    weight_decay: 0.05
    effective_batch_size: {sizes.batch}
    freeze_batch_norm: true       # keep ImageNet's statistics: these batches are small
""",
        ),
        "gpu": _recipe(
            "gpu",
            "Two networks of 28 M and 22 M parameters with weights from the model hub: one GPU of 16 GB.",
            *shared,
            f"""\
  convnext:
    architecture: convnext_tiny.fb_in22k_ft_in1k_384   # timm's name, and the tag of its weights
    weights: hub                  # hub: pretrained; none: from scratch; or a safetensors file
    image_size_px: {sizes.side(384):<3}            # side of the square that the network sees
    resize: squash                # or crop (the centre), pad (on grey)
    augmentation: photo           # or mirror, top_down, radiograph, none: what may change in a picture
    head_views: 2                 # views of each picture to fit the head to, before all else
    epochs: 5                     # passes with the whole network
    learning_rate: 5e-4           # peak, of the head; AdamW, one cycle
    layer_decay: 0.8              # rate of each layer group, times that of the next one
    weight_decay: 0.05
    effective_batch_size: {sizes.batch}
    precision: fp16               # runs on a T4 too, which has no bf16

  eva:
    architecture: eva02_small_patch14_336.mim_in22k_ft_in1k
    weights: hub
    image_size_px: 336
    resize: squash
    augmentation: photo
    head_views: 2
    epochs: 5
    learning_rate: 5e-4
    layer_decay: 0.7
    weight_decay: 0.05
    effective_batch_size: {sizes.batch}
    precision: fp16
""",
        ),
    }


def _recipe(name: str, about: str, sizes: Sizes, source_path: str, rewards_caution: bool, models: str) -> str:
    folds = list(range(sizes.folds))
    clip = (0.01 if sizes.rows < 500 else 0.002) if rewards_caution else 0.0
    return f"""\
# {about}
recipe: {f"{name}":<26}# the file in recipes/ that params.yaml is a copy of

source:
  kind: local                     # local: a folder in Kaggle's layout; kaggle: downloaded
  path: {source_path}

preprocess:
  max_unreadable: 0               # pictures that may be unreadable

folds: {sizes.folds}                          # parts of the training rows
folds_to_run: {folds!s:<20}# each is trained on the other parts and validated on this one
split:
  near_duplicate_bits: 4          # perceptual hashes (64 bits) this close are one picture, and stay together

extra: []                         # labelled pictures from elsewhere: {{path, source}} each; they validate nothing
use_corrections: false            # lay corrections.csv over the labels

models:
{models}
tta:
  views: 1                        # augmented views of each picture; 0: plain only
  plain_weight: 0.5               # share of the plain view in the blend

ensemble:
  probability_clip: {clip:<14}# keep this far from 0 and 1: log loss punishes a sure mistake

submit:
  min_correlation: 0.9            # with the known-good submission, where there is one
"""
