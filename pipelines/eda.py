"""Look at a competition's data before any model: `podium eda`."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from common.errors import PodiumError
from common.files import write_text
from common.report.page import render
from pipelines.report import read_inputs
from pipelines.workspace import Workspace


def eda_command(workspace: Workspace) -> Path:
    """Bring the stages up to `split` up to date, and write report/eda.html; returns its path.

    Raises PodiumError where a stage fails, which has said why.
    """
    done = subprocess.run([sys.executable, "-m", "dvc", "repro", "dvc.yaml:split"], cwd=workspace.folder, check=False)
    if done.returncode:
        raise PodiumError(f"{workspace.name}: the data could not be made ready; the message above says why")
    page = workspace.report.with_name("eda.html")
    inputs = read_inputs(workspace)
    untrained = tuple(
        replace(model, histories={}, metrics={}, tta={}, looking=None, activations={}, rate_sweep={})
        for model in inputs.models
    )
    inputs = replace(inputs, oof=None, test=None, cv={}, weights={}, submission={}, models=untrained, nothing=None)
    write_text(page, render(inputs))
    return page
