"""SIGTERM: nothing more is taken, what was begun is finished, and the process exits with 0."""

from __future__ import annotations

import concurrent.futures
import itertools
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from tests.acceptance.conftest import ON_SQLITE, Gateway, until
from tests.acceptance.payloads import order, shop_request

ANSWERS = {200, 503}


def _restart(gateway: Gateway, drain_seconds: int) -> None:
    """The same gateway with another bound."""
    gateway.stop()
    gateway.configure(f"drain_seconds = {drain_seconds}")
    gateway.start()


@contextmanager
def _half_sent(gateway: Gateway, number: int) -> Iterator[tuple[socket.socket, bytes]]:
    """A request of which the last bytes are still to come: the connection, and those bytes."""
    path, body, headers = shop_request(order(number), event=f"evt-{number}")
    lines = [f"POST {path} HTTP/1.1", "host: gateway", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection(_address(gateway), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body[:-10])
        # The gateway has it in hand when a later one on another connection is answered.
        gateway.post(*shop_request(order(9000 + number), event=f"evt-{9000 + number}"))
        yield connection, body[-10:]


def _address(gateway: Gateway) -> tuple[str, int]:
    parts = urlsplit(gateway.address)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def _is_closed(gateway: Gateway) -> bool:
    try:
        socket.create_connection(_address(gateway), timeout=5).close()
    except OSError:
        return True
    return False


def _read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_under_load_it_ends_with_0_and_keeps_all_it_acknowledged(gateway: Gateway) -> None:
    heard = itertools.count(1)
    unforeseen: list[int] = []

    def post(number: int) -> int | None:
        try:
            answered = gateway.post(*shop_request(order(number), event=f"evt-{number}"))
        except httpx.TransportError:
            return None
        if answered.status_code not in ANSWERS:
            unforeseen.append(answered.status_code)
        if next(heard) == 40:
            gateway.signal(signal.SIGTERM)
        return number if answered.status_code == 200 else None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        accepted = {number for number in pool.map(post, range(120)) if number is not None}
    assert gateway.wait() == 0
    assert not unforeseen
    assert len(accepted) >= 39
    assert gateway.audit()["all"]["receipts"]["accepted"] >= len(accepted)

    gateway.start()
    wanted = {f"order/{6120000000000 + number}" for number in accepted}
    until(
        lambda: wanted <= {entry["subject"] for entry in gateway.entries("o2c.order")},
        "all acknowledged is published",
    )
    assert gateway.audit()["balanced"]


def test_a_request_in_hand_is_answered_before_the_end(gateway: Gateway) -> None:
    with _half_sent(gateway, 1) as (connection, rest):
        gateway.signal(signal.SIGTERM)
        until(lambda: _is_closed(gateway), "nobody new is let in")
        connection.sendall(rest)
        answer = _read_all(connection)
    assert answer.startswith(b"HTTP/1.1 200")
    assert gateway.wait() == 0
    assert gateway.audit()["all"]["receipts"]["accepted"] == 2


@ON_SQLITE
def test_a_connection_kept_alive_is_closed(gateway: Gateway) -> None:
    with httpx.Client(base_url=gateway.address) as client:
        assert client.get("/healthz").status_code == 200
        assert gateway.stop() == 0
        with pytest.raises(httpx.TransportError):
            client.get("/healthz")


@ON_SQLITE
def test_what_does_not_end_in_time_is_not_waited_for(gateway: Gateway) -> None:
    _restart(gateway, drain_seconds=1)
    with _half_sent(gateway, 1):
        assert gateway.stop() == 0
    assert gateway.audit()["all"]["receipts"]["accepted"] == 1


@ON_SQLITE
def test_a_second_signal_ends_it_at_once(gateway: Gateway) -> None:
    _restart(gateway, drain_seconds=600)
    with _half_sent(gateway, 1):
        gateway.signal(signal.SIGTERM)
        until(lambda: _is_closed(gateway), "nobody new is let in")
        gateway.signal(signal.SIGTERM)
        assert gateway.wait() == -signal.SIGTERM

    gateway.start()
    assert gateway.post(*shop_request(order(1), event="evt-1")).status_code == 200
    until(lambda: len(gateway.entries("o2c.order")) == 2, "both are published")
