"""Find a learning rate: `podium find-lr`. Nothing of the training itself is written or changed."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from common.errors import UsageError
from common.files import replacing, write_json
from common.training.options import ModelOptions
from common.training.rate_finder import suggest, sweep
from common.training.rate_picture import rate_png
from pipelines.train import training_task
from pipelines.workspace import Workspace


def find_lr(workspace: Workspace, model: str, fold: int | None, steps: int, output: Path | None) -> list[str]:
    """Sweep the rate for MODEL trained without a fold; returns what to print.

    output  the folder for MODEL.png and MODEL.json; None: the competition's own, where the report finds them

    The pictures come from the cache that training shares; all else that is kept for later, goes to a temporary folder.
    """
    options = workspace.section(ModelOptions, "models", model)
    if not options.epochs:
        raise UsageError(f"models.{model}.epochs: 0 fits the head exactly, without a learning rate")
    if fold is None:
        fold = next((one for one in workspace.folds_to_run if isinstance(one, int)), 0)
    task = training_task(workspace, model, fold)
    with _temporary_scratch():
        swept = sweep(task, steps)
    suggestion = suggest(swept)
    folder = output or workspace.rate_sweep(model).parent
    about = {
        "model": model,
        "fold": fold,
        "options": options.model_dump(mode="json"),
        "rates": swept.rates.tolist(),
        "losses": swept.losses.tolist(),
        "smoothed": swept.smoothed.tolist(),
        "diverged": swept.diverged,
        "suggested": suggestion.rate,
        "reason": suggestion.reason,
    }
    write_json(folder / f"{model}.json", about)
    with replacing(folder / f"{model}.png") as beside:
        beside.write_bytes(rate_png(swept, suggestion, f"{workspace.name}: {model}, fold {fold}"))
    lines = [f"{folder / model}.png"]
    if suggestion.rate is None:
        return [*lines, f"no learning rate is suggested: {suggestion.reason}"]
    return [
        *lines,
        f"suggested learning rate {suggestion.rate:.1e} (now {options.learning_rate:.1e}): {suggestion.reason}",
        f"podium set {workspace.name} models.{model}.learning_rate={suggestion.rate:.1e}",
    ]


@contextmanager
def _temporary_scratch() -> Iterator[None]:
    """Inside, what goes to the scratch cache is gone afterwards, as the features that a head is fitted to first."""
    before = os.environ.get("PODIUM_SCRATCH")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PODIUM_SCRATCH"] = folder
        try:
            yield
        finally:
            if before is None:
                del os.environ["PODIUM_SCRATCH"]
            else:
                os.environ["PODIUM_SCRATCH"] = before
