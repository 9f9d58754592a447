"""timm, also where torchvision's library does not fit the torch beside it.

timm imports torchvision. Its wheel is built for CUDA, and beside a CPU build of torch its library does not
load: the import fails on `operator torchvision::nms does not exist`, though timm's networks use none of
its operators. Declaring their schemas is enough.
"""

import importlib
import os
from types import ModuleType

import torch

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
