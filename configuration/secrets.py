"""Secrets are references; this is where they are followed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from canonical.errors import Malformed

MAX_SECRET_BYTES = 64 * 1024


def resolve_secret(reference: str, environment: Mapping[str, str], base: Path) -> bytes:
    """The secret behind `env:NAME` or `file:PATH` (relative to `base`; one trailing newline cut).

    Raises Malformed when there is nothing there; the message names the reference, never a value.
    """
    scheme, _, name = reference.partition(":")
    value = environment.get(name, "").encode() if scheme == "env" else _from_file(base / name)
    if not value:
        raise Malformed(f"{reference}: no such secret, or it is empty", code="missing_secret")
    return value


def _from_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_SECRET_BYTES:
            raise Malformed(f"file:{path}: too large for a secret", code="missing_secret")
        return path.read_bytes().removesuffix(b"\n").removesuffix(b"\r")
    except OSError:
        return b""
