"""What holds over the whole tree: directions of imports, sizes, and what no file may mention."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.application.use_cases import lint_imports
from importlinter.configuration import configure

from connectors import registry
from connectors.purity import impurities

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 70
SIDE_FOLDERS = {"tests", "docs", "examples", "benchmarks", "chaos", "build", "dist", "var"}

# Put together here, so that this file does not mention them itself.
REGISTRY_HOSTS = [
    ".".join(parts)
    for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
]
INDEX_OPTIONS = re.compile(r"(?m)^\s*--?(?:i|index-url|extra-index-url|find-links)\b")
MACHINE_PATHS = re.compile(rf"(?<![\w.])/(?:{'root'}|{'work'})/")


def _packages() -> list[str]:
    return sorted(
        folder.name
        for folder in ROOT.iterdir()
        if folder.name.isidentifier()
        and folder.name not in SIDE_FOLDERS
        and any(folder.glob("*.py"))
    )


def _sources() -> list[Path]:
    found = [path for package in _packages() for path in (ROOT / package).rglob("*.py")]
    return sorted(path for path in found if "fixtures" not in path.parts)


def _tracked() -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a git work tree")
    names = [name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in map(ROOT.joinpath, names) if path.is_file()]


def _texts() -> Iterator[tuple[str, str]]:
    for path in _tracked():
        content = path.read_bytes()
        if b"\0" not in content:
            yield str(path.relative_to(ROOT)), content.decode("utf-8", "replace")


def test_imports_keep_their_directions(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure()
    monkeypatch.chdir(ROOT)
    kept = lint_imports(config_filename=str(ROOT / "pyproject.toml"), cache_dir=None, no_logo=True)
    assert kept, capsys.readouterr().out


def test_every_package_is_under_the_contracts() -> None:
    assert sorted(PYPROJECT["tool"]["importlinter"]["root_packages"]) == _packages()


def test_every_package_is_installed() -> None:
    included = PYPROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {f"{package}*" for package in _packages()} <= set(included)


@pytest.mark.parametrize("name", registry.names())
def test_connectors_are_pure_and_blind_to_each_other(name: str) -> None:
    assert impurities(registry.folder_of(name)) == []


def test_no_file_is_too_long() -> None:
    lengths = {path: len(path.read_text("utf-8").splitlines()) for path in _sources()}
    long = [f"{path.relative_to(ROOT)}: {n}" for path, n in lengths.items() if n > MAX_FILE_LINES]
    assert not long, "\n".join(long)


def test_no_function_is_too_long() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {length} lines"
        for path in _sources()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]
    assert not long, "\n".join(long)


def test_no_text_names_a_registry_or_a_machine() -> None:
    found = []
    for name, text in _texts():
        found += [f"{name}: {host}" for host in REGISTRY_HOSTS if host in text]
        found += [f"{name}: {match.group()}" for match in MACHINE_PATHS.finditer(text)]
        if name.endswith((".txt", ".lock", ".in", ".cfg", ".toml")):
            found += [f"{name}: {match.group()}" for match in INDEX_OPTIONS.finditer(text)]
    assert not found, "\n".join(found)


def test_the_lock_has_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in lock
    pinned = [line for line in lock.splitlines() if re.match(r"[a-z0-9]", line, re.IGNORECASE)]
    assert pinned
    assert all("==" in line for line in pinned)
    assert lock.count("--hash=sha256:") >= len(pinned)
