"""Change the active recipe: make another one active, or set single keys. Comments and layout stay."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap

from common import yaml_text
from common.errors import PodiumError, UsageError
from common.files import write_text
from common.options import nearest, parse, read_yaml, yaml_value
from common.training.weights_file import WITHOUT_A_FILE
from pipelines.check_recipe import missing_files
from pipelines.recipe import Recipe, read_recipe
from pipelines.recipe_keys import known_keys, require_known
from pipelines.workspace import Workspace

PATH_OF_SOURCE = {"sample": "sample.py", "kaggle": "kaggle_files.txt"}


def recipe_files(workspace: Workspace) -> dict[str, Path]:
    """The recipes of a competition by name."""
    return {path.stem: path for path in sorted((workspace.folder / "recipes").glob("*.yaml"))}


def describe_recipes(workspace: Workspace) -> str:
    """One line a recipe: its name and its first comment; the active one is marked, with its edits."""
    active = read_yaml(workspace.params_path).get("recipe")
    recipes = recipe_files(workspace)
    width = max(map(len, recipes), default=0)
    lines = []
    for name, path in recipes.items():
        about = path.read_text(encoding="utf-8").partition("\n")[0]
        lines.append(f"{'*' if name == active else ' '} {name:<{width}}  {about.removeprefix('#').strip()}")
        if name == active and (edits := edited_keys(workspace)):
            lines.append(f"  {'':<{width}}  edited in params.yaml: {', '.join(edits)}")
    return "\n".join(lines)


def use_recipe(workspace: Workspace, name: str, force: bool) -> str:
    """Copy a recipe over params.yaml, except for `source`: where the data are is a matter of the machine.

    Raises UsageError for an unknown recipe, and, without `force`, where edits in params.yaml would be lost.
    """
    recipes = recipe_files(workspace)
    if name not in recipes:
        folder = workspace.relative(workspace.folder / "recipes")
        raise UsageError(f"no recipe '{name}' in {folder}{nearest(name, recipes)}")
    path = recipes[name]
    read_recipe(path)
    document = yaml_text.load(path.read_text(encoding="utf-8"), str(path))
    source: Any = None
    if workspace.params_path.is_file():
        if not force and (edits := edited_keys(workspace)):
            raise UsageError(
                f"{workspace.params_path} has edits that would be lost: {', '.join(edits)}."
                " Keep them as a recipe of their own (a copy in recipes/), or drop them:"
                f" podium use {workspace.name} {name} --force"
            )
        source = _readable(workspace.params_path).get("source")
    if isinstance(source, Mapping):
        document["source"].update(source)
    text = yaml_text.dump(document, like=path.read_text(encoding="utf-8"))
    recipe = parse(Recipe, yaml_value(text, str(path)), f"{path}, with the source of params.yaml")
    write_text(workspace.params_path, text)
    return f"{workspace.name}: recipe {name} is active, source {recipe.source.kind} ({recipe.source.path})"


def edited_keys(workspace: Workspace) -> list[str]:
    """The keys in which params.yaml differs from the recipe that it is a copy of; `source` is no edit."""
    params = read_yaml(workspace.params_path)
    recipes = recipe_files(workspace)
    name = str(params.get("recipe"))
    if name not in recipes:
        return [f"recipe (there is no recipes/{name}.yaml to compare with)"]
    before, now = _flat(read_yaml(recipes[name])), _flat(params)
    absent = object()
    differing = [key for key in {**before, **now} if before.get(key, absent) != now.get(key, absent)]
    return [key for key in differing if key.split(".")[0] != "source"]


def set_keys(workspace: Workspace, assignments: list[str], here: Path) -> list[str]:
    """Change keys of params.yaml as `KEY=VALUE` says, all of them or none; returns a line for each change.

    here    the folder that relative paths in VALUE start from; they are stored relative to params.yaml

    Raises UsageError for an unknown key, naming the nearest, and for a value of the wrong type.
    """
    path = workspace.params_path
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    before = read_yaml(path)
    changes = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise UsageError(f"'{assignment}': expected KEY=VALUE, as in models.small.epochs=3")
        if key in changes:
            raise UsageError(f"{key}: given twice")
        require_known(key, before.get("models") or (), str(path))
        changes[key] = value
    source = before.get("source") or {}
    changes = _complete_source(workspace, changes, source)
    kind = changes.get("source.kind", source.get("kind"))
    if "recipe" in changes:
        raise UsageError(f"recipe: another recipe becomes active by podium use {workspace.name} RECIPE")

    document = yaml_text.load(text, str(path))
    order = list(known_keys(before.get("models") or ()))
    for key, value in changes.items():
        if (key == "source.path" and kind == "local") or _is_weights_file(key, value):
            new = path_to_store(value, here, workspace.folder)
        else:
            new = yaml_text.value_as_written(value)
        _assign(document, key, new, order)
    after = yaml_text.dump(document, like=text)
    content = yaml_value(after, str(path))
    recipe = parse(Recipe, content, str(path))
    write_text(path, after)

    lines = [f"{key}: {_at(before, key)} -> {_at(content, key)}" for key in changes]
    named = [message for message in missing_files(workspace, recipe) if any(f": {key}: " in message for key in changes)]
    return [*lines, *(f"note: {message}" for message in named)]


def _complete_source(workspace: Workspace, changes: dict[str, str], now: Mapping[str, Any]) -> dict[str, str]:
    """Of the sources, only `local` has a path to choose; the others bring theirs along."""
    if "source.kind" not in changes and "source.path" not in changes:
        return changes
    kind, path = changes.get("source.kind", now.get("kind")), changes.get("source.path")
    if kind in PATH_OF_SOURCE:
        if path not in (None, PATH_OF_SOURCE[kind]):
            raise UsageError(
                f"source.path: with source.kind={kind} it is {PATH_OF_SOURCE[kind]};"
                f" files on a disk: podium set {workspace.name} source.kind=local source.path={path}"
            )
        return {**changes, "source.path": PATH_OF_SOURCE[kind]}
    if kind == "local" and path is None and now.get("kind") != "local":
        raise UsageError(
            f"source.kind=local needs the folder too: podium set {workspace.name} source.kind=local source.path=FOLDER"
        )
    return changes


def _is_weights_file(key: str, value: str) -> bool:
    return key.startswith("models.") and key.endswith(".weights") and value not in WITHOUT_A_FILE


def path_to_store(value: str, here: Path, folder: Path) -> Any:
    """A path as the user wrote it, from `here`, to one from `folder`; absolute stays absolute."""
    path = Path(value).expanduser()
    if not path.is_absolute():
        path = Path(os.path.relpath(here.resolve() / path, folder))
    return yaml_text.quoted_where_needed(path.as_posix())


def _assign(document: CommentedMap, key: str, value: Any, order: list[str]) -> None:
    """Put a value at a dotted key; a key that was left to its default goes where the schema has it."""
    section = document
    *sections, last = key.split(".")
    for depth, name in enumerate(sections):
        if not isinstance(section.get(name), CommentedMap):
            _insert(section, name, CommentedMap(), _names_below(sections[:depth], order))
        section = section[name]
    if last in section:
        section[last] = value
    else:
        _insert(section, last, value, _names_below(sections, order))


def _names_below(sections: list[str], order: list[str]) -> list[str]:
    """The names of the keys of a section, in the order of the schema."""
    depth = len(sections)
    below = [key.split(".") for key in order]
    return list(dict.fromkeys(key[depth] for key in below if key[:depth] == sections and len(key) > depth))


def _insert(section: CommentedMap, name: str, value: Any, order: list[str]) -> None:
    """After the key that comes before it in `order`, but never last: blank lines hang on the last key."""
    if not section:
        section.fa.set_flow_style()  # `{}` was written on one line
    before = order[: order.index(name)] if name in order else order
    places = [position for position, key in enumerate(section) if key in before]
    position = places[-1] + 1 if places else 0
    section.insert(min(position, max(0, len(section) - 1)), name, value)


def _readable(path: Path) -> dict[str, Any]:
    """A params.yaml whose edits are to be dropped, were it broken."""
    try:
        return read_yaml(path)
    except PodiumError:
        return {}


def _at(content: Any, key: str) -> Any:
    for name in key.split("."):
        if not isinstance(content, Mapping) or name not in content:
            return "default"
        content = content[name]
    return content


def _flat(content: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """`{"models.small.epochs": 3}` of nested mappings; an empty mapping stays a value."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            flat |= _flat(value, f"{before}{key}.")
        else:
            flat[f"{before}{key}"] = value
    return flat
