"""What the workbench does by itself in a process that serves."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from configuration import Role
from transports.running import OpenedHub
from workbench.following import Followers


def workbench_loops(hub: OpenedHub) -> list[Coroutine[Any, Any, None]]:
    """The loops of an opened hub; none where its role is not `worker`."""
    if Role.WORKER not in hub.configuration.roles:
        return []
    return [Followers(hub.database, owner=hub.pipeline.owner).run()]
