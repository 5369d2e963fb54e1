"""What a process does: everything, or a part that others complete."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum


class Role(StrEnum):
    """A part of the gateway that may run in processes of its own."""

    INGEST = "ingest"
    """The HTTP door and the watched folders: makes deliveries durable and acknowledges them."""
    WORKER = "worker"
    """Translates receipts; polls and fetches."""
    RELAY = "relay"
    """Publishes messages to the streams."""


ALL_ROLES = frozenset(Role)


def apart_fault(roles: Collection[Role], store_url: str | None, streams_url: str | None) -> str:
    """Why these roles cannot run without the others in the same process; empty when they can.

    An embedded store or stream server belongs to one process, which then has to do everything.
    """
    if set(roles) >= ALL_ROLES:
        return ""
    missing = ", ".join(role for role in Role if role not in roles)
    if not (store_url or "").startswith("postgresql"):
        return f"nobody would be {missing}: roles apart need PostgreSQL (store.url)"
    if not streams_url:
        return f"nobody would be {missing}: roles apart need a stream server (streams.url)"
    return ""
