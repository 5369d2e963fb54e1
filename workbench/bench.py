"""What the workbench works with; made once, by the composition root or a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from domains.contract import Domain
from routing.accounts import Accounts
from routing.router import Router
from store.database import Database
from store.ids import IdSource


def _now() -> datetime:
    return datetime.now(UTC)


def installed_domains() -> Mapping[str, Domain]:
    """The domains that come with the gateway, by name."""
    from domains.installed import INSTALLED  # noqa: PLC0415 - few requests need them

    return {name: one.domain for name, one in INSTALLED.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The store, and today's accounts and routes to try payloads with."""

    database: Database
    accounts: Accounts
    router: Router
    ids: IdSource = field(default_factory=IdSource)
    now: Callable[[], datetime] = _now
    wake: Callable[[], None] = field(default=lambda: None)
    """Called when there is something new to translate or publish, in case a pipeline runs here."""
    domains: Callable[[], Mapping[str, Domain]] = installed_domains
    """Whose actions people may decide on."""
