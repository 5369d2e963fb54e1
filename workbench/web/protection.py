"""What every answer carries and every request is held to, before any handler runs."""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any

import orjson

from canonical.errors import TooLarge
from transports.http_api import ASGI
from transports.http_ingest import Receive, Scope, Send

Message = MutableMapping[str, Any]
Header = tuple[bytes, bytes]

MAX_BODY_BYTES = 4 * 1024 * 1024
"""A payload that is edited may be as large as a delivery, and is escaped in a form."""

TOLD = "o2c.told"
"""Set in the scope of a request whose error is logged and answered."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    )
)

HEADERS = {
    b"content-security-policy": CONTENT_SECURITY_POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=()",
}


def protected(app: ASGI, *, max_body_bytes: int = MAX_BODY_BYTES) -> ASGI:
    """The application behind its headers and its limit."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _with_ours(message.get("headers", ()), scope)
            await send(message)

        if _announced(scope) > max_body_bytes:
            await _too_large(send_with_headers, max_body_bytes)
            return
        try:
            await app(scope, _counted(receive, max_body_bytes), send_with_headers)
        except Exception:
            # The framework answers an unforeseen error and raises it again; it is in the log.
            if TOLD not in scope:
                raise

    return guarded


def _with_ours(given: Iterable[Header], scope: Scope) -> list[Header]:
    headers = list(given)
    names = {name.lower() for name, _ in headers}
    headers += [(name, value) for name, value in HEADERS.items() if name not in names]
    if b"cache-control" not in names:
        headers.append((b"cache-control", b"no-store"))
    if scope.get("scheme") == "https":
        headers.append((b"strict-transport-security", b"max-age=31536000"))
    return headers


def _announced(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _counted(receive: Receive, limit: int) -> Receive:
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise TooLarge(f"the body is larger than {limit} bytes")
        return message

    return counted


async def _too_large(send: Send, limit: int) -> None:
    document = {
        "type": "urn:o2c:problem:too_large",
        "status": 413,
        "code": "too_large",
        "detail": f"the body is larger than {limit} bytes",
    }
    body = orjson.dumps(document)
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
