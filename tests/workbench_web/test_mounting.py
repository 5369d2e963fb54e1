"""Where the workbench stands beside the gateway's own routes."""

from __future__ import annotations

import pytest
from httpx import ASGITransport, AsyncClient

from transports.http_ingest import Receive, Scope, Send
from transports.workbench_http import ASGI, with_workbench


def named(name: str) -> ASGI:
    """An application that says its name."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": name.encode()})

    return app


@pytest.mark.parametrize(
    ("path", "serves"),
    [
        ("/workbench", "workbench"),
        ("/workbench/people", "workbench"),
        ("/api/v1/me", "workbench"),
        ("/workbenches", "gateway"),
        ("/api/v10", "gateway"),
        ("/healthz", "gateway"),
        ("/in/shopify/acme", "gateway"),
    ],
)
async def test_who_serves_what(path: str, serves: str) -> None:
    app = with_workbench(named("gateway"), named("workbench"))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://here") as client:
        assert (await client.get(path)).text == serves


async def test_the_bare_address_leads_to_the_pages() -> None:
    app = with_workbench(named("gateway"), named("workbench"))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://here") as client:
        answer = await client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/workbench")
