"""The size of the pictures that timm's weights of an architecture were trained on."""

from common.training.timm_import import import_timm


def pretrained_size_px(architecture: str) -> int | None:
    """Side of the square in pixels, by timm's own record; None where it has no such architecture."""
    try:
        config = import_timm().models.get_pretrained_cfg(architecture)
    except RuntimeError:  # an unknown tag
        return None
    return int(config.input_size[-1]) if config else None
