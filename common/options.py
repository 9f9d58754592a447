"""Strict options: what a recipe may say is declared beside the code that it steers.

An unknown key is an error that names the nearest known one; nothing is swallowed and nothing is changed
after reading. `pipelines/recipe.py` puts the sections of all packages together.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from common.errors import UsageError


class Options(BaseModel):
    """A frozen section of a recipe. Fields carry their unit in the name where they have one."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _know_every_key(cls, given: Any) -> Any:
        if isinstance(given, Mapping):
            for key, value in given.items():
                if key not in cls.model_fields:
                    raise ValueError(f"unknown key '{key}'{nearest(str(key), cls.model_fields)}")
                kind: Any = cls.model_fields[key].annotation
                if isinstance(value, bool) and {int, float} & {kind, *get_args(kind)}:
                    raise ValueError(f"{key}: expected a number, found {str(value).lower()}")  # not 0 or 1
        return given


AnyOptions = TypeVar("AnyOptions", bound=Options)


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'epochs'?`, or the list of what is known when nothing is near."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known: {', '.join(sorted(known))}" if known else ""


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping, or say which file and line is wrong."""
    try:
        content = yaml_value(Path(path).read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    if not isinstance(content, dict):
        raise UsageError(f"{path}: expected keys and values, found {type(content).__name__}")
    return content


def yaml_value(text: str, where: str) -> Any:
    """The value that a piece of YAML stands for, read the one way in which recipes are read."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise UsageError(f"{where}: not valid YAML: {error}") from error


def parse(kind: type[AnyOptions], given: Any, where: str) -> AnyOptions:
    """`given` as options of `kind`; `where` (file and section) starts the message when it is wrong.

    Raises UsageError naming each wrong key.
    """
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            key = ".".join(map(str, problem["loc"]))
            text = problem["msg"].removeprefix("Value error, ")
            got = "" if problem["type"] in ("value_error", "missing") else f" (found {problem['input']!r})"
            lines.append(f"{where}: {key + ': ' if key else ''}{text}{got}")
        raise UsageError("\n".join(lines)) from None


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML 1.1, but 1e-3 is a number although it has no dot, and a key that stands twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if (key.tag, str(key.value)) in seen:
                raise yaml.constructor.ConstructorError(None, None, f"'{key.value}' stands twice", key.start_mark)
            seen.add((key.tag, str(key.value)))
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"""^(?:[-+]?(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+]?[0-9]+)?
        |[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+
        |\.[0-9_]+(?:[eE][-+]?[0-9]+)?
        |[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$""",
        re.X,
    ),
    list("-+0123456789."),
)
