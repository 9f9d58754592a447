"""Test-time augmentation is used where it helps beyond its error, and there alone."""

import json

import numpy as np
import pytest

from common.metrics import accuracy, log_loss
from common.scoring import difference
from common.training.test_time_choice import choose_view, told

ROWS = 400
GROUPS = np.arange(ROWS) // 2


def predictions(better):
    """Truth and two predictions of it; the second is less noisy, or more, or has other noise of the same size."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, ROWS).astype(float)

    def seen(noise):
        return 1 / (1 + np.exp(-(2 * (2 * truth - 1) + noise * rng.normal(size=ROWS))))

    return truth, seen(1.5), seen({"much": 0.3, "not": 1.5, "harms": 2.5}[better])


@pytest.mark.parametrize("metric", [log_loss, accuracy], ids=lambda metric: metric.name)
@pytest.mark.parametrize(("better", "chosen"), [("much", "tta"), ("harms", "plain")])
def test_the_better_view_is_chosen(metric, better, chosen):
    truth, plain, augmented = predictions(better)
    found = choose_view(metric, truth, plain, augmented, GROUPS, plain_weight=0.0)
    assert found["chosen"] == chosen


def test_a_gain_within_its_paired_error_is_none():
    truth, plain, _ = predictions("not")
    augmented = plain.copy()
    augmented[:8] += 0.3 * (truth[:8] - augmented[:8]) * np.array([1, -1, 1, -1, 1, -1, 1, 1])
    found = choose_view(log_loss, truth, plain, augmented, GROUPS, plain_weight=0.0)
    assert 0 < -found["difference"] < found["difference_standard_error"]
    assert found["chosen"] == "plain" and "within its error of" in found["reason"]


def test_every_blend_stands_beside_plain_with_its_paired_error():
    truth, plain, augmented = predictions("much")
    found = choose_view(log_loss, truth, plain, augmented, GROUPS, plain_weight=0.3)
    assert [one["plain_weight"] for one in found["blends"]] == [0, 0.25, 0.3, 0.5, 0.75]
    for one in found["blends"]:
        blend = one["plain_weight"] * plain + (1 - one["plain_weight"]) * augmented
        expected = difference(log_loss, truth, blend, plain, GROUPS)
        assert {name: one[name] for name in expected} == expected
    own = found["blends"][2]
    assert found["tta"]["score"] == own["score"] and found["difference"] == own["difference"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    lines = told(found, "small")
    assert len(lines) == 7 and lines[1].startswith("  augmented views alone: ") and "tta is used" in lines[-1]


def test_without_augmented_views_plain_is_used():
    truth, plain, _ = predictions("not")
    found = choose_view(log_loss, truth, plain, None, GROUPS, plain_weight=0.3)
    assert found["chosen"] == "plain" and found["blends"] == []
    assert told(found, "small")[-1] == "small: plain is used for the test set: there are no augmented views"
