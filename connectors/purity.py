"""Reads a connector's source and tells what a pure one may not contain."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

_OWN = (
    "canonical", "connectors.contract", "connectors.fetching", "connectors.kit", "connectors.raw",
    "connectors.secret", "lxml",
)  # fmt: skip
_IMPURE_MODULES = frozenset(
    {
        "asyncio", "ctypes", "ftplib", "glob", "http", "importlib", "locale", "logging",
        "multiprocessing", "os", "pathlib", "pickle", "random", "secrets", "select", "shelve",
        "shutil", "smtplib", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile",
        "threading", "time", "urllib.request", "xml",
    }
)  # fmt: skip
_IMPURE_CALLS = frozenset({"now", "today", "utcnow", "uuid1", "uuid4", "getenv"})
_IMPURE_NAMES = frozenset({"breakpoint", "eval", "exec", "float", "input", "open", "print"})


def impurities(folder: Path) -> list[str]:
    """What the modules of a connector's folder may not do, as `file:line what`."""
    findings = []
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for line, what in _impurities_of(tree, f"connectors.{folder.name}"):
            findings.append(f"{path.relative_to(folder)}:{line} {what}")
    return findings


def _impurities_of(tree: ast.Module, package: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for module in _imports(node):
                if not _may_import(module, package):
                    yield node.lineno, f"imports {module}"
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in _IMPURE_NAMES:
                yield node.lineno, f"calls {called.id}()"
            if isinstance(called, ast.Attribute) and called.attr in _IMPURE_CALLS:
                yield node.lineno, f"calls .{called.attr}()"
        if isinstance(node, ast.Global):
            yield node.lineno, "keeps state in a global"


def _imports(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if node.level == 1:
        return []
    origin = "." * node.level + (node.module or "")
    return [f"{origin}.{alias.name}" for alias in node.names]


def _may_import(module: str, package: str) -> bool:
    if _inside(module, (*_OWN, package)):
        return True
    root = module.partition(".")[0]
    return root in sys.stdlib_module_names and not _inside(module, tuple(_IMPURE_MODULES))


def _inside(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == one or module.startswith(f"{one}.") for one in packages)
