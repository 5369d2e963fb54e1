"""The HTTP door: `POST /in/{connector}/{account}`, a plain ASGI route.

Answers: 200 (or what the sender wants to hear) once the bytes are durable; 401 bad, missing or
stale signature; 404 unknown connector or account; 405 other methods; 413 too large; 503 with
Retry-After when the store cannot take it. Never a 2xx before the commit.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import orjson
import structlog

from canonical.errors import GatewayError, Rejected, TooLarge, Unavailable
from connectors.fetching import KIND_HEADER
from connectors.raw import RawMessage
from routing.accounts import Account, Accounts
from routing.receive import Received, Receiver
from store.ids import show_id

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PREFIX = "/in/"
RETRY_AFTER_S = b"2"

_TRACEPARENT = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""W3C Trace Context, level 2."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class SenderLeft(GatewayError):
    """The connection ended before the whole body had come: nothing was accepted."""

    default_code = "sender_left"


class Ingest:
    """ASGI application of the ingest route."""

    def __init__(
        self,
        accounts: Accounts,
        receiver: Receiver,
        *,
        max_body_bytes: int,
        public_url: str | None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._accounts = accounts
        self._receiver = receiver
        self._max_body_bytes = max_body_bytes
        self._public_url = public_url.rstrip("/") if public_url else None
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of the ingest route."""
        try:
            answer = await self._answer(scope, receive)
        except SenderLeft:
            return
        await _send(send, answer)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        account = self._account(scope["path"])
        if account is None:
            return _problem(404, "unknown_account", "no such connector or account")
        if "webhook" not in account.connector.manifest.transports:
            return _problem(404, "unknown_account", "this connector has no webhook")
        if scope["method"] != "POST":
            return _problem(405, "method_not_allowed", "POST it", ((b"allow", b"POST"),))
        try:
            raw = await self._read(scope, receive, account)
            return await self._accept(scope, account, raw)
        except TooLarge as error:
            return _problem(413, error.code, str(error))
        except Rejected as error:
            return _problem(401, error.code, str(error))
        except Unavailable as error:
            return _problem(503, error.code, "try again", ((b"retry-after", RETRY_AFTER_S),))

    async def _accept(self, scope: Scope, account: Account, raw: RawMessage) -> Answer:
        secret = await self._receiver.verify(account, raw, _remote(scope))
        received = await self._receiver.accept(
            account,
            raw,
            transport="webhook",
            secret=secret,
            traceparent=_traceparent(raw.headers),
        )
        return acknowledgement(received)

    def _account(self, path: str) -> Account | None:
        parts = path.split("/")
        if len(parts) != 4 or not path.startswith(PREFIX):
            return None
        return self._accounts.find(parts[2], unquote(parts[3]))

    async def _read(self, scope: Scope, receive: Receive, account: Account) -> RawMessage:
        headers = _headers(scope)
        limit = min(self._max_body_bytes, account.connector.manifest.max_body_bytes)
        body = await _body(receive, headers.get("content-length"), limit)
        return RawMessage(
            body,
            account=account.name,
            received_at=self._clock(),
            headers=headers,
            url=self._url(scope, headers),
            options=account.options,
        )

    def _url(self, scope: Scope, headers: Mapping[str, str]) -> str:
        base = self._public_url or f"{scope['scheme']}://{headers.get('host', '')}"
        query = scope.get("query_string", b"").decode("latin-1")
        # Signed addresses are signed as they were called: escapes stay escaped.
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
        return f"{base}{path}{'?' if query else ''}{query}"


def acknowledgement(received: Received) -> Answer:
    """What this sender wants to hear; a redelivery hears what the first delivery heard."""
    wanted = received.account.connector.manifest.answer
    if wanted.body is not None:
        return Answer(wanted.status, wanted.body.encode(), wanted.content_type.encode())
    receipt = {
        "receipt": show_id("rcp", received.first_receipt_id),
        "received_at": received.accepted.received_at.isoformat().replace("+00:00", "Z"),
    }
    return Answer(wanted.status, orjson.dumps(receipt), wanted.content_type.encode())


async def _body(receive: Receive, announced: str | None, limit: int) -> bytes:
    if announced and announced.isdigit() and int(announced) > limit:
        raise TooLarge(f"the body is larger than {limit} bytes")
    chunks: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise SenderLeft("the sender left before the body was complete")
        chunk = event.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"the body is larger than {limit} bytes")
        chunks.append(chunk)
        if not event.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _headers(scope: Scope) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name == KIND_HEADER:
            # Only the gateway itself says this, of what it polled or fetched.
            continue
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _traceparent(headers: Mapping[str, str]) -> str | None:
    """The sender's trace, if it is one: it goes on to every subscriber."""
    given = headers.get("traceparent", "")
    return given if _TRACEPARENT.fullmatch(given) else None


def _remote(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _problem(
    status: int, code: str, detail: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> Answer:
    """An RFC 9457 problem document."""
    document = {"status": status, "code": code, "detail": detail}
    return Answer(status, orjson.dumps(document), b"application/problem+json", headers)


async def _send(send: Send, answer: Answer) -> None:
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", str(len(answer.body)).encode()),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
