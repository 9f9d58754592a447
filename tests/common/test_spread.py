"""Work is spread over processes, by memory, or over a cluster; what is lost on the way is done again."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common.errors import UsageError
from common.images.ingest import ingest, work_folder
from common.images.spread import Spread
from common.raw.files import RawFiles
from competitions.unifesp_xray.sample import draw


def marks(folder: Path, number: int) -> bool:
    (folder / f"{number}-{os.getpid()}").touch()
    return True


def dies(folder: Path, number: int) -> bool:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return marks(folder, number)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_call_that_kills_its_process_takes_no_other_along(tmp_path, workers):
    calls = [(tmp_path, number) for number in range(6)]
    done = dict(Spread(workers).run(dies, calls, [1] * 6, guarded=True))
    assert done == {number: number != 3 for number in range(6)}


def test_what_needs_much_memory_runs_alone(tmp_path):
    many = [(tmp_path, number) for number in range(4)]
    assert len(list(Spread(2, memory_bytes=1 << 20).run(marks, many, [1 << 30] * 4, guarded=True))) == 4
    assert len({path.name.split("-")[1] for path in tmp_path.iterdir()}) == 1


def test_without_a_cluster_at_the_address_it_says_so(tmp_path):
    with pytest.raises(UsageError, match="no Dask scheduler at tcp://127"):
        list(Spread(2, cluster="tcp://127.0.0.1:1").run(marks, [(tmp_path, 1)], [1], guarded=False))


@pytest.fixture(scope="module")
def cluster():
    """A Dask scheduler and two worker processes on this machine, which see the same files."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, memory_limit=0
    ) as running:
        yield running


def test_a_cluster_gives_the_same_pictures_though_a_worker_is_killed(tmp_path, cluster, monkeypatch):
    (tmp_path / "raw").mkdir()
    draw(tmp_path / "raw", seed=4)
    raw = RawFiles(tmp_path / "raw")
    paths = [path for path in raw.names() if path.endswith(".dcm")]
    ids = [Path(path).stem.removesuffix("-c") for path in paths]
    parts = [path.partition("/")[0] for path in paths]
    pictures = pd.DataFrame({"part": parts, "id": ids, "path": paths}).sort_values(["part", "id"], ignore_index=True)
    monkeypatch.setattr("common.images.ingest._BATCH_PICTURES", 2)
    tables = {}
    for name, spread in (("here", Spread(1)), ("cluster", Spread(1, cluster=cluster.scheduler_address))):
        with work_folder(tmp_path / f"{name}.zip") as work:
            if name == "cluster":
                monkeypatch.setattr("common.images.ingest.track", _killing_a_worker(cluster))
            tables[name] = ingest(raw, pictures, tmp_path / f"{name}.zip", work, spread)
    pd.testing.assert_frame_equal(tables["here"], tables["cluster"])
    assert (tmp_path / "here.zip").read_bytes() == (tmp_path / "cluster.zip").read_bytes()
    assert np.array_equal(tables["here"]["reason"].notna().to_numpy().nonzero()[0].shape, (1,))


def _killing_a_worker(cluster):
    """In place of the progress bar: after a few batches one of the two workers is gone."""

    def track(items, *_, **__):
        for place, item in enumerate(items):
            if place == 3:
                os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)
                time.sleep(0.2)
            yield item

    return track
