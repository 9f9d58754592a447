import difflib
from pathlib import Path

import pytest

from common import yaml_text
from common.errors import UsageError
from common.options import read_yaml
from pipelines.edit_recipe import describe_recipes, edited_keys, set_keys, use_recipe
from pipelines.recipe import read_recipe
from pipelines.workspace import Workspace, find_root
from tests.pipelines.repository import RECIPE, make_repository

ALL_RECIPES = sorted((find_root(Path(__file__)) / "competitions").glob("*/recipes/*.yaml"))


@pytest.fixture
def pets(tmp_path: Path) -> Workspace:
    return make_repository(tmp_path)


def changed_lines(pets: Workspace) -> list[str]:
    """The lines that are new; at most one may be gone for each."""
    difference = list(difflib.ndiff(RECIPE.splitlines(), pets.params_path.read_text().splitlines()))
    new = [line[2:] for line in difference if line.startswith("+ ")]
    assert sum(line.startswith("- ") for line in difference) <= len(new)
    return new


@pytest.mark.parametrize("path", ALL_RECIPES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_every_recipe_is_valid_and_keeps_its_layout_when_it_is_rewritten(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert yaml_text.dump(yaml_text.load(text, ""), like=text) == text
    assert read_recipe(path).recipe == path.stem


@pytest.mark.parametrize(
    ("assignment", "line"),
    [
        ("models.first.epochs=3", "    epochs: 3            # passes"),
        ("models.first.learning_rate=1e-3", "    learning_rate: 1e-3  # peak"),
        ("models.first.gradient_clip=0.5", "    gradient_clip: 0.5   # no limit"),
        ("folds_to_run=[0,1]", "folds_to_run: [0, 1]     # which"),
        ("folds_to_run=[0,all-1]", "folds_to_run: [0, all-1] # which"),
        ("models.first.architecture=resnet18", "    architecture: resnet18"),
        ("models.first.weights=hub", "    weights: hub         # from scratch"),
        ("preprocess.max_unreadable=0", "preprocess: {max_unreadable: 0}"),
    ],
)
def test_set_changes_one_line_and_keeps_its_comment(pets: Workspace, assignment: str, line: str) -> None:
    set_keys(pets, [assignment], pets.root)
    assert changed_lines(pets) == [line]


@pytest.mark.parametrize(
    ("assignment", "line", "line_before"),
    [
        ("models.first.label_smoothing=0.1", "    label_smoothing: 0.1", "    image_size_px: 64"),
        ("models.first.precision=fp16", "    precision: fp16", "    gradient_clip: null  # no limit"),
        (
            "models.first.architecture_arguments.bn_eps=1e-3",
            "    architecture_arguments: {bn_eps: 1e-3}",
            None,
        ),
        ("ensemble.probability_clip=0.01", "ensemble: {probability_clip: 0.01}", None),
    ],
)
def test_set_adds_a_key_that_was_left_to_its_default(
    pets: Workspace, assignment: str, line: str, line_before: str | None
) -> None:
    changes = set_keys(pets, [assignment], pets.root)
    assert changed_lines(pets) == [line]
    assert "default ->" in changes[0]
    if line_before:
        after = pets.params_path.read_text().splitlines()
        assert after[after.index(line) - 1] == line_before


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("models.first.epoch=3", "unknown key 'models.first.epoch'; did you mean 'models.first.epochs'"),
        ("models.frist.epochs=3", "did you mean 'models.first.epochs'"),
        ("learning_rate=1", "did you mean 'models.first.learning_rate'"),
        ("fold=3", "did you mean 'folds'"),
        ("split.zzz=1", "known: near_duplicate_bits"),
        ("models.first={}", "'models.first' is a section"),
        ("models.first.epochs=many", "models.first.epochs: Input should be a valid integer.*'many'"),
        ("models.first.epochs=yes", "epochs: expected a number"),
        ("models.first.gradient_clip=true", "gradient_clip: expected a number"),
        ("models.first.epochs=-1", "models.first.epochs: Input should be greater"),
        ("models.first.resize=stretch", "'squash', 'crop' or 'pad'"),
        ("folds_to_run=0", "folds_to_run"),
        ("folds_to_run=[0,3]", "no fold 3"),
        ("folds_to_run=[0,all]", "'all' is neither the number of a fold nor all-SEED"),
        ("folds_to_run=[all-1,all-2]", "name a fold too"),
        ("folds_to_run=[0,all-1,all-1]", "named twice"),
        ("folds_to_run=[0", "not valid YAML"),
        ("models.first.epochs", "expected KEY=VALUE"),
        ("recipe=large", "podium use pets RECIPE"),
        ("source.kind=locl", "'sample', 'local' or 'kaggle'"),
        ("source.kind=local", "needs the folder too"),
        ("source.path=elsewhere", "source.kind=local source.path=elsewhere"),
    ],
)
def test_a_wrong_assignment_changes_nothing_even_beside_a_good_one(
    pets: Workspace, assignment: str, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        set_keys(pets, ["tta.views=2", assignment], pets.root)
    assert pets.params_path.read_text() == RECIPE


@pytest.mark.parametrize("text", ["no", "012", "1:30", "a: b", "x # y", "null"])
def test_text_that_yaml_would_take_for_something_else_stays_text(pets: Workspace, text: str) -> None:
    set_keys(pets, ["source.kind=local", f"source.path={text}"], pets.folder)
    assert read_yaml(pets.params_path)["source"]["path"] == text


def test_paths_are_understood_from_the_current_folder_and_stored_from_the_competitions(
    pets: Workspace, tmp_path: Path
) -> None:
    here = tmp_path / "shared"
    (here / "pictures").mkdir(parents=True)
    (here / "net.safetensors").touch()
    changes = ["source.kind=local", "source.path=pictures", "models.first.weights=net.safetensors"]
    assert not any("note" in line for line in set_keys(pets, changes, here))
    params = read_yaml(pets.params_path)
    assert params["source"] == {"kind": "local", "path": "../../shared/pictures"}
    assert params["models"]["first"]["weights"] == "../../shared/net.safetensors"

    set_keys(pets, [f"models.first.weights={here / 'net.safetensors'}"], pets.root)
    assert read_yaml(pets.params_path)["models"]["first"]["weights"] == str(here / "net.safetensors")


def test_a_path_that_is_not_there_is_set_with_a_note(pets: Workspace) -> None:
    notes = set_keys(pets, ["models.second.weights=net.safetensors"], pets.root)
    assert "models.second.weights: no such file: ../../net.safetensors" in notes[-1]


def test_the_sources_sample_and_kaggle_bring_their_path(pets: Workspace) -> None:
    set_keys(pets, ["source.kind=kaggle"], pets.root)
    assert read_yaml(pets.params_path)["source"] == {"kind": "kaggle", "path": "kaggle_files.txt"}
    set_keys(pets, ["source.kind=sample"], pets.root)
    assert pets.params_path.read_text() == RECIPE


def test_use_copies_the_recipe_and_keeps_the_source(pets: Workspace) -> None:
    set_keys(pets, ["source.kind=local", f"source.path={pets.root}"], pets.root)
    use_recipe(pets, "large", force=False)
    expected = read_yaml(pets.folder / "recipes" / "large.yaml")
    expected["source"] = {"kind": "local", "path": str(pets.root)}
    assert read_yaml(pets.params_path) == expected
    assert "kind: local            # where from" in pets.params_path.read_text()

    set_keys(pets, ["source.kind=sample"], pets.root)
    use_recipe(pets, "small", force=False)
    assert pets.params_path.read_text() == RECIPE


def test_use_refuses_to_drop_edits_unless_forced(pets: Workspace) -> None:
    set_keys(pets, ["models.first.epochs=3", "tta.plain_weight=0.5"], pets.root)
    edited = pets.params_path.read_text()
    assert edited_keys(pets) == ["models.first.epochs", "tta.plain_weight"]
    with pytest.raises(UsageError, match=r"would be lost: models\.first\.epochs, tta\.plain_weight"):
        use_recipe(pets, "large", force=False)
    assert pets.params_path.read_text() == edited
    use_recipe(pets, "small", force=True)
    assert pets.params_path.read_text() == RECIPE


def test_a_comment_is_no_edit(pets: Workspace) -> None:
    pets.params_path.write_text(RECIPE.replace("# passes", "# times through"))
    use_recipe(pets, "large", force=False)


def test_use_without_params_takes_the_recipe_as_it_is(pets: Workspace) -> None:
    pets.params_path.unlink()
    use_recipe(pets, "large", force=False)
    assert pets.params_path.read_text() == (pets.folder / "recipes" / "large.yaml").read_text()


def test_an_unknown_recipe_names_the_nearest(pets: Workspace) -> None:
    with pytest.raises(UsageError, match=r"no recipe 'lrge'.*did you mean 'large'"):
        use_recipe(pets, "lrge", force=False)


def test_recipes_are_listed_with_the_active_one_and_its_edits(pets: Workspace) -> None:
    set_keys(pets, ["tta.views=0"], pets.root)
    listed = describe_recipes(pets).splitlines()
    assert listed == [
        "  large  A large one.",
        "* small  A small one.",
        "         edited in params.yaml: tta.views",
    ]
