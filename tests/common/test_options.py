"""Options are strict, frozen, and say what is wrong in the user's words."""

import pytest
from pydantic import Field, ValidationError

from common.errors import UsageError
from common.options import Options, nearest, parse, read_yaml


class Model(Options):
    epochs: int = Field(ge=1)
    learning_rate: float = 0.1


class Recipe(Options):
    models: dict[str, Model]
    folds: int = 5


def test_an_unknown_key_is_refused_by_naming_the_nearest():
    with pytest.raises(UsageError) as raised:
        parse(Model, {"epochs": 3, "learnin_rate": 0.1}, "params.yaml: models.small")
    assert str(raised.value) == ("params.yaml: models.small: unknown key 'learnin_rate'; did you mean 'learning_rate'?")
    assert raised.value.exit_code == 2


def test_an_unknown_key_deep_inside_is_named_with_its_section():
    with pytest.raises(UsageError, match=r"^params.yaml: models.small: unknown key 'epoch'; did you mean 'epochs'"):
        parse(Recipe, {"models": {"small": {"epoch": 3}}}, "params.yaml")


def test_each_wrong_value_has_a_line_with_file_section_key_and_what_was_found():
    given = {"models": {"small": {"epochs": 0}, "large": {"epochs": "many"}}, "folds": None}
    with pytest.raises(UsageError) as raised:
        parse(Recipe, given, "recipes/gpu.yaml")
    lines = str(raised.value).splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["recipes/gpu.yaml", "models.small.epochs"],
        ["recipes/gpu.yaml", "models.large.epochs"],
        ["recipes/gpu.yaml", "folds"],
    ]
    assert "(found 0)" in lines[0] and "(found 'many')" in lines[1]


def test_a_missing_key_and_a_missing_section_are_named():
    with pytest.raises(UsageError, match=r"params.yaml: epochs: Field required$"):
        parse(Model, {}, "params.yaml")
    with pytest.raises(UsageError, match=r"params.yaml: models.small: .*\(found None\)"):
        parse(Recipe, {"models": {"small": None}}, "params.yaml")


def test_options_cannot_be_changed_after_reading():
    options = parse(Model, {"epochs": 3}, "here")
    with pytest.raises(ValidationError, match="frozen"):
        options.epochs = 4


def test_nothing_near_lists_what_is_known():
    assert nearest("zzz", ["folds", "epochs"]) == "; known: epochs, folds"
    assert nearest("fold", ["folds", "epochs"]) == "; did you mean 'folds'?"
    assert nearest("fold", []) == ""


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("1e-3", 1e-3),
        ("-1e-3", -1e-3),
        ("1E3", 1e3),
        ("2.5e-4", 2.5e-4),
        (".5", 0.5),
        ("3.", 3.0),
        ("1_0.5", 10.5),
    ],
)
def test_a_number_is_read_as_a_number_however_it_is_written(tmp_path, written, number):
    (tmp_path / "params.yaml").write_text(f"learning_rate: {written}\n")
    value = read_yaml(tmp_path / "params.yaml")["learning_rate"]
    assert isinstance(value, float) and value == number


def test_other_values_keep_their_kind(tmp_path):
    (tmp_path / "params.yaml").write_text("a: 12\nb: resnet18.a1_in1k\nc: '1e-3'\nd: true\ne: [1, 2]\nf: e3\n")
    expected = {"a": 12, "b": "resnet18.a1_in1k", "c": "1e-3", "d": True, "e": [1, 2], "f": "e3"}
    read = read_yaml(tmp_path / "params.yaml")
    assert read == expected and type(read["a"]) is int


def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path):
    (tmp_path / "params.yaml").write_text("models:\n  small:\n    epochs: 3\n    epochs: 5\n")
    with pytest.raises(UsageError, match=r"(?s)params\.yaml: .*'epochs' stands twice.*line 4"):
        read_yaml(tmp_path / "params.yaml")


def test_anchors_and_merges_are_still_yaml(tmp_path):
    (tmp_path / "params.yaml").write_text("a: &a {epochs: 3, folds: 2}\nb: {<<: *a, epochs: 5}\nc: {<<: *a}\n")
    read = read_yaml(tmp_path / "params.yaml")
    assert read["b"] == {"epochs": 5, "folds": 2} and read["c"] == {"epochs": 3, "folds": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no such file"),
        ("a: [1, 2", "not valid YAML"),
        ("- 1\n- 2\n", "expected keys and values, found list"),
        ("", "expected keys and values, found NoneType"),
        ("a: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_recipe_is_named(tmp_path, text, message):
    path = tmp_path / "params.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=message) as raised:
        read_yaml(path)
    assert str(path) in str(raised.value)
