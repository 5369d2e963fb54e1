"""What the workbench works with; made once, by the composition root or a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from routing.accounts import Accounts
from routing.router import Router
from store.database import Database
from store.ids import IdSource


def _now() -> datetime:
    return datetime.now(UTC)


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
