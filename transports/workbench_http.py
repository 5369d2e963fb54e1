"""Mounts the workbench beside the gateway's own routes; ingest stands before both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from transports.http_ingest import Receive, Scope, Send

ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]

_PAGES = "/workbench"
_API = "/api/v1"


def with_workbench(api: ASGI, workbench: ASGI) -> ASGI:
    """Sends pages and the REST API to the workbench, the bare address to its first page."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if _is_under(path, _PAGES) or _is_under(path, _API):
            await workbench(scope, receive, send)
        elif path == "/":
            await _to_pages(send)
        else:
            await api(scope, receive, send)

    return app


def _is_under(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


async def _to_pages(send: Send) -> None:
    headers = [(b"location", _PAGES.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
