"""What the blocks of a network put out is recorded as it trains, and a dead network is seen to be dead."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from common.training.activations import COLUMNS, Activations, main_blocks
from common.training.fit import fit
from common.training.timm_import import import_timm
from tests.common.test_fit import OPTIONS, killed_after, task


def network(architecture="test_resnet"):
    return import_timm().create_model(architecture, num_classes=2)


@pytest.mark.parametrize(
    "architecture", ["test_resnet", "test_efficientnet", "test_convnext", "test_vit", "test_nfnet"]
)
def test_every_kind_of_network_has_main_blocks_from_the_input_on(architecture):
    body = network(architecture)
    blocks = main_blocks(body)
    assert 4 <= len(blocks) <= 12
    order = [name for name, _ in body.named_modules()]
    assert [order.index(name) for name in blocks] == sorted(order.index(name) for name in blocks)


def test_the_numbers_are_those_of_the_first_pictures(tmp_path):
    body = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.ReLU())
    body.feature_info = [{"module": "1"}]
    recorder = Activations(body.train(), tmp_path / "a.csv", 0)
    batches = [torch.randn(12, 5, generator=torch.Generator().manual_seed(seed)) for seed in range(20)]
    with recorder.recorded(epoch=1, batches=20):
        outputs = [body(batch).detach().numpy() for batch in batches]
        body.eval()
        body(batches[0])  # validation is not looked at
    table = recorder.table()
    assert list(table.columns) == list(COLUMNS) and table["batch"].tolist() == [0, 8, 16]
    for row in table.itertuples():
        seen = outputs[row.batch][:8]
        assert row.mean == pytest.approx(seen.mean(), rel=1e-5) and row.deviation == pytest.approx(seen.std(), rel=1e-5)
        assert row.near_zero == pytest.approx((np.abs(seen) <= 0.05).mean())
    assert not body[1]._forward_hooks, "nothing stays behind"


def test_a_network_whose_rectifiers_are_shut_is_seen_as_dead(tmp_path):
    shares = {}
    for name, bias in (("alive", 0.0), ("dead", -50.0)):
        body = network().train()
        for module in body.layer3.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.constant_(module.bias, bias)
        recorder = Activations(body, tmp_path / f"{name}.csv", 0)
        with recorder.recorded(1, 1):
            body(torch.randn(8, 3, 64, 64))
        shares[name] = recorder.table().set_index("layer")["near_zero"]
    assert (shares["alive"] < 0.9).all()
    assert shares["dead"]["layer3"] > 0.999 and (shares["dead"][["act1", "layer1", "layer2"]] < 0.9).all()


def test_a_resumed_training_has_the_same_table(tmp_path: Path, monkeypatch):
    options = OPTIONS.model_copy(update={"epochs": 3})
    whole = fit(task(tmp_path / "whole", options)).activations
    assert whole["epoch"].unique().tolist() == [1, 2, 3] and np.isfinite(whole["mean"]).all()
    killed_after(1, task(tmp_path / "killed", options), monkeypatch)
    pd.testing.assert_frame_equal(fit(task(tmp_path / "killed", options)).activations, whole, check_dtype=False)
