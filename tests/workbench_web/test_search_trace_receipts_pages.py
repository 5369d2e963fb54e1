"""Search, trace, receipts and messages: what is found, linked, escaped and saved."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from datetime import UTC, datetime

import pytest

from store.ids import DEAD_LETTER, MESSAGE, RECEIPT, show_id
from tests.workbench_web.browsing import Browser, bearer, somebody
from tests.workbench_web.traffic import ORDER_BODY, Morning
from workbench.access.roles import Role
from workbench.web.site import Site


@pytest.fixture
async def morning(site: Site) -> Morning:
    return await Morning().happen(site.database)


@pytest.fixture
async def viewer(site: Site, browser: Browser, morning: Morning) -> Browser:
    site.clock.now = datetime.now(UTC)  # type: ignore[attr-defined]
    await browser.enter_as(await somebody(site, "ada", Role.VIEWER))
    return browser


async def test_a_party_is_found_and_its_order_is_linked(viewer: Browser, morning: Morning) -> None:
    shown = (await viewer.get("/workbench/search?q=muller")).text
    assert f"/workbench/messages/{show_id(MESSAGE, morning.order_message.row_id)}" in shown
    assert "Ágnes Müller" in shown
    assert "409.94" in shown


async def test_a_name_leads_to_the_chain(viewer: Browser) -> None:
    shown = (await viewer.get("/workbench/search?q=%230001")).text
    assert "By this very name" in shown
    assert "/workbench/trace?ref=%230001" in shown


@pytest.mark.parametrize(
    ("query", "fault"),
    [("amount_from=many", "is not an amount"), ("since=yesterday", "is no time")],
)
async def test_a_bad_filter_is_told_at_its_field(viewer: Browser, query: str, fault: str) -> None:
    answer = await viewer.get(f"/workbench/search?{query}")
    assert answer.status_code == 422
    assert fault in answer.text


async def test_nothing_found_says_what_to_do(viewer: Browser) -> None:
    assert "No message has all of this" in (await viewer.get("/workbench/search?q=zebra")).text


@pytest.mark.parametrize("reference", ["%230001", "pi_demo_1001", "wh-2"])
async def test_the_chain_crosses_systems(viewer: Browser, reference: str) -> None:
    shown = (await viewer.get(f"/workbench/trace?ref={reference}")).text
    assert "o2c.order.placed · order/600001 · 409.94 EUR · Ágnes Müller" in shown
    assert "o2c.payment.captured" in shown
    assert "shopify/acme" in shown
    assert "stripe/acme" in shown


async def test_one_system_of_a_chain(viewer: Browser) -> None:
    shown = (await viewer.get("/workbench/trace?ref=%230001&system=stripe/acme")).text
    assert "o2c.payment.captured" in shown
    assert "o2c.order.placed" not in shown


async def test_an_unknown_name_leads_to_search(viewer: Browser) -> None:
    shown = (await viewer.get("/workbench/trace?ref=nobody")).text
    assert "/workbench/search?q=nobody" in shown
    assert "What do you have in hand?" in (await viewer.get("/workbench/trace")).text


async def test_receipts_are_listed_and_filtered(viewer: Browser, morning: Morning) -> None:
    everything = (await viewer.get("/workbench/receipts")).text
    assert everything.count("data-row") == 5
    redelivered = (await viewer.get("/workbench/receipts?state=redelivered")).text
    assert redelivered.count("data-row") == 1
    assert show_id(RECEIPT, morning.again.receipt_id) in redelivered
    assert "Nothing fits" in (await viewer.get("/workbench/receipts?connector=nobody")).text


async def test_receipts_are_read_page_by_page(site: Site, viewer: Browser) -> None:
    headers = await bearer(site, Role.VIEWER)
    seen: list[str] = []
    after = ""
    while True:
        address = f"/api/v1/receipts?limit=2&after={after}"
        page = (await viewer.client.get(address, headers=headers)).json()
        seen += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert len(seen) == len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)


async def test_a_receipt_shows_everything(viewer: Browser, morning: Morning) -> None:
    shown = (
        await viewer.get(f"/workbench/receipts/{show_id(RECEIPT, morning.bad.receipt_id)}")
    ).text
    assert show_id(DEAD_LETTER, morning.problem.dead_letter_id) in shown
    first = (
        await viewer.get(f"/workbench/receipts/{show_id(RECEIPT, morning.order.receipt_id)}")
    ).text
    assert show_id(RECEIPT, morning.again.receipt_id) in first
    again = (
        await viewer.get(f"/workbench/receipts/{show_id(RECEIPT, morning.again.receipt_id)}")
    ).text
    assert "A redelivery" in again
    assert "not-for-you" not in first


async def test_a_payload_can_do_no_harm(viewer: Browser, morning: Morning) -> None:
    number = show_id(RECEIPT, morning.order.receipt_id)
    for path in ("", "/lines"):
        shown = (await viewer.get(f"/workbench/receipts/{number}{path}")).text
        assert "<script>alert" not in shown
        assert "\u202e" not in shown
        assert "\u001b" not in shown
    row = show_id(MESSAGE, morning.order_message.row_id)
    for path in (f"/workbench/messages/{row}", f"/workbench/messages/{row}/data"):
        shown = (await viewer.get(path)).text
        assert "&lt;script&gt;" in shown
        assert "<script>alert" not in shown


@pytest.mark.parametrize("prefix", ["/workbench", "/api/v1"])
async def test_the_bytes_are_only_saved(
    site: Site, viewer: Browser, morning: Morning, prefix: str
) -> None:
    number = show_id(RECEIPT, morning.again.receipt_id)
    answer = await viewer.get(
        f"{prefix}/receipts/{number}/payload", **await bearer(site, Role.VIEWER)
    )
    assert answer.content == ORDER_BODY
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_a_message_by_the_id_of_its_fact(viewer: Browser, morning: Morning) -> None:
    shown = (await viewer.get(f"/workbench/messages/{morning.order_message.message_id}")).text
    assert "order/600001" in shown
    assert "Other reports of this fact" in shown
    assert "/workbench/trace?ref=shopify/acme/order/600001" in shown


@pytest.mark.parametrize(
    "path",
    ["receipts/rcp_0000000000001", "messages/msg_0000000000001", "messages/nothing"],
)
async def test_what_is_not_there_is_not_found(viewer: Browser, path: str) -> None:
    assert (await viewer.get(f"/workbench/{path}")).status_code == 404


async def test_programs_find_the_same(site: Site, viewer: Browser, morning: Morning) -> None:
    headers = await bearer(site, Role.VIEWER)

    async def get(path: str) -> dict[str, object]:
        answer = await viewer.client.get(f"/api/v1/{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()
        return found

    found = await get("search?q=muller&currency=EUR")
    items = found["items"]
    assert isinstance(items, list)
    assert {one["state"] for one in items} == {"published", "conflict"}
    assert "data" not in items[0]
    traced = await get("trace?ref=pi_demo_1001")
    assert traced["whole"]
    receipt = await get(f"receipts/{show_id(RECEIPT, morning.bad.receipt_id)}")
    assert receipt["dead_letters"]
    one = await get(f"messages/{show_id(MESSAGE, morning.order_message.row_id)}")
    data = one["data"]
    assert isinstance(data, dict)
    assert data["order_id"] == "600001"


async def test_a_failure_becomes_a_fixture(site: Site, viewer: Browser, morning: Morning) -> None:
    number = show_id(RECEIPT, morning.bad.receipt_id)
    answer = await viewer.post(f"/workbench/receipts/{number}/fixture")
    assert answer.headers["content-disposition"].startswith("attachment;")
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    body = next(name for name in archive.namelist() if not name.endswith(".meta.json"))
    assert "ada@mail.example" not in archive.read(body).decode()
    meta = json.loads(archive.read(f"{body}.meta.json"))
    assert "authorization" not in meta["headers"]
    document = (
        await viewer.get(f"/api/v1/receipts/{number}/fixture", **await bearer(site, Role.VIEWER))
    ).json()
    assert document["replaced"] == {"email": 1}
    made = base64.b64decode(next(iter(document["files"].values())))
    assert b"@example.com" in made


async def test_a_payload_nobody_can_read_becomes_none(site: Site, viewer: Browser) -> None:
    from store.intake import inbox
    from tests.workbench_web.traffic import delivery

    one = delivery("wh-9", b"not json {")
    await site.database.write(lambda connection: inbox.accept(connection, [one]))
    answer = await viewer.post(f"/workbench/receipts/{show_id(RECEIPT, one.receipt_id)}/fixture")
    assert answer.status_code == 422
    assert "unscrubbable" in answer.text
