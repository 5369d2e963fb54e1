"""Finds connectors: the folders beside this file, and entry points of other distributions.

There is no list to edit and no state: a folder with a `manifest.toml` is a connector.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import connectors
from canonical.errors import GatewayError, Malformed, Unsupported
from connectors.contract import Connector

ENTRY_POINTS = "o2c_gateway.connectors"
"""Group under which another distribution names its connectors: `name = "package:CONNECTOR"`."""

_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")


def is_name(name: str) -> bool:
    """Whether a connector may be called this: the manifest's pattern, safe in paths and imports."""
    return _NAME.fullmatch(name) is not None


def names() -> list[str]:
    """The names of all installed connectors, sorted; nothing is imported."""
    return sorted({*(folder.name for folder in _folders()), *(one.name for one in _entries())})


def discover() -> dict[str, Connector]:
    """Every installed connector by name.

    Raises GatewayError with code `connector_broken` for one that does not load, and with
    `connector_twice` when two claim one name.
    """
    places = [(folder.name, str(folder)) for folder in _folders()]
    places += [(entry.name, f"entry point {entry.value}") for entry in _entries()]
    counted = Counter(name for name, _ in places)
    for name, times in counted.items():
        if times > 1:
            both = " and ".join(place for other, place in places if other == name)
            raise GatewayError(
                f"two connectors are called {name!r}: {both}", code="connector_twice", path=name
            )
    return {name: load(name) for name in sorted(counted)}


def load(name: str) -> Connector:
    """The connector of this name; only its own modules are imported.

    Raises Unsupported with code `unknown_connector`, or GatewayError with `connector_broken`.
    """
    if is_name(name):
        if any(folder.name == name for folder in _folders()):
            return _from_module(name, f"connectors.{name}")
        for entry in _entries():
            if entry.name == name:
                return _from_entry(entry)
    raise Unsupported(f"no connector is called {name[:40]!r}", code="unknown_connector")


def load_folder(folder: Path) -> Connector:
    """A connector from a folder anywhere, such as one that is being written.

    It is imported as `connectors.<folder name>`. Raises GatewayError with code
    `connector_broken`, also when another connector of this name is already loaded.
    """
    name = folder.name
    module_name = f"connectors.{name}"
    source = folder.resolve() / "__init__.py"
    loaded = sys.modules.get(module_name)
    if loaded is not None and Path(str(loaded.__file__)) != source:
        raise _broken(name, f"another connector of this name is loaded from {loaded.__file__}")
    if loaded is None:
        _import_file(name, module_name, source)
    return _from_module(name, module_name)


def folder_of(name: str) -> Path:
    """The folder with the connector's manifest and fixtures. Raises Unsupported if unknown."""
    for folder in _folders():
        if folder.name == name:
            return folder
    for entry in _entries():
        spec = find_spec(entry.module) if entry.name == name else None
        if spec is not None and spec.origin is not None:
            return Path(spec.origin).parent
    raise Unsupported(f"no connector is called {name[:40]!r}", code="unknown_connector")


def _folders() -> Iterator[Path]:
    for place in connectors.__path__:
        for folder in sorted(Path(place).iterdir()):
            if is_name(folder.name) and (folder / "manifest.toml").is_file():
                yield folder


def _entries() -> list[EntryPoint]:
    return [entry for entry in entry_points(group=ENTRY_POINTS) if is_name(entry.name)]


def _from_module(name: str, module_name: str) -> Connector:
    try:
        module = import_module(module_name)
    except Exception as error:
        raise _broken(name, f"{type(error).__name__}: {error}") from error
    return _checked(name, _connector_in(module))


def _from_entry(entry: EntryPoint) -> Connector:
    try:
        found = entry.load()
    except Exception as error:
        raise _broken(entry.name, f"{type(error).__name__}: {error}") from error
    return _checked(entry.name, _connector_in(found))


def _connector_in(found: object) -> object:
    return getattr(found, "CONNECTOR", None) if isinstance(found, ModuleType) else found


def _checked(name: str, found: object) -> Connector:
    if not isinstance(found, Connector):
        raise _broken(name, "it has no CONNECTOR")
    if found.manifest.name != name:
        raise _broken(name, f"its manifest names {found.manifest.name!r}")
    return found


def _import_file(name: str, module_name: str, source: Path) -> None:
    if not is_name(name):
        raise Malformed(f"{name[:40]!r} cannot name a connector", code="bad_name")
    spec = spec_from_file_location(
        module_name, source, submodule_search_locations=[str(source.parent)]
    )
    if spec is None or spec.loader is None:
        raise _broken(name, f"{source} cannot be imported")
    module = module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[module_name]
        raise _broken(name, f"{type(error).__name__}: {error}") from error


def _broken(name: str, cause: str) -> GatewayError:
    return GatewayError(
        f"connector {name!r} does not load: {cause[:500]}", code="connector_broken", path=name
    )
