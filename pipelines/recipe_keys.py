"""The keys that a recipe may have, as dotted names: what `podium set` accepts and suggests."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, get_args, get_origin

from common.errors import UsageError
from common.options import Options
from pipelines.recipe import Recipe

FREE = "*"  # below a `dict[str, Any]` every key is allowed; the one that reads it checks it


def known_keys(models: Iterable[str], section: type[Options] = Recipe, before: str = "") -> Iterator[str]:
    """Every key that holds a value, as in `models.small.epochs`, in the order of the schema."""
    models = list(models)
    for name, field in section.model_fields.items():
        kind: Any = field.annotation
        if _is_section(kind):
            yield from known_keys(models, kind, f"{before}{name}.")
        elif get_origin(kind) is dict and get_args(kind)[1:] and _is_section(get_args(kind)[1]):
            for model in models:
                yield from known_keys(models, get_args(kind)[1], f"{before}{name}.{model}.")
        else:
            yield f"{before}{name}"
            if get_origin(kind) is dict:
                yield f"{before}{name}.{FREE}"


def require_known(key: str, models: Iterable[str], where: str) -> None:
    """Raises UsageError naming the nearest key where `key` is not one that holds a value."""
    known = list(known_keys(models))
    if key in known or any(one.endswith(FREE) and key.startswith(one.removesuffix(FREE)) for one in known):
        return
    inside = sorted({one[len(key) + 1 :].split(".")[0] for one in known if one.startswith(f"{key}.")})
    if inside:
        raise UsageError(f"{where}: '{key}' is a section; name one of its keys: {', '.join(inside)}")
    raise UsageError(f"{where}: unknown key '{key}'{_suggestion(key, known)}")


def _suggestion(key: str, known: list[str]) -> str:
    """`epochs` alone means `models.small.epochs`; else the nearest; else what there is at that level."""
    known = [one for one in known if not one.endswith(FREE)]
    shortened = [one for one in known if one.endswith(f".{key}")]
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    if shortened or close:
        return f"; did you mean '{(shortened or close)[0]}'?"
    level = key
    while level := level.rpartition(".")[0]:
        siblings = {one[len(level) + 1 :].split(".")[0] for one in known if one.startswith(f"{level}.")}
        if siblings:
            return f"; known: {', '.join(sorted(siblings))}"
    return f"; known: {', '.join(sorted({one.split('.')[0] for one in known}))}"


def _is_section(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Options)
