"""The head is fitted to frozen features to the end, and the features are shared."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from common.targets import Binary, Multiclass, Multilabel, Regression
from common.training import head as head_module
from common.training.data import Examples
from common.training.hardware import Hardware
from common.training.head import fit_head, frozen_features, head_first, head_logits
from common.training.network import make_network
from common.training.options import ModelOptions
from common.training.predict import Inference

OPTIONS = ModelOptions(
    architecture="test_resnet", weights="none", image_size_px=32, epochs=0, head_views=2, learning_rate=1e-3,
    effective_batch_size=8,
)  # fmt: skip
PETS = {"label": Binary("dark", "light")}


@pytest.fixture
def inference():
    return Inference(Hardware("cpu", 0, 1).accelerator("float32"), seed=1, batch_size=8, workers=0)


def examples(rows=30):
    rng = np.random.default_rng(0)
    truth = (np.arange(rows) % 2).astype(float)
    pixels = (rng.integers(0, 150, (rows, 32, 32, 3)) + 60 * truth[:, None, None, None]).astype(np.uint8)
    return Examples(np.array([f"id{row}" for row in range(rows)], dtype=object), pixels, {"label": truth})


def test_it_finds_what_logistic_regression_finds(tmp_path):
    rng = np.random.default_rng(0)
    network = make_network(OPTIONS, PETS, tmp_path, 0)
    size = network.head.in_features
    features = rng.normal(2, 3, (400, size))
    truth = (features[:, 0] + rng.normal(0, 3, 400) > 2).astype(float)
    penalty = 0.02
    fit_head(network, features, {"label": truth}, PETS, {"label": 1.0}, penalty, 0.0)
    reference = LogisticRegression(C=1 / (penalty * 400), tol=1e-8, max_iter=10_000)
    scaled = StandardScaler().fit_transform(features)
    expected = reference.fit(scaled, truth).decision_function(scaled)
    np.testing.assert_allclose(head_logits(network, features)[:, 0], expected, atol=0.02)


def test_several_targets_are_fitted_at_once_and_missing_truth_is_left_out(tmp_path):
    rng = np.random.default_rng(1)
    targets = {"kind": Multiclass(("a", "b", "c")), "tags": Multilabel(("x", "y")), "age": Regression()}
    network = make_network(OPTIONS, targets, tmp_path, 0)
    features = rng.normal(size=(300, network.head.in_features))
    truth = {
        "kind": features[:, :3].argmax(axis=1).astype(float),
        "tags": (features[:, 3:5] > 0).astype(float),
        "age": 5 + features[:, 5],
    }
    truth["age"][:100] = np.nan
    loss = fit_head(network, features, truth, targets, dict.fromkeys(targets, 1.0), 1e-4, 0.0)
    logits = head_logits(network, features)
    assert np.isfinite(loss) and (logits[:, :3].argmax(axis=1) == truth["kind"]).mean() > 0.95
    assert np.corrcoef(logits[100:, 5], truth["age"][100:])[0, 1] > 0.99


def test_the_network_with_the_fitted_head_says_what_the_features_said(tmp_path, inference):
    rows = examples()
    network = make_network(OPTIONS, PETS, tmp_path, 0)
    head_first(network, rows.take(np.arange(20)), PETS, OPTIONS, inference)
    everything = rows.take(np.arange(30))
    for number in (0, 1):
        from_features = head_logits(network, frozen_features(network, rows, "photo", number, inference))
        np.testing.assert_allclose(
            inference.run(network, everything, "photo", number), from_features, rtol=1e-4, atol=1e-4
        )


def test_folds_share_the_features_and_another_body_does_not(tmp_path, scratch, inference):
    rows = examples()
    network = make_network(OPTIONS, PETS, tmp_path, 0)
    frozen_features(network, rows, "photo", 0, inference)
    with torch.no_grad():
        network.head.weight.add_(1)
    frozen_features(network, rows, "photo", 0, inference)
    assert len(list((scratch / "features").glob("*.npy"))) == 1
    frozen_features(make_network(OPTIONS, PETS, tmp_path, 1), rows, "photo", 0, inference)
    assert len(list((scratch / "features").glob("*.npy"))) == 2


def test_an_argument_that_changes_no_weight_does_not_find_the_features_of_another(tmp_path, inference):
    rows = examples()
    plain = frozen_features(make_network(OPTIONS, PETS, tmp_path, 0), rows, "photo", 0, inference)
    other = OPTIONS.model_copy(update={"architecture": "test_efficientnet"})
    first = make_network(other, PETS, tmp_path, 0)
    second = make_network(other.model_copy(update={"architecture_arguments": {"bn_eps": 0.5}}), PETS, tmp_path, 0)
    before = np.array(frozen_features(first, rows, "photo", 0, inference))
    after = np.array(frozen_features(second, rows, "photo", 0, inference))
    assert plain.shape[0] == before.shape[0] and not np.allclose(before, after)


def test_an_edit_of_the_code_that_makes_features_finds_none_of_the_old(tmp_path, scratch, inference, monkeypatch):
    rows, network = examples(), make_network(OPTIONS, PETS, tmp_path, 0)
    frozen_features(network, rows, "photo", 1, inference)
    monkeypatch.setattr(head_module, "code_hash", lambda *modules: "edited")
    frozen_features(network, rows, "photo", 1, inference)
    assert len(list((scratch / "features").glob("*.npy"))) == 2


def test_with_sigmoids_a_picture_of_no_class_is_told_from_one_between_two(tmp_path):
    rng = np.random.default_rng(2)
    targets = {"kind": Multiclass(("a", "b", "c"), sigmoids=True)}
    network = make_network(OPTIONS, targets, tmp_path, 0)
    truth = np.arange(300) % 3
    features = rng.normal(0, 0.3, (300, network.head.in_features))
    features[np.arange(300), truth] += 4
    fit_head(network, features, {"kind": truth.astype(float)}, targets, {"kind": 1.0}, 0.01, 0.0)
    none, a, between = np.zeros((3, features.shape[1]))
    a[0], between[:2] = 4, 4
    nothing = targets["kind"].nothing(head_logits(network, np.stack([none, a, between])))
    assert nothing[0] > 0.5 > 10 * nothing[1] and nothing[2] < 0.3
