"""Code as what it does: a hash of syntax trees, in which comments, docstrings and layout do not count.

What waits in the scratch cache is keyed by the code that made it, so that an edit never finds old work.
"""

import ast
import functools
import hashlib
import importlib.util
from pathlib import Path


@functools.lru_cache
def code_hash(*modules: str) -> str:
    """One hash of the named modules (dotted names), 16 hex digits; the same on every version of Python."""
    digest = hashlib.sha256()
    for name in modules:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ImportError(f"no module {name}")
        digest.update(canonical(ast.parse(Path(spec.origin).read_bytes())).encode())
    return digest.hexdigest()[:16]


def canonical(tree: ast.AST) -> str:
    """A syntax tree as text, the same on every version of Python: no positions, docstrings or empty fields."""
    fields = []
    for field, value in ast.iter_fields(tree):
        if value is None or value == [] or field in ("type_comment", "kind", "ctx"):
            continue
        fields.append(f"{field}={_canonical_value(value)}")
    return f"{type(tree).__name__}({','.join(fields)})"


def _canonical_value(value: object) -> str:
    if isinstance(value, ast.AST):
        return canonical(value)
    if isinstance(value, list):
        # A text that stands alone says something to people only; a body of nothing else is a `pass`.
        kept = [item for item in value if not _is_docstring(item)] or [ast.Pass()]
        return f"[{','.join(_canonical_value(item) for item in kept)}]"
    return f"{type(value).__name__}:{value!r}"


def _is_docstring(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
