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
    ],
)
def test_the_shared_params_are_strict_too(pets: Workspace, shared: str, message: str) -> None:
    (pets.root / "params.yaml").write_text(shared)
    with pytest.raises(UsageError, match=message):
        check_recipe(pets)
