"""Fixtures of a connector and the golden answers beside them.

fixtures/<kind>__<case>.<ext>    the body as it arrives; "/" and ":" in the kind are written "."
fixtures/<same>.meta.json        how it arrives: `Meta`
fixtures/<same>.expected.json    the golden: what it must become
fixtures/secrets.toml            what the fixtures are signed with: `Settings`
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from pathlib import Path
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from canonical.errors import Malformed
from connectors import registry
from connectors.contract import Connector
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.translation import dry_run, outcome_document

_META = ".meta.json"
_EXPECTED = ".expected.json"
_SETTINGS = "secrets.toml"


class Meta(BaseModel):
    """How a fixture arrives. A `filename` says that it comes as a file, so it is not signed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    received_at: AwareDatetime
    headers: dict[Annotated[str, Field(pattern="^[^A-Z]+$")], str] = {}
    account: str = "acme"
    url: str | None = None
    filename: str | None = None
    options: dict[str, Any] = {}


class Settings(BaseModel):
    """`secrets.toml`: what all fixtures of a connector share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secrets: tuple[str, ...] = ()
    """Invented secrets; the first one signed the fixtures."""
    fact_headers: tuple[str, ...] = ()
    """Headers whose value names the fact itself and stays the same when it is sent again."""
    signed_in_body: bool = False
    """The signatures stand in the body: a body is genuine whatever its headers say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """One payload as it arrives, and where its golden is."""

    path: Path
    meta: Meta
    expected_path: Path

    @property
    def raw(self) -> RawMessage:
        """A fresh raw message of it."""
        return self.arriving()

    def arriving(
        self,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        received_at: datetime | None = None,
    ) -> RawMessage:
        """The raw message, with parts of the delivery changed."""
        return RawMessage(
            self.path.read_bytes() if body is None else body,
            account=self.meta.account,
            received_at=received_at or self.meta.received_at,
            headers=self.meta.headers if headers is None else headers,
            filename=self.meta.filename,
            url=self.meta.url,
            options=self.meta.options,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """A connector with its folder, fixtures and their settings."""

    connector: Connector
    folder: Path
    fixtures: tuple[Fixture, ...]
    settings: Settings

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The fixtures' secrets as an account would have them."""
        return tuple(
            Secret(f"fixture-{number}", value.encode())
            for number, value in enumerate(self.settings.secrets, start=1)
        )

    def is_signed(self, fixture: Fixture) -> bool:
        """Whether this fixture arrives over a transport that is verified."""
        return self.connector.manifest.signature != "none" and fixture.meta.filename is None


def specimen(name: str) -> Specimen:
    """An installed connector with its fixtures. Raises GatewayError if either is unusable."""
    return specimen_of(registry.load(name), registry.folder_of(name))


def specimen_of(connector: Connector, folder: Path) -> Specimen:
    """A connector with the fixtures in its folder. Raises Malformed for an unusable fixture."""
    place = folder / "fixtures"
    return Specimen(
        connector=connector,
        folder=folder,
        fixtures=tuple(fixtures_in(place)),
        settings=_settings_in(place),
    )


def fixture_paths(place: Path) -> list[Path]:
    """The bodies in a fixtures folder, sorted by name."""
    if not place.is_dir():
        return []
    return sorted(path for path in place.iterdir() if path.is_file() and _is_body(path.name))


def fixtures_in(place: Path) -> Iterator[Fixture]:
    """The fixtures of a folder. Raises Malformed for one without a readable meta file."""
    for path in fixture_paths(place):
        meta_path = path.with_name(path.name + _META)
        try:
            meta = Meta.model_validate_json(meta_path.read_bytes())
        except (OSError, ValidationError) as error:
            raise Malformed(f"{meta_path.name}: {error}", code="bad_fixture") from None
        yield Fixture(path=path, meta=meta, expected_path=path.with_name(path.name + _EXPECTED))


def golden(one: Specimen, fixture: Fixture) -> dict[str, Any]:
    """What a fixture becomes today, as a JSON document."""
    secrets = one.secrets if one.is_signed(fixture) else None
    return outcome_document(dry_run(one.connector, fixture.raw, secrets))


def golden_text(document: dict[str, Any]) -> str:
    """A golden as it is written."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write_goldens(name: str, *, force: bool = False) -> list[Path]:
    """Write the goldens of an installed connector that are not there yet; returns their paths.

    With `force` those that differ are written anew: read the difference before committing it.
    """
    return write_goldens_of(specimen(name), force=force)


def write_goldens_of(one: Specimen, *, force: bool = False) -> list[Path]:
    """Like `write_goldens`, for a connector in any folder."""
    written = []
    for fixture in one.fixtures:
        if not (force or not fixture.expected_path.exists()) or not difference(one, fixture):
            continue
        with fixture.expected_path.open("w" if force else "x", encoding="utf-8", newline="") as out:
            out.write(golden_text(golden(one, fixture)))
        written.append(fixture.expected_path)
    return written


def compare(name: str) -> dict[str, str]:
    """Differences of an installed connector from its goldens: fixture name → unified diff."""
    one = specimen(name)
    found = {fixture.path.name: difference(one, fixture) for fixture in one.fixtures}
    return {fixture: diff for fixture, diff in found.items() if diff}


def difference(one: Specimen, fixture: Fixture) -> str:
    """A unified diff from the golden to what the fixture becomes today; empty when equal."""
    expected = fixture.expected_path.read_text("utf-8") if fixture.expected_path.exists() else ""
    return diff_of(expected, golden_text(golden(one, fixture)), fixture.path.name)


def diff_of(expected: str, found: str, name: str) -> str:
    """A unified diff of two texts; empty when they are equal."""
    lines: Sequence[str] = list(
        unified_diff(
            expected.splitlines(keepends=True),
            found.splitlines(keepends=True),
            f"{name} golden",
            f"{name} today",
        )
    )
    return "".join(lines)


def _is_body(name: str) -> bool:
    return not (name.startswith(".") or name.endswith((_META, _EXPECTED)) or name == _SETTINGS)


def _settings_in(place: Path) -> Settings:
    path = place / _SETTINGS
    if not path.exists():
        return Settings()
    try:
        return Settings.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (ValueError, OSError) as error:
        raise Malformed(f"{_SETTINGS}: {error}", code="bad_fixture") from None
