"""Fingerprints of code: of a module and all that it imports, as far as they can change a result.

Comments, docstrings, layout and line numbers do not count: the syntax tree is hashed, not
the text. A file of another kind beside the code (a page template) counts by its bytes, for the modules of
its folder.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from common.code_hash import canonical


class SourceTree:
    """The packages of a repository, read without running them."""

    def __init__(self, root: Path, packages: Iterable[str]) -> None:
        self.root = root
        self.packages = tuple(packages)

    @cached_property
    def modules(self) -> dict[str, Path]:
        """Dotted name to file, of every module of the packages."""
        found = {}
        for package in self.packages:
            for path in sorted((self.root / package).rglob("*.py")):
                parts = path.relative_to(self.root).with_suffix("").parts
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
        return found

    def closure(self, roots: Iterable[str]) -> list[str]:
        """`roots` and every module of the packages that they import, directly or not, sorted.

        An import inside a function counts, and so do the packages around a module, which run first.
        """
        reached: set[str] = set()
        waiting = list(roots)
        while waiting:
            name = waiting.pop()
            if name in reached or name not in self.modules:
                continue
            reached.add(name)
            waiting += [name.rpartition(".")[0], *self._imports(name)]
        return sorted(reached)

    def fingerprint(self, roots: Iterable[str]) -> str:
        """One line a file of the closure: its hash and path. Equal text means equal behaviour."""
        closure = self.closure(roots)
        lines = [f"{self._hashes[name]}  {self.modules[name].relative_to(self.root).as_posix()}" for name in closure]
        folders = sorted({self.modules[name].parent for name in closure if "." in name})
        for folder in folders:
            for path in sorted(folder.iterdir()):
                if path.is_file() and path.suffix in (".html", ".css", ".js"):
                    content = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
                    lines.append(f"{content}  {path.relative_to(self.root).as_posix()}")
        return "\n".join(lines) + "\n"

    @cached_property
    def _trees(self) -> dict[str, ast.Module]:
        return {name: ast.parse(path.read_bytes(), str(path)) for name, path in self.modules.items()}

    @cached_property
    def _hashes(self) -> dict[str, str]:
        return {name: hashlib.sha256(canonical(tree).encode()).hexdigest()[:16] for name, tree in self._trees.items()}

    def _imports(self, name: str) -> list[str]:
        package = name if self.modules[name].name == "__init__.py" else name.rpartition(".")[0]
        found = []
        for node in _running_nodes(self._trees[name]):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = node.module or ""
                if node.level:
                    around = package.split(".")[: len(package.split(".")) - node.level + 1]
                    base = ".".join([*around, base] if base else around)
                found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
        return found


def _running_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under `if TYPE_CHECKING:`, which never run."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        yield node
        yield from _running_nodes(node)
