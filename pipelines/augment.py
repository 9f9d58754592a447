"""`podium augment`: what training makes of one picture, to be looked at."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from common.errors import UsageError
from common.files import replacing
from common.images.augment import draw
from common.images.contact_sheet import contact_sheet
from common.images.mix import draw_erasures, draw_mixes
from common.images.pictures import StoredPictures
from common.options import nearest
from common.randomness import derived_seed
from common.training.data import Batch, Examples, View, micro_batches
from common.training.network import Network
from common.training.options import ModelOptions
from pipelines.examples import read_examples
from pipelines.workspace import Workspace

TIMES = 12
_QUANTILES = (0.005, 0.995)  # of a 16-bit picture, which uses a narrow part of its range, shown as black and white


def augment_command(workspace: Workspace, model: str | None, id_: str | None, output: Path | None) -> Path:
    """Write the contact sheet of a training picture; returns its path.

    model   None: the first of the recipe
    id_     None: the first by id
    output  None: report/augment-MODEL-ID.png in the competition's folder
    """
    model = model or workspace.models[0]
    options = workspace.section(ModelOptions, "models", model)
    view = _view(workspace, options)
    ids = view.ids.tolist()
    if id_ is not None and id_ not in ids:
        raise UsageError(f"no training picture '{id_}' in {workspace.examples}{nearest(id_, ids)}")
    row = ids.index(id_) if id_ is not None else 0
    seed = derived_seed(workspace.seed, "model", model, workspace.folds_to_run[0])
    tiles = list(_tiles(view, row, options, seed))
    if view.examples.pixels.dtype == np.uint16:
        low, high = np.quantile(tiles[0][0], _QUANTILES)
        tiles = [((pixels - low) / max(high - low, 1e-6), lines) for pixels, lines in tiles]
    size = options.image_sizes_px[0]
    title = f"{workspace.name}, {model}: {ids[row]} at {size} px, augmentation {options.augmentation}"
    path = output or workspace.report.parent / f"augment-{model}-{ids[row].replace('/', '_')}.png"
    with replacing(path) as beside:
        beside.write_bytes(contact_sheet(title, tiles))
    return path


def _view(workspace: Workspace, options: ModelOptions) -> View:
    """All training pictures, decoded when they are asked for: a look should not wait for all of them."""
    table = read_examples(workspace, "train").dropna(subset="file")
    side, dtype = max(options.image_sizes_px), np.dtype(np.uint8 if table["bits"].max() == 8 else np.uint16)
    files, positions = table["file"].to_numpy(dtype=object), np.arange(len(table))
    size = (side, side, options.channels)
    pixels = StoredPictures(workspace.images, "", size, dtype, options.resize, files, positions)
    return Examples(table["id"].to_numpy(dtype=object), pixels, {}).take(positions).at(options.image_sizes_px[0])


def _tiles(view: View, row: int, options: ModelOptions, seed: int) -> Iterator[tuple[np.ndarray, list[str]]]:
    """Pixels in 0..1 and what was drawn: the plain picture, then the first epochs of a training."""
    mixing = options.mixing
    positions, side = np.array([row]), view.examples.side_px
    (plain,) = micro_batches(view, [positions], 1, "none", seed, ("view", 0), 0)
    yield _shown(plain), ["as in validation"]
    for epoch in range(TIMES):
        purpose = ("train", epoch)
        (batch,) = micro_batches(view, [positions], 1, options.augmentation, seed, purpose, 0, mixing=mixing)
        names = view.names(positions)
        lines = [f"{name} {said}" for name, said in draw(names, options.augmentation, seed, *purpose).named(0).items()]
        if mixing.has_partners:
            mixes = draw_mixes(names, len(view), side, mixing, seed, *purpose)
            how = "cutmix" if mixes.boxes.any() else "mixup"
            lines.append(f"{how} {1 - mixes.share[0]:.2f} of {view.ids[mixes.partners[0]]}")
        ((top, bottom, left, right),) = draw_erasures(names, mixing.random_erasing, side, seed, *purpose).tolist()
        if bottom:
            lines.append(f"erased {(bottom - top) * (right - left) / side**2:.2f}")
        yield _shown(batch), [f"epoch {epoch + 1}", *lines]


def _shown(batch: Batch) -> np.ndarray:
    """Pixels (side, side, channels) as they reach the network, before its mean and deviation."""
    channels = batch.pixels.shape[3]
    network = Network(torch.nn.Identity(), (0.0,) * channels, (1.0,) * channels)
    return network(batch.pixels, batch.light)[0].permute(1, 2, 0).numpy()
