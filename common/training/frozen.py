"""The head alone for the first epochs: a drawn head would tear at a body that has learned already."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from common.training.network import Network


@contextmanager
def frozen_body(network: Network, frozen: bool) -> Iterator[None]:
    """Inside, with `frozen`, the head alone gets gradients; afterwards all is as it was.

    Batch norm in the frozen body keeps its statistics too (see `freeze_batch_norm`).
    """
    given = network.body.get_classifier()  # type: ignore[operator]
    heads = given if isinstance(given, tuple | list) else (given,)  # distilled networks have two
    of_heads = {id(parameter) for head in heads for parameter in head.parameters()}
    thawed = [one for one in network.body.parameters() if frozen and one.requires_grad and id(one) not in of_heads]
    _set(thawed, False)
    try:
        yield
    finally:
        _set(thawed, True)


def _set(parameters: list[torch.nn.Parameter], requires_grad: bool) -> None:
    for parameter in parameters:
        parameter.requires_grad_(requires_grad)
