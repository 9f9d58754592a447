"""What prediction takes over from training."""

import json
from pathlib import Path

import pytest

from common.errors import PodiumError
from pipelines.tta import trained_batch_size
from tests.pipelines.repository import make_repository


def test_the_batch_size_that_fitted_into_memory_in_training_is_used_again(tmp_path: Path) -> None:
    workspace = make_repository(tmp_path)
    with pytest.raises(PodiumError, match=r"metrics.json: no such file; run the stage train@first-0"):
        trained_batch_size(workspace, "first")
    metrics = workspace.fold_run("first", 0) / "metrics.json"
    metrics.parent.mkdir(parents=True)
    metrics.write_text(json.dumps({"micro_batch_size": 3}))
    assert trained_batch_size(workspace, "first") == 3
