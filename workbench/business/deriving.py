"""`gateway records derive`: what the domains keep, by today's rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from canonical.errors import Unsupported
from domains.engine.again import derive_again
from domains.installed import INSTALLED
from store.access.audit_log import append_audit
from store.database import Connection, Database
from store.ids import IdSource
from workbench.access.people_lists import shell_actor


async def derive_anew(store: Database, domains: Sequence[str]) -> None:
    """Have these domains (without any: all) derive everything they keep.

    The gateways that run them do it, at their own pace. Raises Unsupported (`unknown_domain`).
    """
    for name in domains:
        if name not in INSTALLED:
            raise Unsupported(f"there is no domain {name[:40]!r}", code="unknown_domain")
    ids, now, actor = IdSource(), datetime.now(UTC), shell_actor()

    def mark(connection: Connection, name: str) -> int:
        number = derive_again(connection, name, ids, now)
        append_audit(
            connection,
            at=now,
            actor=actor,
            action="records.derive",
            target=name,
            details={"marked": number},
        )
        return number

    for name in domains or INSTALLED:
        number = await store.write(lambda connection, name=name: mark(connection, name))  # type: ignore[misc]
        print(f"{name}: {number} to be derived again")
