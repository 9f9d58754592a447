"""YAML as people wrote it: change a value, keep comments, order and layout."""

import io
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from common.errors import UsageError
from common.options import yaml_value


def load(text: str, where: str) -> CommentedMap:
    """A document that remembers its comments; raises UsageError where it is no YAML mapping."""
    try:
        document = _yaml(text).load(text)
    except YAMLError as error:
        raise UsageError(f"{where}: not valid YAML: {error}") from error
    if not isinstance(document, CommentedMap):
        raise UsageError(f"{where}: expected keys and values")
    return document


def dump(document: CommentedMap, like: str) -> str:
    """The document as text, indented as `like`, the text that it was loaded from."""
    stream = io.StringIO()
    _yaml(like).dump(document, stream)
    return stream.getvalue()


def value_as_written(text: str) -> Any:
    """A value to put into a document: 1e-3 stays 1e-3, and what would be read otherwise is quoted."""
    value = yaml_value(text, text)
    try:
        written = load(f"value: {text}", text)["value"]
    except UsageError:  # a mapping without braces
        return value
    if written == value and type(written) is not str:
        return written
    # YAML 1.2, which writes, and 1.1, which reads, differ on words like `no` and on numbers like 012.
    return quoted_where_needed(value)


def quoted_where_needed(value: Any) -> Any:
    """Text that would be read back as a number, a word like `no` or a mapping goes into quotes."""
    if isinstance(value, str) and _read_back(value) != value:
        return DoubleQuotedScalarString(value)
    return value


def _read_back(text: str) -> Any:
    try:
        return yaml_value(text, text)
    except UsageError:
        return None


def _yaml(like: str) -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 1 << 20  # never fold a line that a person left long
    nested = re.search(r"^[^ #\n][^\n]*:[^\n]*\n(?: *(?:#[^\n]*)?\n)*( +)[^ #\n-]", like, re.MULTILINE)
    mapping = len(nested[1]) if nested else 2
    listed = re.search(r"^( *)[^ #\n][^\n]*:[ ]*(?:#[^\n]*)?\n\1( *)-( +)", like, re.MULTILINE)
    offset = len(listed[2]) if listed else 2
    dash = len(listed[3]) if listed else 1
    yaml.indent(mapping=mapping, sequence=offset + 1 + dash, offset=offset)
    yaml.representer.add_representer(
        type(None), lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null")
    )
    return yaml
