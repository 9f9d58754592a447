"""The pictures that a person should look at: most wrong, least sure, and some drawn by chance."""

import numpy as np

from common.randomness import generator
from common.report.blocks import Block, Gallery, Picture, Section
from common.report.gallery import Thumbnails
from common.report.inputs import Inputs
from common.report.judged import Judged
from common.targets import Multilabel, Regression

_PICTURES = 24


def pictures_section(inputs: Inputs, judged: Judged, thumbnails: Thumbnails) -> Section:
    """Galleries of one target's out-of-fold rows."""
    blocks: list[Block] = []
    by_loss = "squared error" if isinstance(judged.target, Regression) else "cross-entropy"
    blocks.append(
        Gallery(
            "Most wrong",
            _ranked(judged, judged.loss, thumbnails),
            f"Highest {by_loss} first. A wrong label often stands among these.",
        )
    )
    doubt = judged.doubt
    if doubt is not None:
        measure = "mean entropy of the tags" if isinstance(judged.target, Multilabel) else "entropy"
        gallery = Gallery(
            "Least sure", _ranked(judged, doubt, thumbnails), f"Highest {measure} of the prediction first."
        )
        blocks.append(gallery)
    if judged.name == inputs.competition.scored_target:
        blocks.append(Gallery("Drawn by chance", _drawn(inputs, judged, thumbnails), "From all out-of-fold rows."))
    filled = [block for block in blocks if isinstance(block, Gallery) and block.pictures]
    return Section(f"pictures-{judged.name}", f"Pictures by {judged.name}", list(filled))


def _ranked(judged: Judged, values: np.ndarray, thumbnails: Thumbnails) -> list[Picture]:
    """Highest value first; equal ones in the order of their ids."""
    order = np.argsort(-values, kind="stable")[: 2 * _PICTURES]
    return thumbnails.pictures({("train", judged.ids[row]): judged.captions(row) for row in order}, _PICTURES)


def _drawn(inputs: Inputs, judged: Judged, thumbnails: Thumbnails) -> list[Picture]:
    row_of = {id_: row for row, id_ in enumerate(judged.ids)}
    ids = _shuffled(inputs, judged.ids)[: 2 * _PICTURES]
    return thumbnails.pictures({("train", id_): judged.captions(row_of[id_]) for id_ in ids}, _PICTURES)


def _shuffled(inputs: Inputs, ids: np.ndarray) -> np.ndarray:
    return generator(inputs.seed, "report", "pictures").permutation(ids)
