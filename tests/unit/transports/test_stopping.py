"""What is said to whoever still comes in while the process stops, and how it ends."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from transports.http_server import serve, stay, until_told
from transports.stopping import Stop


async def _hello(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


async def _broken() -> None:
    raise LookupError("a loop broke")


async def _endless() -> None:
    await asyncio.Event().wait()


async def test_once_told_to_stop_it_sends_callers_elsewhere() -> None:
    stop = Stop(5)
    transport = httpx.ASGITransport(app=until_told(_hello, stop))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        assert (await client.get("/")).text == "hello"
        stop.tell()
        refused = await client.get("/")
    assert refused.status_code == 503
    assert refused.headers["retry-after"].isdigit()
    assert refused.headers["connection"] == "close"
    assert refused.json()["code"] == "stopping"


async def test_the_time_left_is_counted_from_the_first_word() -> None:
    stop = Stop(5)
    assert stop.left_s == 5
    stop.tell()
    first = stop.left_s
    stop.tell()
    assert 0 < stop.left_s <= first <= 5


async def test_serving_ends_when_it_is_told_and_takes_the_loops_along() -> None:
    stop = Stop(5)
    addresses: list[str] = []

    def ready(address: str) -> None:
        addresses.append(address)
        stop.tell()

    await serve(_hello, host="127.0.0.1", port=0, beside=[_endless()], on_ready=ready, stop=stop)
    assert addresses
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(addresses[0])


async def test_without_a_door_it_stays_until_it_is_told() -> None:
    stop = Stop(5)
    staying = asyncio.create_task(stay([_endless()], stop))
    await asyncio.sleep(0)
    assert not staying.done()
    stop.tell()
    await staying


async def test_a_loop_that_breaks_ends_it_with_what_broke_it() -> None:
    with pytest.raises(LookupError):
        await stay([_endless(), _broken()], Stop(5))
    with pytest.raises(LookupError):
        await serve(_hello, host="127.0.0.1", port=0, beside=[_broken()], stop=Stop(5))
