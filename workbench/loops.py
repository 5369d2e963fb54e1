"""What goes on by itself in a process that serves: followers, and the domains that run here."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from configuration import Role
from transports.running import OpenedHub
from workbench.finding.following import Followers


def workbench_loops(hub: OpenedHub) -> list[Coroutine[Any, Any, None]]:
    """The loops of an opened hub; none where its role is not `worker`."""
    if Role.WORKER not in hub.configuration.roles:
        return []
    loops = [Followers(hub.database, owner=hub.pipeline.owner).run()]
    if hub.configuration.domains.run:
        from workbench.domains import domain_loops  # noqa: PLC0415 - only who runs them loads them

        loops.extend(domain_loops(hub))
    return loops
