import numpy as np
import pytest

from common.report.judged import Judged
from common.targets import Binary, Multiclass, Multilabel, Regression


def judged(target, truth, prediction):
    ids = np.array([f"row {number}" for number in range(len(truth))], dtype=object)
    return Judged("target", target, ids, ids, np.asarray(truth, float), np.asarray(prediction, float))


@pytest.mark.parametrize(
    "target",
    [
        Binary("cat", "dog"),
        Multiclass(("a", "b", "c")),
        Multilabel(("x", "y")),
        Regression(),
        Regression(log=True),
    ],
    ids=lambda target: repr(target).split("(")[0] + ("log" if getattr(target, "log", False) else ""),
)
def test_wrongness_is_the_loss_that_training_minimises(target):
    import torch

    draw = np.random.default_rng(0)
    logits = draw.normal(size=(20, len(target.outputs)))
    if isinstance(target, Multilabel):
        truth = draw.integers(0, 2, (20, 2)).astype(float)
    else:
        truth = draw.integers(0, max(2, len(target.classes)), 20).astype(float)
    if isinstance(target, Regression):
        logits = np.abs(logits)
    trained = target.loss(torch.from_numpy(logits), torch.from_numpy(truth))
    np.testing.assert_allclose(judged(target, truth, target.activate(logits)).loss, trained.numpy(), rtol=1e-9)


def test_a_certain_mistake_has_a_finite_loss():
    assert np.isfinite(judged(Binary("cat", "dog"), [1, 0], [[0.0], [1.0]]).loss).all()


def test_doubt_is_greatest_between_the_classes_and_absent_for_numbers():
    doubt = judged(Multiclass(("a", "b")), [0, 0, 0], [[1, 0], [0.5, 0.5], [0.2, 0.8]]).doubt
    assert doubt.argmax() == 1
    assert doubt[0] == 0
    assert judged(Regression(), [1.0], [[2.0]]).doubt is None


def test_captions_name_the_given_label_and_what_was_predicted():
    assert judged(Binary("cat", "dog"), [0], [[0.97]]).captions(0) == ("given row 0", "P(dog) 0.970")
    several = judged(Multiclass(("a", "b", "c")), [0], [[0.1, 0.7, 0.2]])
    assert several.captions(0) == ("given row 0 0.100", "predicted b 0.700")
    tags = judged(Multilabel(("x", "y")), [[1, 0]], [[0.2, 0.9]])
    assert tags.captions(0)[1] == "predicted −x 0.20, +y 0.90"


def test_confidence_is_about_the_class_that_is_decided():
    probability, came_true, _ = judged(Multiclass(("a", "b")), [0, 1], [[0.9, 0.1], [0.6, 0.4]]).confidence()
    assert probability.tolist() == [0.9, 0.6]
    assert came_true.tolist() == [True, False]
