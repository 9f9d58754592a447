"""timm, also where torchvision's library does not fit the torch beside it.

timm imports torchvision. Its wheel is built for CUDA, and beside a CPU build of torch its library does not
load: the import fails on `operator torchvision::nms does not exist`, though timm's networks use none of
its operators. Declaring their schemas is enough.
"""

import difflib
import importlib
import os
from types import ModuleType

import torch

from common.errors import UsageError

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[torch.library.Library] = []  # a library that is collected takes its schemas with it


def import_timm() -> ModuleType:
    """The module timm, ready to use."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        importlib.import_module("torchvision")
    except (RuntimeError, OSError, AttributeError) as error:
        if "torchvision::" not in str(error):
            raise
        library = torch.library.Library("torchvision", "FRAGMENT")
        for schema in _SCHEMAS:
            library.define(schema)
        _declared.append(library)
    return importlib.import_module("timm")


def require_architecture(architecture: str, from_hub: bool, where: str = "architecture") -> None:
    """Raise UsageError where timm has no network of that name or, for the hub's weights, none of that tag.

    where  starts the message. A network that was renamed is named by its present name, any other by the nearest ones.
    """
    timm = import_timm()
    bare, _, tag = architecture.partition(".")
    renamed = timm.models.get_deprecated_models()
    if renamed.get(bare):
        raise UsageError(f"{where}: timm {timm.__version__} calls '{bare}' {renamed[bare]} now")
    if bare in renamed or not timm.is_model(bare):
        near = difflib.get_close_matches(bare, timm.list_models(), n=3, cutoff=0.5)
        verb = "removed" if bare in renamed else "knows no network"
        raise UsageError(
            f"{where}: timm {timm.__version__} {verb} '{bare}'{'; near: ' if near else ''}{', '.join(near)}"
        )
    if not from_hub:
        return
    pretrained = timm.list_pretrained(f"{bare}.*")
    if not pretrained:
        raise UsageError(f"{where}: the hub has no weights of '{bare}'; use weights: none, or a file")
    if tag and architecture not in pretrained:
        raise UsageError(f"{where}: the hub has no weights '{architecture}'; it has {', '.join(pretrained)}")
