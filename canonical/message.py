"""What a connector yields: messages, problems, and what it left aside on purpose."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from canonical.keys import Key, Version
from canonical.payload import Payload


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One business fact in canonical form, before the hub stamps it (EIP: Canonical Data Model).

    `entity` and `version` are given together, and only where the fact is a *state* of something
    that has versions (an order as it is now): a version older than one already routed is stale.
    Facts that merely happened (a payment was captured) have neither; they never go stale.
    """

    key: Key
    data: Payload
    occurred_at: datetime
    """When it happened by the sender's account; aware."""
    subject: str
    """What it is about, e.g. `order/450789469`."""
    correlation: str
    """The order-to-cash chain as far as this report knows it, e.g. `shopify/acme/order/4507`."""
    partition: str
    """Messages with the same partition key keep their order on the stream."""
    entity: Key | None = None
    version: Version | None = None
    at: str = ""
    """Where in the payload it was found, e.g. `Stmt[1]/Ntry[3]`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One record that could not become a message; it is dead-lettered, the rest goes on."""

    code: str
    message: str
    path: str = ""
    at: str = ""
    """The record, e.g. `Stmt[1]/Ntry[3]`; `path` is the field in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """Understood, and of no interest to order to cash; counted, not stored as a message."""

    reason: str
    at: str = ""


Item = Message | Problem | Ignored
