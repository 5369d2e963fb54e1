"""Reading the configuration: file first, environment over it, every fault with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from canonical.errors import Malformed
from configuration.lines import key_lines, line_of
from configuration.model import Configuration

ENVIRONMENT: dict[str, tuple[str, ...]] = {
    "GATEWAY_DATA": ("data",),
    "GATEWAY_STORE_URL": ("store", "url"),
    "GATEWAY_STORE_PASSWORD_FILE": ("store", "password_file"),
    "GATEWAY_STREAMS_URL": ("streams", "url"),
    "GATEWAY_HOST": ("http", "host"),
    "GATEWAY_PORT": ("http", "port"),
    "GATEWAY_PUBLIC_URL": ("http", "public_url"),
    "GATEWAY_STATUS_PORT": ("http", "status_port"),
    "GATEWAY_ROLES": ("gateway", "roles"),
    "GATEWAY_DOMAINS": ("domains", "run"),
}
"""Environment variable → the setting it replaces."""


Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing wrong (or odd) with the configuration."""

    line: int
    path: str
    message: str
    severity: Severity = "error"


def read_configuration(path: Path | None, environment: Mapping[str, str]) -> Configuration:
    """Read `gateway.toml` (None: defaults only) with the environment over it.

    Relative paths in the file are relative to the file. Raises Malformed naming every fault.
    """
    text = path.read_text(encoding="utf-8") if path else ""
    base = path.resolve().parent if path else Path.cwd()
    configuration, findings = parse_configuration(text, environment, base)
    if configuration is None:
        where = path or "the environment"
        faults = "; ".join(f"line {one.line}: {one.path}: {one.message}" for one in findings)
        raise Malformed(f"{where}: {faults}", code="bad_configuration")
    return configuration


def parse_configuration(
    text: str, environment: Mapping[str, str], base: Path
) -> tuple[Configuration | None, list[Finding]]:
    """The configuration in this text, or what is wrong with it, fault by fault."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return None, [Finding(_syntax_line(str(error)), "", f"not TOML: {error}")]
    _apply_environment(document, environment)
    try:
        return _anchored(Configuration.model_validate(document), base), []
    except ValidationError as error:
        lines = key_lines(text)
        return None, sorted(
            Finding(line_of(lines, one["loc"]), dotted(one["loc"]), _words(one))
            for one in error.errors(include_url=False)
        )


def _apply_environment(document: dict[str, Any], environment: Mapping[str, str]) -> None:
    for name, path in ENVIRONMENT.items():
        if not (value := environment.get(name)):
            continue
        section = document
        for part in path[:-1]:
            section = section.setdefault(part, {})
        section[path[-1]] = value


def _anchored(configuration: Configuration, base: Path) -> Configuration:
    accounts = tuple(
        account.model_copy(update={"folder": base / account.folder}) if account.folder else account
        for account in configuration.accounts
    )
    return configuration.model_copy(
        update={"accounts": accounts, "data": base / configuration.data}
    )


def _syntax_line(message: str) -> int:
    match = re.search(r"at line (\d+)", message)
    return int(match.group(1)) if match else 1


def dotted(location: tuple[str | int, ...]) -> str:
    """A path as people write it: `accounts[1].secrets[0]`."""
    shown = ""
    for part in location:
        shown += f"[{part}]" if isinstance(part, int) else f".{part}"
    return shown.lstrip(".")


def _words(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "unknown setting"
    if error["loc"][-2:-1] == ("secrets",):
        return "a secret must be a reference: env:NAME or file:PATH"
    return str(error["msg"])
