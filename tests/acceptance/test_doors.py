"""What senders experience at the doors, and what subscribers then read."""

from __future__ import annotations

import json
import subprocess
from functools import partial
from pathlib import Path

import httpx

from tests.acceptance.conftest import ON_SQLITE, Gateway, until
from tests.acceptance.payloads import charge, order, shop_request, statement, stripe_request


def test_a_webhook_becomes_one_message_on_its_stream(gateway: Gateway) -> None:
    answered = gateway.post(*shop_request(order()))

    assert answered.status_code == 200
    [entry] = until(lambda: gateway.entries("o2c.order"), "the order is on its stream")
    assert entry["type"] == "o2c.order.placed"
    assert entry["specversion"] == "1.0"
    assert entry["source"] == "/shopify/acme"
    assert entry["causationid"] == answered.json()["receipt"]
    assert json.loads(entry["data"])["totals"]["total"] == {"amount": "120.00", "currency": "EUR"}


def test_a_redelivery_hears_the_first_receipt_and_has_no_effect(gateway: Gateway) -> None:
    first = gateway.post(*shop_request(order()))
    again = gateway.post(*shop_request(order()))

    assert again.status_code == 200
    assert again.content == first.content
    until(lambda: gateway.entries("o2c.order"), "the order is on its stream")
    receipts = gateway.audit()["all"]["receipts"]
    assert (receipts["accepted"], receipts["redelivered"], receipts["translated"]) == (2, 1, 1)
    assert len(gateway.entries("o2c.order")) == 1


def test_the_four_verdicts(gateway: Gateway) -> None:
    newer, older = "2026-03-02T10:00:00Z", "2026-03-02T09:30:00Z"
    gateway.post(*shop_request(order(updated=newer), "orders/updated", "evt-1"))
    until(lambda: gateway.entries("o2c.order"), "the first is published")
    gateway.post(*shop_request(order(updated=newer), "orders/paid", "evt-2"))
    gateway.post(*shop_request(order(updated=older), "orders/updated", "evt-3"))
    gateway.post(*shop_request(order(updated=newer, total="1.00"), "orders/updated", "evt-4"))

    def settled() -> dict[str, int]:
        messages: dict[str, int] = gateway.audit()["all"]["messages"]
        return messages if messages["translated"] == 4 and not messages["pending"] else {}

    messages = until(settled, "all four are judged")
    assert (messages["published"], messages["duplicate"]) == (1, 1)
    assert (messages["stale"], messages["conflict"]) == (1, 1)
    assert len(gateway.entries("o2c.order")) == 1


def test_one_capture_told_by_two_stripe_objects_is_published_once(gateway: Gateway) -> None:
    intent = {
        **charge(),
        "id": "evt_2",
        "type": "payment_intent.succeeded",
        "data": {
            "object": {
                "id": "pi_1",
                "object": "payment_intent",
                "amount": 12000,
                "amount_received": 12000,
                "currency": "eur",
                "created": 1772441990,
                "latest_charge": "ch_1",
                "livemode": True,
                "status": "succeeded",
            }
        },
    }
    assert gateway.post(*stripe_request(charge())).status_code == 200
    assert gateway.post(*stripe_request(intent)).status_code == 200

    def judged() -> bool:
        return bool(gateway.audit()["all"]["messages"]["duplicate"])

    until(judged, "the second report is judged")
    [entry] = gateway.entries("o2c.cash")
    assert entry["type"] == "o2c.payment.captured"


def test_refusals_store_nothing_of_the_body(gateway: Gateway) -> None:
    path, body, headers = shop_request(order())
    tampered = gateway.post(path, body.replace(b"120.00", b"1.00"), headers)
    unsigned = gateway.post(path, body, {"x-shopify-topic": "orders/create"})
    stale = gateway.post(*stripe_request(charge(), age_s=3600))

    assert (tampered.status_code, unsigned.status_code, stale.status_code) == (401, 401, 401)
    assert stale.json()["code"] == "stale_signature"
    refused = json.loads(gateway.command("refused", "--json").stdout)
    assert [one["code"] for one in refused] == [
        "stale_signature", "missing_signature", "bad_signature",
    ]  # fmt: skip
    assert gateway.audit()["all"]["receipts"]["accepted"] == 0
    assert "LAMP-WAL" not in gateway.log_text()


@ON_SQLITE
def test_doors_that_are_not_there(gateway: Gateway) -> None:
    path, body, headers = shop_request(order())

    assert gateway.post("/in/nosuch/acme", body, headers).status_code == 404
    assert gateway.post("/in/shopify/other", body, headers).status_code == 404
    assert gateway.post("/in/shopify/../../etc", body, headers).status_code == 404
    wrong_method = httpx.get(gateway.address + path)
    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "POST")
    assert gateway.post(path, b"x" * 3_000_000, headers).status_code == 413


def test_signed_but_unreadable_is_kept_and_acknowledged(gateway: Gateway) -> None:
    answered = gateway.post(*shop_request(b'{"id": 1, "line_items": [', event="evt-broken"))

    assert answered.status_code == 200
    listed = until(
        lambda: json.loads(gateway.command("dead", "list", "--json").stdout or "[]"),
        "the failure is listed",
    )
    assert [(one["connector"], one["error_code"]) for one in listed] == [("shopify", "bad_json")]
    shown = gateway.command("dead", "show", listed[0]["id"])
    assert '{"id": 1, "line_items": [' in shown.stdout
    discarded = gateway.command("dead", "discard", listed[0]["id"], "--reason", "cut off")
    assert discarded.returncode == 0, discarded.stderr
    assert gateway.audit()["all"]["receipts"]["discarded"] == 1


def _is_gone(path: Path) -> bool:
    return not path.exists()


def test_a_dropped_file_is_taken_archived_and_taken_once(gateway: Gateway) -> None:
    inbox = gateway.folder / "inbox"
    for name in ("monday.xml", "monday-again.xml"):
        (inbox / name).write_bytes(statement("A1", "A2"))
        until(partial(_is_gone, inbox / name), f"{name} is taken")

    until(lambda: len(gateway.entries("o2c.cash")) >= 2, "the entries are published")
    assert len(list((inbox / ".archive").iterdir())) == 2
    assert gateway.audit()["all"]["receipts"]["redelivered"] == 1
    assert len(gateway.entries("o2c.cash")) == 2


def test_a_bad_record_does_not_stop_the_others(gateway: Gateway) -> None:
    bad = (
        statement("A1", "A2", "A3")
        .replace(b">10.00<", b">ten<", 2)
        .replace(b">ten<", b">10.00<", 1)
    )
    (gateway.folder / "inbox" / "partly.xml").write_bytes(bad)

    until(lambda: len(gateway.entries("o2c.cash")) == 2, "the good entries are published")
    audit = gateway.audit()["all"]
    assert audit["receipts"]["translated"] == 1
    assert (audit["messages"]["published"], audit["messages"]["dead"]) == (2, 1)
    [dead] = json.loads(gateway.command("dead", "list", "--json").stdout)
    assert dead["error_code"] == "bad_amount"
    # A replay of the same bytes changes nothing and doubles nothing.
    assert gateway.command("dead", "replay", dead["id"]).returncode == 1
    assert len(gateway.entries("o2c.cash")) == 2
    assert gateway.audit()["all"]["messages"]["dead"] == 1


def test_everything_about_an_order_can_be_traced(gateway: Gateway) -> None:
    receipt = gateway.post(*shop_request(order())).json()["receipt"]
    until(lambda: gateway.entries("o2c.order"), "the order is on its stream")

    key = gateway.entries("o2c.order")[0]["idempotencykey"]
    for reference in ("#1001", "6120000001001", receipt, key):
        traced = gateway.command("trace", reference)
        assert traced.returncode == 0, f"{reference}: {traced.stdout}{traced.stderr}"
        assert "o2c.order.placed" in traced.stdout
        assert receipt in traced.stdout
    assert gateway.command("trace", "no-such-thing").returncode == 1


@ON_SQLITE
def test_the_documents_are_served(gateway: Gateway) -> None:
    with httpx.Client(base_url=gateway.address) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json() == {"store": True, "streams": True}
        openapi = client.get("/openapi.json").json()
        assert "/in/{connector}/{account}" in openapi["paths"]
        asyncapi = client.get("/asyncapi.json").json()
        assert asyncapi["channels"]["cash"]["address"] == "o2c.cash"
        index = client.get("/schemas/").json()["schemas"]
        assert "/schemas/o2c.order.placed/v1.json" in index
        assert all(client.get(path).status_code == 200 for path in index)
        gateway.post(*shop_request(order()))
        metrics = client.get("/metrics").text
    assert (
        'gateway_receipts_total{account="acme",connector="shopify",outcome="accepted"} 1.0'
        in metrics
    )


@ON_SQLITE
def test_tail_prints_what_is_on_a_stream(gateway: Gateway) -> None:
    gateway.post(*shop_request(order()))
    until(lambda: gateway.entries("o2c.order"), "the order is on its stream")

    tailed: subprocess.CompletedProcess[str] = gateway.command(
        "tail", "o2c.order", "--from", "0", "--no-follow", "--json"
    )

    assert tailed.returncode == 0, tailed.stderr
    assert json.loads(tailed.stdout)["type"] == "o2c.order.placed"
