"""How a connector asks for what it is not sent: it describes requests, it never makes them.

    poll.begin(turn)          the first request of a turn, from the cursor the last turn left
    poll.read(turn, answer)   what an answer brought: documents, the next page, the new cursor
    Fetch(request, kind)      yielded by `translate` for a thin event: the object must be fetched

The transport owns the client, time-outs, retries, rate limits and the cursors. Every document
found becomes a receipt of its own, kept, explained and replayed like a webhook; a fact that came
both ways has one key and is one fact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

KIND_HEADER = "x-gateway-kind"
"""Says to `identify` what a fetched or polled document is; no sender can set it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to make.

    The connector builds the URL from its own templates and the account's options; an id out of a
    payload is percent-encoded into it, a URL out of a payload is never used. A host that is not in
    the manifest's `hosts` is not called. The credential is put into `headers` by the connector as
    its system wants it; what is kept of a request never includes them.
    """

    url: str
    method: Literal["GET", "POST"] = "GET"
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with a 2xx status; others never reach a connector."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """On whose behalf a request is made."""

    account: str
    options: Mapping[str, Any]
    credential: str
    """The account's API credential (`api_secret` in the configuration); only for headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of polling."""

    caller: Caller
    cursor: str | None
    """What the last turn left; None on the first."""
    since: datetime
    """From when on to ask: the start of the last turn, less the overlap."""
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One document of an answer, to be taken in as if it had been delivered."""

    body: bytes
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one answer brought."""

    found: tuple[Found, ...]
    next: Request | None = None
    """The next page of this turn; None: the turn is over."""
    cursor: str | None = None
    """Where the next turn begins; stored only when everything found is durable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """One thing that is asked for regularly. `begin` and `read` are pure.

    `read` raises Malformed for an answer it cannot read: the turn fails and is made again.
    """

    name: str
    begin: Callable[[Turn], Request]
    read: Callable[[Turn, Answer], Page]
    every: timedelta = timedelta(minutes=5)
    overlap: timedelta = timedelta(minutes=15)
    """How far a turn reaches back before the last one: late writers are not missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """A thin event's wish: this object, as a document of this kind.

    `object_id` goes through `Connector.fetch` into a request when it is made, so that no
    credential and no URL is ever stored.
    """

    kind: str
    object_id: str
    at: str = ""


FetchRequest = Callable[[Caller, Fetch], Request]
"""Turns a wish into the request that fulfils it; raises Unsupported for a kind it cannot fetch."""
