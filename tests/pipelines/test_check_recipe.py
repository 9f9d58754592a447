from pathlib import Path

import pytest

from common.errors import UsageError
from pipelines.check_recipe import check_recipe
from pipelines.edit_recipe import set_keys
from pipelines.workspace import Workspace
from tests.pipelines.repository import make_repository


@pytest.fixture
def pets(tmp_path: Path) -> Workspace:
    return make_repository(tmp_path)


def opened_again(pets: Workspace) -> Workspace:
    """Without what was read before."""
    return Workspace.open(pets.name, pets.root)


def test_a_recipe_whose_files_are_there_passes(pets: Workspace) -> None:
    assert list(check_recipe(pets).models) == ["first", "second"]


@pytest.mark.parametrize(
    ("assignments", "message"),
    [
        (
            ["models.first.weights=net.safetensors"],
            "models.first.weights: no such file: ../../net.safetensors",
        ),
        (["source.kind=kaggle"], "source.path: no such file: kaggle_files.txt"),
        (["source.kind=local", "source.path=/no/pictures"], "source.path: no such file: /no/pictures;"),
        (
            ["models.first.architecture=resnet10"],
            "models.first.architecture: .*no network 'resnet10'; near: resnet10t",
        ),
        (
            ["models.first.architecture=resnet10t.in1k", "models.first.weights=hub"],
            "it has resnet10t.c3_in1k",
        ),
        (["models.second.architecture=vit_giant_patch14_224", "models.second.weights=hub"], "has no weights"),
    ],
)
def test_what_is_missing_is_named_with_its_key(pets: Workspace, assignments: list[str], message: str) -> None:
    set_keys(pets, assignments, pets.root)
    with pytest.raises(UsageError, match=message):
        check_recipe(opened_again(pets))


@pytest.mark.parametrize(
    ("shared", "message"),
    [
        ("sed: 1", "unknown key 'sed'; did you mean 'seed'"),
        ("seed: one", "seed"),
        ("seed: 1\nmachine: {devise: cpu}", "machine: unknown key 'devise'; did you mean 'device'"),
        ("seed: 1\nmachine: {threads: two}", "machine.threads: expected a number"),
        ("seed: 1\nmachine: {workers: -1}", "machine.workers: expected a number of 1 or more, or auto, found -1"),
        ("seed: 1\nmachine: {loader_workers: -1}", "machine.loader_workers: expected a number of 0 or more"),
        ("seed: 1\nmachine: {processes: 0}", "machine.processes: expected a number of 1 or more"),
        ("seed: 1\nmachine: {cache_gb: much}", "machine.cache_gb: expected gigabytes, or auto, found 'much'"),
        ("seed: 1\nmachine: {max_memory_gb: -1}", "machine.max_memory_gb: expected .*, found -1"),
        ("seed: 1\nmachine: {device: gpu}", "machine.device: expected auto, cpu, mps, cuda or cuda:N .*, found 'gpu'"),
        ("seed: 1\nmachine: {device: 'cuda:-1'}", "machine.device: expected .* found 'cuda:-1'"),
    ],
)
def test_the_shared_params_are_strict_too(pets: Workspace, shared: str, message: str) -> None:
    (pets.root / "params.yaml").write_text(shared)
    with pytest.raises(UsageError, match=message):
        check_recipe(pets)
