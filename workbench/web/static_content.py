"""Style, scripts and what they need, from memory, under addresses that name their content."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workbench.web.requests import PAGES

FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is served."""

    body: bytes
    packed: bytes
    content_type: str
    mark: str
    """The beginning of its SHA-256."""


@cache
def static_files() -> dict[str, StaticFile]:
    """All of them, by name; read once."""
    return {path.name: _read(path) for path in sorted(FOLDER.iterdir()) if path.suffix in _TYPES}


def static_url(name: str) -> str:
    """The address of a file as it is now; it may be kept for ever."""
    return f"{PAGES}/static/{static_files()[name].mark}/{name}"


def _read(path: Path) -> StaticFile:
    body = path.read_bytes()
    mark = hashlib.sha256(body).hexdigest()[:16]
    return StaticFile(body, gzip.compress(body, mtime=0), _TYPES[path.suffix], mark)
