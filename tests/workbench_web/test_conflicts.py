"""Conflicts by page and by API: listed, side by side, decided once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.database import Database
from store.ids import MESSAGE, show_id
from tests.workbench.staging import order
from tests.workbench_web.browsing import Browser
from tests.workbench_web.staged import House, opened
from workbench.access.roles import Role
from workbench.mending.conflicts import list_judged

API = "/api/v1/conflicts"
PAGE = "/workbench/conflicts"


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(database, tmp_path) as house:
        yield house


@pytest.fixture
async def ada(house: House) -> Browser:
    return await house.enter("ada")


async def _conflicts(house: House, *numbers: int, **changes: str) -> list[str]:
    for number in numbers:
        await house.stage.receive(order(number))
        await house.stage.receive(order(number, **({"total": "99.00"} | changes)))
    rows = await list_judged(house.stage.bench)
    return [show_id(MESSAGE, one.row_id) for one in rows]


async def _token(browser: Browser) -> dict[str, str]:
    return {"x-csrf-token": await browser.form_token("/workbench/account")}


async def test_a_list_is_read_page_by_page_and_filtered(house: House, ada: Browser) -> None:
    known = await _conflicts(house, 1, 2, 3)
    first = (await ada.get(f"{API}?limit=2")).json()
    assert [one["id"] for one in first["items"]] == known[:2]
    rest = (await ada.get(f"{API}?limit=2&after={first['next']}")).json()
    assert ([one["id"] for one in rest["items"]], rest["next"]) == (known[2:], None)
    assert (await ada.get(f"{API}?connector=stripe")).json()["items"] == []
    page = (await ada.get(f"{PAGE}?limit=2")).text
    assert re.findall(rf'href="{PAGE}/(msg_\w+)"', page) == known[:2]
    assert f"after={first['next']}" in page
    assert "Nothing fits this filter" in (await ada.get(f"{PAGE}?connector=stripe")).text


async def test_both_sides_are_shown(house: House, ada: Browser) -> None:
    (shown_id,) = await _conflicts(house, 1)
    told = (await ada.get(f"{API}/{shown_id}")).json()
    differences = {one["path"]: (one["old"], one["new"]) for one in told["differences"]}
    assert differences["totals.total.amount"] == ("120.00", "99.00")
    assert told["known"]["receipt"] != told["reported"]["receipt"]
    assert told["known"]["data"]["totals"]["total"]["amount"] == "120.00"
    page = (await ada.get(f"{PAGE}/{shown_id}")).text
    for side in ("known", "reported"):
        assert f"/workbench/receipts/{told[side]['receipt']}" in page
    assert (await ada.get(f"{API}/msg_0000000000000")).status_code == 404
    assert (await ada.get(f"{PAGE}/nothing")).status_code == 422


async def test_accepted_by_page_it_is_published_as_a_correction(house: House, ada: Browser) -> None:
    (shown_id,) = await _conflicts(house, 1)
    form = {"decision": "accepted", "reason": "the shop says so"}
    assert (await ada.post(f"{PAGE}/{shown_id}/decision", form)).status_code == 303
    await house.stage.settle()
    assert [row.key.endswith("/correction/1") for row in house.stage.streams.rows] == [False, True]
    assert "Accepted: it is being published as a correction." in (await ada.get(PAGE)).text
    decided = (await ada.get(f"{PAGE}?verdict=decided")).text
    assert shown_id in decided
    assert "the shop says so" in decided
    assert await house.stage.proves_itself()


@pytest.mark.parametrize("form", [{"decision": "accepted"}, {"reason": "so"}, {"decision": "x"}])
async def test_a_decision_without_a_reason_is_asked_again(
    house: House, ada: Browser, form: dict[str, str]
) -> None:
    (shown_id,) = await _conflicts(house, 1)
    answer = await ada.post(f"{PAGE}/{shown_id}/decision", form)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert len(await list_judged(house.stage.bench)) == 1


async def test_of_two_people_one_decides_and_the_other_is_told(house: House, ada: Browser) -> None:
    grace = await house.enter("grace")
    (shown_id,) = await _conflicts(house, 1)
    sent = {"decision": "kept_first", "reason": "a typo"}
    address = f"{API}/{shown_id}/decision"
    made = await ada.client.post(address, json=sent, headers=await _token(ada))
    assert (made.status_code, made.json()["actor"]) == (201, "ada")
    late = await grace.client.post(address, json=sent, headers=await _token(grace))
    assert (late.status_code, late.json()["code"]) == (409, "decided_already")
    assert "ada" in late.json()["detail"]
    assert (await grace.post(f"{PAGE}/{shown_id}/decision", sent)).status_code == 409
    assert len(house.stage.streams.rows) == 1


async def test_viewers_look_and_operators_decide(house: House) -> None:
    eve = await house.enter("eve", Role.VIEWER)
    (shown_id,) = await _conflicts(house, 1)
    page = (await eve.get(f"{PAGE}/{shown_id}")).text
    assert "/decision" not in page
    refused = await eve.post(f"{PAGE}/{shown_id}/decision", {"decision": "discarded"})
    assert refused.status_code == 403


async def test_stale_and_duplicate_messages_are_found(house: House, ada: Browser) -> None:
    newer = {"updated_at": "2026-03-02T12:00:00Z"}
    await house.stage.receive(order(1, **newer))
    await house.stage.receive(order(1), "orders/updated")
    await house.stage.receive(order(1, **newer), "orders/updated")
    for verdict in ("stale", "duplicate"):
        (found,) = (await ada.get(f"{API}?verdict={verdict}")).json()["items"]
        assert found["verdict"] == verdict
        assert (
            f"/workbench/messages/{found['id']}"
            in (await ada.get(f"{PAGE}?verdict={verdict}")).text
        )


async def test_what_a_payload_says_is_text_and_nothing_else(house: House, ada: Browser) -> None:
    hostile = "<script>alert(1)</script>\u202e\x1b[31m\"'{{7*7}}"
    lines = [
        {"id": 1, "sku": hostile, "title": hostile, "quantity": 1, "price": "99.00"}
    ]  # fmt: skip
    (shown_id,) = await _conflicts(house, 1, line_items=lines)  # type: ignore[arg-type]
    page = (await ada.get(f"{PAGE}/{shown_id}")).text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page


async def test_the_description_has_examples(ada: Browser) -> None:
    paths = (await ada.get("/api/v1/openapi.json")).json()
    for path, name in ((API, "NewDecision"), ("/api/v1/proposals", "ShownProposal")):
        assert path in paths["paths"]
        assert paths["components"]["schemas"][name]["examples"]
