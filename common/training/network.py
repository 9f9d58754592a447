"""A timm network for a competition's targets: made, normalised in front, and divided into layer groups."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from common.errors import UsageError
from common.randomness import torch_seed
from common.targets import Target
from common.training.hub import require_hub, unreachable
from common.training.options import ModelOptions
from common.training.pretrained import load_file, load_weights, read_file
from common.training.timm_import import import_timm, require_architecture
from common.training.weights_file import WITHOUT_A_FILE, find_weights_file

_CACHED_NUMBERS = 2**17  # float32 that stay in a core's cache of second level


class Network(nn.Module):
    """A timm body and head, with the normalisation of the pixels in front: weights and pixels stay together.

    Takes (batch, height, width, channels) uint8 or uint16 and light (batch, 2); gives logits (batch, outputs), the
    outputs of all targets side by side.
    """

    def __init__(self, body: nn.Module, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.body = body
        self.mean: torch.Tensor
        self.std: torch.Tensor
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32), persistent=False)
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32), persistent=False)

    def forward(self, pixels: torch.Tensor, light: torch.Tensor, features_only: bool = False) -> torch.Tensor:
        inputs = self.normalised(pixels, light)
        if not features_only:
            return self.body(inputs)
        features = self.body.forward_features(inputs)  # type: ignore[operator]
        return self.body.forward_head(features, pre_logits=True)  # type: ignore[operator]

    @property
    def head(self) -> nn.Linear:
        """The last layer, from features to the logits of all targets."""
        head = self.body.get_classifier()  # type: ignore[operator]
        if not isinstance(head, nn.Linear) or head.bias is None:
            raise UsageError(f"head_views: the head of {type(self.body).__name__} is not linear; set head_views to 0")
        return head

    def normalised(self, pixels: torch.Tensor, light: torch.Tensor) -> torch.Tensor:
        """Pixels as the body wants them: float32 (batch, channels, height, width), channels last in memory."""
        batch, height, width, channels = pixels.shape
        full = 255 if pixels.dtype == torch.uint8 else 65535
        # A line of pixels is one row of numbers, since operations along three channels alone are slow. Light and
        # normalisation are one factor and one summand; what is cut at black and white is cut after both.
        gain, offset = light[:, :1], 0.5 + light[:, 1:] - 0.5 * light[:, :1]
        factor = (gain / full / self.std).repeat(1, width)[:, None]
        summand = ((offset - self.mean) / self.std).repeat(1, width)[:, None]
        black, white = (((shade - self.mean) / self.std).repeat(width) for shade in (0, 1))
        inputs = torch.empty(batch, height, width * channels, dtype=torch.float32, device=pixels.device)
        # On the CPU as many at once as its cache holds; a GPU takes all.
        on_cpu = pixels.device.type == "cpu"
        plain = on_cpu and bool((light == light.new_tensor([1, 0])).all())  # asking a GPU would make it wait
        rows = max(1, _CACHED_NUMBERS // (height * width * channels)) if on_cpu else batch
        for begin in range(0, batch, rows):
            some = slice(begin, begin + rows)
            shades = inputs[some].copy_(pixels[some].flatten(2)).mul_(factor[some]).add_(summand[some])
            if not plain:
                torch.clamp(shades, black, white, out=shades)
        return inputs.view(batch, height, width, channels).permute(0, 3, 1, 2)


def make_network(
    options: ModelOptions, targets: Mapping[str, Target], base: Path, seed: int, pretrained: bool = True
) -> Network:
    """The network of a recipe entry, its untrained weights drawn from `seed`.

    base        the folder that a relative `weights` path starts from
    pretrained  False: as made for loading trained weights into it

    Raises UsageError for an architecture, argument or weights file that does not exist or fit.
    """
    require_architecture(options.architecture, options.weights == "hub")
    outputs = sum(len(target.outputs) for target in targets.values())
    from_hub = pretrained and options.weights == "hub"
    with torch_seed(seed, "initial weights"):
        if from_hub and options.channels == 3:
            body = _from_hub(options, outputs)
        else:
            body = _create(options, outputs, in_chans=options.channels)
            if from_hub:
                load_weights(body, _from_hub(options, outputs).state_dict(), options.channels, "hub")
    if pretrained and options.weights not in WITHOUT_A_FILE:
        load_file(body, weights_path(options, base), options.channels)
    config: dict[str, Any] = body.pretrained_cfg
    mean, std = (
        given or _by_channel(config[name], options.channels)
        for name, given in (("mean", options.mean), ("std", options.std))
    )
    return Network(body.to(memory_format=torch.channels_last), mean, std)


def _by_channel(of_colours: Sequence[float], channels: int) -> tuple[float, ...]:
    """The weights' own mean or deviation for pictures of another number of channels: of all colours, where not RGB."""
    colours = tuple(of_colours)
    if len(colours) == channels:
        return colours
    other = (sum(colours) / len(colours),)
    return other if channels == 1 else colours + other * (channels - len(colours))


def weights_path(options: ModelOptions, base: Path) -> Path:
    """The file that `weights` names, relative to `base`: itself or by its folder; UsageError when it is not there."""
    return find_weights_file(base / Path(options.weights).expanduser())


def pretrained_state(options: ModelOptions, base: Path) -> dict[str, torch.Tensor]:
    """All pretrained weights by name, with the classifier of the classes that they were trained for."""
    if options.weights == "hub":
        return _from_hub(options, None).state_dict()
    return read_file(weights_path(options, base))


def _create(options: ModelOptions, outputs: int | None, **more: Any) -> Any:
    """With a head of `outputs`; None: of as many as timm gives it."""
    head = {} if outputs is None else {"num_classes": outputs}
    try:
        return import_timm().create_model(options.architecture, **head, **more, **options.architecture_arguments)
    except (TypeError, AssertionError) as error:
        raise UsageError(f"architecture_arguments: {options.architecture} refused them: {error}") from error


def _from_hub(options: ModelOptions, outputs: int | None) -> Any:
    """The network with the hub's weights, for three channels; PodiumError with what to do where they cannot be had."""
    require_hub(options.architecture)
    try:
        return _create(options, outputs, pretrained=True)
    except (OSError, RuntimeError) as error:
        raise unreachable(options.architecture, str(error).splitlines()[0]) from error


def start_head(
    network: Network,
    targets: Mapping[str, Target],
    truth: Mapping[str, np.ndarray],
    left_out: Collection[str] = (),
) -> None:
    """Set the head's bias to what the training rows say on average, and shrink its weights.

    The first steps then go into telling pictures apart instead of into learning the class shares.

    left_out  targets that no loss is taken of: their weights become 0, and stay so, since they get no gradient;
              what is predicted is the average
    """
    head = network.body.get_classifier()  # type: ignore[operator]
    if not isinstance(head, nn.Linear) or head.bias is None:
        return
    bias = np.concatenate([target.initial_bias(truth[name]) for name, target in targets.items()])
    shrink = [0.0 if name in left_out else 0.1 for name, target in targets.items() for _ in target.outputs]
    with torch.no_grad():
        head.weight.mul_(torch.tensor(shrink)[:, None])
        head.bias.copy_(torch.from_numpy(bias))


def freeze_layers(network: Network, count: int) -> None:
    """Let the first `count` layer groups (timm's, from the stem on) get no gradient.

    Raises UsageError where that leaves none to train.
    """
    if not count:
        return
    from timm.models import group_parameters

    layers = group_parameters(network.body, network.body.group_matcher(coarse=False), reverse=True)  # type: ignore
    groups = max(layers.values()) + 1
    if count >= groups:
        raise UsageError(
            f"frozen_layers: {count} leaves nothing to train: {type(network.body).__name__} has {groups} layer groups, "
            f"so it is at most {groups - 1}"
        )
    for name, parameter in network.body.named_parameters():
        parameter.requires_grad_(layers[name] >= count)


def parameter_groups(network: Network, options: ModelOptions) -> list[dict[str, Any]]:
    """Groups for AdamW by layer and by whether they decay; `lr_scale` lowers the rate of earlier layers."""
    from timm.optim import param_groups_layer_decay

    return param_groups_layer_decay(network.body, weight_decay=options.weight_decay, layer_decay=options.layer_decay)


def freeze_batch_norm(network: Network, everywhere: bool) -> None:
    """Keep running statistics as they are, everywhere or in frozen layers, by evaluation mode."""
    for module in network.modules():
        if not isinstance(module, nn.modules.batchnorm._BatchNorm):
            continue
        if everywhere or (module.weight is not None and not module.weight.requires_grad):
            module.eval()
