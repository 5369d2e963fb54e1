"""Outbound calls: where they may go, how much they may bring, how often they are made."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest

from canonical.errors import GatewayError, Malformed, Rejected, TooLarge, Unavailable, Unsupported
from connectors.contract import Connector
from connectors.fetching import Request
from routing.accounts import Account
from routing.retry import RetryLater
from tests.polling.shop import CONNECTOR
from tests.polling.staging import TOKEN, Clock, account, outbound
from tests.polling.vendor import Call, Reply, Vendor, listening
from transports.limits import CircuitOpen
from transports.outbound import Outbound, asked, caller


@pytest.fixture
async def calls(clock: Clock) -> AsyncIterator[Outbound]:
    async with outbound(clock) as opened:
        yield opened


async def ask(calls: Outbound, vendor: Vendor, path: str = "/orders", **changes: Any) -> bytes:
    given = {"headers": {"authorization": "Bearer token-1"}, **changes}
    answer = await calls.call(account(vendor), Request(url=vendor.url + path, **given))
    return answer.body


def with_hosts(*hosts: str) -> Connector:
    manifest = CONNECTOR.manifest.model_copy(update={"hosts": hosts})
    return Connector(
        manifest=manifest,
        verify=CONNECTOR.verify,
        identify=CONNECTOR.identify,
        translate=CONNECTOR.translate,
    )


async def test_the_request_is_made_as_described(calls: Outbound, vendor: Vendor) -> None:
    await ask(calls, vendor, "/orders?limit=5", params={"q": "a b"})
    (call,) = vendor.calls
    assert call.query == {"limit": "5", "q": "a b"}
    assert call.headers["authorization"] == "Bearer token-1"


@pytest.mark.parametrize(
    ("url", "hosts", "options"),
    [
        ("https://other.example/", ("api.example",), {}),
        ("https://api.example.evil.example/", ("api.example",), {}),
        ("https://suffix.example/", ("*.suffix.example",), {}),
        ("https://evilsuffix.example/", ("*.suffix.example",), {}),
        ("http://api.example/", ("api.example",), {}),
        ("https://api.example:8443/", ("api.example",), {}),
        ("https://api.example@other.example/", ("api.example",), {}),
        ("https://other.example/", ("option:url",), {"url": "https://api.example"}),
        ("https://api.example:1/", ("option:url",), {"url": "https://api.example"}),
        ("http://api.example/", ("option:url",), {"url": "http://api.example"}),
        ("https://api.example/", ("option:url",), {}),
        ("https://api.example/", ("option:url",), {"url": ""}),
        ("http://127.0.0.1:1/", ("127.0.0.1",), {}),
        ("http://127.0.0.1:1/", ("option:url",), {"url": "127.0.0.1:1"}),
        ("file:///etc/hostname", ("*.example",), {}),
        ("//api.example/", ("api.example",), {}),
        ("https:///api.example", ("api.example",), {}),
    ],
)
async def test_what_is_not_allowed_is_not_called(
    calls: Outbound, url: str, hosts: tuple[str, ...], options: dict[str, str]
) -> None:
    one = Account(
        connector=with_hosts(*hosts), name="acme", options=options, api_credential=lambda: TOKEN
    )
    with pytest.raises(Unsupported) as failure:
        await calls.call(one, Request(url=url))
    assert failure.value.code == "host_not_allowed"


async def test_another_host_is_never_reached(calls: Outbound, vendor: Vendor) -> None:
    async with listening(vendor.answer) as (other, _):
        with pytest.raises(Unsupported, match="may not be called"):
            await calls.call(account(vendor), Request(url=f"{other}/orders"))
    assert vendor.calls == []


@pytest.mark.parametrize(
    ("hosts", "options"),
    [
        (("nowhere.invalid",), {}),
        (("*.invalid",), {}),
        (("option:shop",), {"shop": "nowhere.invalid"}),
        (("option:shop",), {"shop": "https://nowhere.invalid/path"}),
    ],
)
async def test_what_is_allowed_is_called(
    calls: Outbound, hosts: tuple[str, ...], options: dict[str, str]
) -> None:
    one = Account(
        connector=with_hosts(*hosts), name="acme", options=options, api_credential=lambda: TOKEN
    )
    with pytest.raises(Unavailable) as failure:
        await calls.call(one, Request(url="https://nowhere.invalid/x"))
    assert failure.value.code == "no_connection"


@pytest.mark.parametrize(
    "given",
    [
        {"url": "https://exa\nmple.com/"},
        {"url": "https://example.com:port/"},
        {"headers": {"x-name": "line\r\nbreak"}},
        {"headers": {"x-name": "\ud800"}},
    ],
)
async def test_a_request_that_cannot_be_made_is_refused_here(
    calls: Outbound, vendor: Vendor, given: dict[str, Any]
) -> None:
    with pytest.raises(GatewayError) as failure:
        await calls.call(account(vendor), Request(**{"url": vendor.url, **given}))
    assert failure.value.code in {"bad_request", "host_not_allowed"}
    assert vendor.calls == []


async def test_a_credential_in_the_url_is_not_sent(calls: Outbound, vendor: Vendor) -> None:
    url = vendor.url.replace("http://", "http://user:secret@")
    with pytest.raises(Malformed) as failure:
        await calls.call(account(vendor), Request(url=url))
    assert "secret" not in str(failure.value)
    assert vendor.calls == []


async def test_a_redirect_is_not_followed(calls: Outbound, vendor: Vendor) -> None:
    elsewhere = Vendor()
    async with listening(elsewhere.answer) as (other, _):
        vendor.failing = [Reply(302, headers={"location": f"{other}/orders"})]
        with pytest.raises(Malformed) as failure:
            await ask(calls, vendor)
    assert failure.value.code == "redirected"
    assert elsewhere.calls == []


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (401, Rejected, "credentials_refused"),
        (403, Rejected, "credentials_refused"),
        (404, Unsupported, "not_found"),
        (400, Malformed, "request_refused"),
        (422, Malformed, "request_refused"),
        (304, Malformed, "redirected"),
        (408, Unavailable, "rate_limited"),
        (429, Unavailable, "rate_limited"),
        (500, Unavailable, "server_error"),
        (503, Unavailable, "server_error"),
    ],
)
async def test_what_each_status_means(
    calls: Outbound, vendor: Vendor, status: int, error: type[GatewayError], code: str
) -> None:
    vendor.failing = [Reply(status)] * 3
    with pytest.raises(error) as failure:
        await ask(calls, vendor)
    assert failure.value.code == code
    assert len(vendor.calls) == (3 if error is Unavailable else 1)


async def test_a_second_try_may_succeed(calls: Outbound, vendor: Vendor, clock: Clock) -> None:
    vendor.failing = [Reply(502), Reply(429, headers={"retry-after": "3"})]
    assert b"orders" in await ask(calls, vendor)
    assert clock.slept == [0.5, 3.0]


async def test_retry_after_may_be_a_date(calls: Outbound, vendor: Vendor, clock: Clock) -> None:
    clock.begun = clock.begun.replace(microsecond=0)
    date = f"{clock.begun.replace(minute=0):%a, %d %b %Y %H:59:59 GMT}"
    clock.begun = clock.begun.replace(minute=59, second=50)
    vendor.failing = [Reply(503, headers={"retry-after": date})]
    await ask(calls, vendor)
    assert clock.slept == [9.0]


@pytest.mark.parametrize("value", ["", "soon", "-1", "9" * 400, "Mon, 01 Jan 99999999999999999999"])
async def test_a_strange_retry_after_breaks_nothing(
    calls: Outbound, vendor: Vendor, value: str
) -> None:
    vendor.failing = [Reply(429, headers={"retry-after": value})] * 3
    with pytest.raises(RetryLater):
        await ask(calls, vendor)


async def test_an_answer_has_a_size(vendor: Vendor, clock: Clock) -> None:
    async with outbound(clock, max_answer_bytes=10) as calls:
        vendor.failing = [Reply(body=b"x" * 10), Reply(body=b"x" * 11)]
        assert await ask(calls, vendor) == b"x" * 10
        with pytest.raises(TooLarge) as failure:
            await ask(calls, vendor)
    assert failure.value.code == "answer_too_large"


async def test_a_compressed_answer_is_measured_as_what_it_becomes(
    calls: Outbound, vendor: Vendor
) -> None:
    packed = {"content-encoding": "gzip"}
    vendor.failing = [
        Reply(body=gzip.compress(b"fits"), headers=packed),
        Reply(body=gzip.compress(b"\0" * 1_000_000), headers=packed),
        Reply(body=b"no gzip", headers=packed),
        Reply(body=b"", headers={"content-encoding": "gzip, gzip"}),
    ]
    assert await ask(calls, vendor) == b"fits"
    with pytest.raises(TooLarge):
        await ask(calls, vendor)
    for _ in range(2):
        with pytest.raises(Malformed) as failure:
            await ask(calls, vendor)
        assert failure.value.code == "bad_answer"


async def test_an_answer_that_never_ends_is_given_up(clock: Clock) -> None:
    for_ever = asyncio.Event()

    async def silent(_: Call) -> Reply:
        await for_ever.wait()
        return Reply()

    vendor = Vendor()
    async with listening(silent) as (vendor.url, _), outbound(clock, timeout_s=0.05) as calls:
        with pytest.raises(Unavailable) as failure:
            await ask(calls, vendor)
        for_ever.set()
    assert failure.value.code == "timed_out"


async def test_no_cookie_of_one_account_is_sent_for_another(
    calls: Outbound, vendor: Vendor
) -> None:
    vendor.failing = [Reply(headers={"set-cookie": "session=acme; Path=/"})]
    await ask(calls, vendor)
    await ask(calls, vendor)
    assert "cookie" not in vendor.calls[1].headers


async def test_the_environment_says_nothing(
    vendor: Vendor, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:1")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.invalid:1")
    async with outbound(clock) as calls:
        assert b"orders" in await ask(calls, vendor)


async def test_a_failing_system_is_left_alone_for_a_while(
    calls: Outbound, vendor: Vendor, clock: Clock
) -> None:
    vendor.failing = [Reply(500)] * 5
    for _ in range(2):
        with pytest.raises(Unavailable):
            await ask(calls, vendor)
    with pytest.raises(CircuitOpen, match="server_error"):
        await ask(calls, vendor)
    assert len(vendor.calls) == 5
    clock.passed += 31
    assert b"orders" in await ask(calls, vendor)


async def test_one_account_does_not_slow_another(clock: Clock, vendor: Vendor) -> None:
    slow = {"api_url": vendor.url, "requests_per_second": 0.1}
    request = Request(url=f"{vendor.url}/orders", headers={"authorization": "Bearer token-1"})
    async with outbound(clock) as calls:
        for _ in range(2):
            await calls.call(account(vendor, options=slow), request)
        assert clock.slept == [10.0]
        await calls.call(account(vendor, name="other"), request)
        assert clock.slept == [10.0]


def test_a_connector_that_breaks_is_a_malformed_request() -> None:
    def broken(_: object) -> object:
        raise KeyError("a name out of a payload")

    with pytest.raises(Malformed) as failure:
        asked("begin", broken, None)
    assert failure.value.code == "connector_fault"
    assert "payload" not in str(failure.value)


def test_a_caller_needs_a_credential() -> None:
    one = Account(connector=CONNECTOR, name="acme")
    with pytest.raises(Malformed):
        caller(one)
