"""Kill it at any moment, take its road away: nothing accepted is lost, nothing is doubled."""

from __future__ import annotations

import concurrent.futures
import itertools
import signal
import subprocess

import httpx

from tests.acceptance.conftest import Gateway, until
from tests.acceptance.payloads import order, shop_request, statement


def _pour(gateway: Gateway, numbers: range, kill_at: int | None = None) -> set[int]:
    """Post orders from several threads; the numbers of those that were acknowledged.

    With `kill_at` the gateway is killed by whichever thread hears the so-manieth answer, while
    the others are in the middle of their requests.
    """
    heard = itertools.count(1)

    def post(number: int) -> int | None:
        try:
            answered = gateway.post(*shop_request(order(number), event=f"evt-{number}"))
        except httpx.TransportError:
            return None
        if next(heard) == kill_at:
            gateway.kill()
        return number if answered.status_code == 200 else None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return {number for number in pool.map(post, numbers) if number is not None}


def _published(gateway: Gateway) -> list[str]:
    return [entry["subject"] for entry in gateway.entries("o2c.order")]


def test_killed_in_the_middle_and_started_again(gateway: Gateway) -> None:
    gateway.stop()
    gateway.configure("lease_seconds = 1")  # What the killed one held is not waited for as long.
    gateway.start()
    accepted: set[int] = set()
    for start, kill_at in ((0, 1), (100, 17), (200, 40)):
        accepted |= _pour(gateway, range(start, start + 60), kill_at)
        gateway.start()
    accepted |= _pour(gateway, range(1000, 1020))

    def all_there() -> bool:
        subjects = set(_published(gateway))
        return all(f"order/{6120000000000 + number}" in subjects for number in accepted)

    until(all_there, "everything acknowledged is published")
    until(lambda: not gateway.audit()["all"]["messages"]["pending"], "nothing is pending")
    # A crash between append and mark may append an entry twice, but always under the same id.
    ids: dict[str, str] = {}
    for entry in gateway.entries("o2c.order"):
        assert ids.setdefault(entry["idempotencykey"], entry["id"]) == entry["id"]


def test_a_restart_finds_everything_where_it_was(gateway: Gateway) -> None:
    first = gateway.post(*shop_request(order()))
    until(lambda: _published(gateway), "the order is published")
    assert gateway.stop() == 0
    gateway.start()

    again = gateway.post(*shop_request(order()))

    assert again.content == first.content
    assert len(_published(gateway)) == 1


def test_the_stream_server_killed_under_load_loses_nothing(gateway: Gateway) -> None:
    before = _pour(gateway, range(20))
    with gateway.redis() as client:
        pid = int(client.info("server")["process_id"])
    subprocess.run(["kill", f"-{int(signal.SIGKILL)}", str(pid)], check=True)
    during = _pour(gateway, range(100, 140))

    assert len(before) == 20
    assert len(during) == 40  # ingest goes on without the streams

    def all_there() -> bool:
        try:
            return {f"order/{6120000000000 + number}" for number in before | during} <= set(
                _published(gateway)
            )
        except Exception:  # noqa: BLE001 - the server may be starting
            return False

    until(all_there, "everything is published when the server is back")


def test_a_file_taken_twice_by_a_crash_has_one_effect(gateway: Gateway) -> None:
    (gateway.folder / "inbox" / "a.xml").write_bytes(statement("A1", "A2", "A3"))
    until(lambda: gateway.audit()["all"]["messages"]["published"] == 3, "all is published")
    gateway.kill()
    # As if the kill had come between the commit and the move to the archive.
    [archived] = (gateway.folder / "inbox/.archive").iterdir()
    archived.rename(gateway.folder / "inbox/a.xml")
    gateway.start()

    until(lambda: not (gateway.folder / "inbox/a.xml").exists(), "the file is taken again")
    assert gateway.audit()["all"]["receipts"]["redelivered"] == 1
    assert len(gateway.entries("o2c.cash")) == 3
