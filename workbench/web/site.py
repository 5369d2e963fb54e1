"""What every handler may ask for: the store, the clock, the running hub."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Protocol

from fastapi import Depends, Request

from canonical.errors import Unavailable
from store.database import Database
from store.ids import IdSource
from transports.running import OpenedHub
from workbench.access.passwords import Passwords


class Stopping(Protocol):
    """Tells when the process is told to stop."""

    async def wait(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One workbench. Handlers get it as `site: TheSite`."""

    database: Database
    version: str
    ids: IdSource
    hub: OpenedHub | None = None
    public_url: str | None = None
    """How browsers reach the gateway, where that differs from how it is called."""
    stop: Stopping | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    passwords: Passwords = field(default_factory=Passwords)

    @property
    def working_hub(self) -> OpenedHub:
        """The pipeline this process runs. Raises Unavailable where pages are served alone."""
        if self.hub is None:
            raise Unavailable("no pipeline runs in this process", code="no_pipeline")
        return self.hub

    def base_url(self, request: Request) -> str:
        """The gateway's address as this browser should use it, without a path."""
        return (self.public_url or str(request.base_url)).rstrip("/")

    def is_secure(self, request: Request) -> bool:
        """Whether this browser comes over TLS, be it ended by a proxy."""
        return self.base_url(request).startswith("https://")


def site_of(request: Request) -> Site:
    """The site a request is for."""
    site: Site = request.app.state.site
    return site


TheSite = Annotated[Site, Depends(site_of)]
