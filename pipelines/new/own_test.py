"""The text of a new competition's test."""

import pandas as pd

from pipelines.new.layout import Layout
from pipelines.new.module import quoted, target_name
from pipelines.new.task import Task


def own_test_module(name: str, title: str, layout: Layout, task: Task) -> str:
    """A test of what the folder says about its raw files, on the files themselves."""
    labels = layout.labels.dropna().astype(str)
    target = target_name(task)
    if task.kind == "number":
        numbers = pd.to_numeric(labels)
        facts = f"({len(labels)}, {numbers.min()}, {numbers.max()})"
        expected = [
            f"    values = train[{quoted(target)}]",
            f"    assert (len(values), values.min(), values.max()) == {facts}",
        ]
    else:
        first = labels.iloc[0]
        facts = f"({labels.nunique()}, {int((labels == first).sum())})"
        expected = [
            f"    counts = train[{quoted(target)}].value_counts()",
            f"    assert (len(counts), counts[{quoted(first)}]) == {facts}",
        ]
    return f'''"""{title}: the raw files are read as competition.py says, and a submission has the sample's form."""

import numpy as np
import pandas as pd
import pytest

from common.errors import UsageError
from common.images.examples import check_examples
from common.predictions import make_table
from common.raw.files import RawFiles
from common.submission.write import check_submission, write_submission
from competitions.{name}.competition import COMPETITION
from pipelines.raw import raw_root
from pipelines.workspace import Workspace


@pytest.fixture(scope="module")
def raw() -> RawFiles:
    try:
        return RawFiles(raw_root(Workspace.open("{name}")))
    except UsageError:
        pytest.skip("the raw files are not here")


@pytest.fixture(scope="module")
def examples(raw) -> pd.DataFrame:
    return check_examples(COMPETITION.read_examples(raw), COMPETITION.targets, raw.names(), "competition.py")


def test_every_picture_has_its_label(examples):
    train = examples[examples["part"] == "train"]
    assert len(train) == {len(labels)}
{chr(10).join(expected)}


def test_a_submission_has_the_samples_ids_and_columns(raw, examples, tmp_path):
    ids = examples.loc[examples["part"] == "test", "id"].tolist()
    assert len(ids) == {layout.test_pictures}
    rng = np.random.default_rng(0)
    predictions = {{}}
    for name, target in COMPETITION.targets.items():
        predictions[name] = target.activate(rng.normal(size=(len(ids), len(target.outputs))))
    table = make_table(ids, "blend", predictions, COMPETITION.targets)
    sample = raw.read_csv(COMPETITION.sample_submission)
    write_submission(tmp_path / "submission.csv", COMPETITION, table, sample)
    checks = check_submission(tmp_path / "submission.csv", COMPETITION, sample)
    assert [check for check in checks if not check.ok] == []
'''
