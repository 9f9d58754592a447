"""Dog breeds from drawn raw files to a checked submission: planted flaws come to light, rare breeds break nothing."""

import numpy as np
import pandas as pd
import pytest
import torch

from common.ensembling.blend import clip
from common.files import read_json
from common.training.head import fit_head, head_logits
from common.training.network import Network
from competitions.dog_breeds.competition import COMPETITION
from competitions.dog_breeds.sample import NAMES, draw
from pipelines.show import show
from tests.whole_run import RECIPE, run_all_stages


@pytest.fixture(scope="module")
def run(tmp_path_factory, monkeypatch_module):
    root = tmp_path_factory.mktemp("repository")
    monkeypatch_module.setenv("PODIUM_SCRATCH", str(root / "scratch"))
    return run_all_stages(root, "dog_breeds", RECIPE)


@pytest.fixture(scope="module")
def traps(run):
    return read_json(run.raw_folder / "sample" / "_traps.json")


def test_the_same_seed_draws_the_same_bytes(run, tmp_path):
    draw(tmp_path, run.seed)
    drawn = run.raw_folder / "sample"
    names = [path.relative_to(drawn) for path in sorted(drawn.rglob("*")) if path.is_file()]
    assert len(names) > 400  # pictures, and three files more
    assert all((tmp_path / name).read_bytes() == (drawn / name).read_bytes() for name in names)


def test_planted_duplicates_are_found_and_nothing_else(run, traps):
    found = read_json(run.split_report)["duplicates"]
    within = traps["exact_duplicates"] + traps["mirrored_duplicates_of_two_breeds"]
    assert sorted(sorted(entry["ids"]) for entry in found["in_train"]) == sorted(sorted(pair) for pair in within)
    assert sorted(sorted(entry["ids"]) for entry in found["conflicting_labels"]) == sorted(
        sorted(pair) for pair in traps["mirrored_duplicates_of_two_breeds"]
    )
    assert sorted(entry["train"] + entry["test"] for entry in found["across_train_and_test"]) == sorted(
        traps["near_duplicates_across_train_and_test"]
    )
    assert pd.read_csv(run.unreadable)["id"].tolist() == [traps["truncated"]]


def test_rare_breeds_are_spread_over_the_folds(run, traps):
    examples = pd.read_parquet(run.examples).query("part == 'train'").set_index("id")
    folds = pd.read_parquet(run.folds).set_index("id")["fold"]
    assert len(traps["rare"]) > 10
    for breed in traps["rare"]:
        assert sorted(folds[examples.index[examples["breed"] == breed]]) == [0, 1]


def test_a_breed_without_a_picture_to_learn_from_gives_finite_predictions(tmp_path):
    """As where both pictures of a breed are one picture twice, and so lie in the same fold."""
    breed = COMPETITION.targets["breed"]
    network = Network(torch.nn.Identity(), mean=(0.5,) * 3, std=(0.5,) * 3)
    network.body = Headed(torch.nn.Linear(8, len(NAMES)))
    features = np.random.default_rng(0).normal(size=(300, 8)).astype(np.float32)
    truth = np.arange(300) % (len(NAMES) - 1) + 1.0  # never the first
    fit_head(network, features, {"breed": truth}, {"breed": breed}, {"breed": 1.0}, penalty=0.03, smoothing=0.0)
    predicted = breed.activate(head_logits(network, features))
    assert np.isfinite(predicted).all()
    kept = clip(predicted, breed, 0.0005)
    assert kept.min() > 0.0004
    assert np.isfinite(COMPETITION.metric(np.zeros(300), kept))


class Headed(torch.nn.Module):
    """Nothing but a head, as timm's networks give it."""

    def __init__(self, head: torch.nn.Linear) -> None:
        super().__init__()
        self.head = head

    def get_classifier(self) -> torch.nn.Linear:
        return self.head


def test_the_submission_has_the_samples_rows_and_columns_and_rows_sum_to_1(run):
    sample = pd.read_csv(run.raw_folder / "sample" / "sample_submission.csv")
    written = pd.read_csv(run.submission)
    assert list(written.columns) == ["id", *NAMES] == list(sample.columns)
    assert written["id"].tolist() == sample["id"].tolist()
    assert np.abs(written[NAMES].sum(axis=1) - 1).max() < 1e-5
    checks = {check["name"]: check["ok"] for check in read_json(run.submission_report)["checks"]}
    assert checks["rows sum to 1"] and all(checks.values())


def test_the_leak_stands_beside_every_score(run):
    assert "seen" in COMPETITION.caveat
    assert COMPETITION.caveat in show(run)
    assert COMPETITION.caveat.replace("'", "&#39;") in run.report.read_text()
