"""Four eyes by page and by API: the queue, all that would change, one decision."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from store.access.proposals import PROPOSAL
from store.database import Database
from store.ids import parse_id, show_id
from store.mending.campaigns import CAMPAIGN
from tests.workbench.staging import order
from tests.workbench_web.browsing import Browser, bearer
from tests.workbench_web.staged import House, opened
from workbench.access.roles import Role
from workbench.mending.campaigns import start_campaign
from workbench.mending.editing import edit

API = "/api/v1/proposals"
PAGE = "/workbench/proposals"


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(database, tmp_path) as house:
        yield house


@pytest.fixture
async def ada(house: House) -> Browser:
    return await house.enter("ada")


@pytest.fixture
async def grace(house: House) -> Browser:
    return await house.enter("grace", Role.APPROVER)


async def _proposed(house: House, number: int = 1, *, by: str = "ada", note: str = "") -> str:
    """An edit of an order's currency that waits for a second person."""
    await house.stage.fail([number], note=note)
    letter = (await house.stage.letters())[0].dead_letter_id
    body = json.dumps(order(number, note=note)).encode()
    done = await edit(house.stage.bench, letter, body, actor=by, reason="no such currency")
    assert done.proposal is not None
    return show_id(PROPOSAL, done.proposal.proposal_id)


async def _call(browser: Browser, path: str, body: Any = None) -> Any:
    headers = {"x-csrf-token": await browser.form_token("/workbench/account")}
    return await browser.client.post(path, json=body, headers=headers)


async def test_the_queue_is_of_those_that_others_made(house: House, grace: Browser) -> None:
    first, second = [await _proposed(house, number) for number in (1, 2)]
    root = await house.enter("root", Role.ADMIN)
    mine = await _proposed(house, 3, by="root")
    shown = (await root.get(PAGE)).text
    assert first in shown
    assert second in shown
    assert mine not in shown
    assert mine in (await root.get(f"{PAGE}?show=mine")).text
    assert mine in (await root.get(f"{PAGE}?show=open")).text
    waiting = (await root.get(f"{API}?waiting=true&limit=1")).json()
    assert [one["id"] for one in waiting["items"]] == [second]
    rest = (await root.get(f"{API}?waiting=true&limit=1&after={waiting['next']}")).json()
    assert ([one["id"] for one in rest["items"]], rest["next"]) == ([first], None)


async def test_the_header_tells_how_many_wait(house: House, ada: Browser, grace: Browser) -> None:
    assert f'hx-get="{PAGE}/waiting"' in (await grace.get(PAGE)).text
    assert (await grace.get(f"{PAGE}/waiting")).text.strip() == ""
    await _proposed(house)
    assert ">1<" in (await grace.get(f"{PAGE}/waiting")).text
    assert (await ada.get(f"{PAGE}/waiting")).text.strip() == ""


async def test_an_edit_is_seen_whole_and_carried_out(house: House, grace: Browser) -> None:
    shown_id = await _proposed(house)
    told = (await grace.get(f"{API}/{shown_id}")).json()
    assert told["edit"]["before"]["outcome"] == "dead"
    assert told["edit"]["after"]["outcome"] == "translated"
    assert {one["kind"] for one in told["edit"]["lines"]["lines"]} >= {"removed", "added"}
    page = (await grace.get(f"{PAGE}/{shown_id}")).text
    assert "ZZZ" in page
    assert "totals.total.amount" in page
    approved = await grace.post(f"{PAGE}/{shown_id}/approve", {"reason": "as invoiced"})
    assert approved.status_code == 303
    await house.stage.settle()
    assert len(house.stage.streams.rows) == 1
    assert await house.stage.letters() == []
    decided = (await grace.get(f"{PAGE}/{shown_id}")).text
    assert "approved, and carried out" in decided
    assert "as invoiced" in decided
    assert await house.stage.proves_itself()


async def test_nobody_decides_on_their_own(house: House) -> None:
    root = await house.enter("root", Role.ADMIN)
    shown_id = await _proposed(house, by="root")
    page = (await root.get(f"{PAGE}/{shown_id}")).text
    assert "You proposed this: somebody else decides." in page
    assert "/approve" not in page
    refused = await _call(root, f"{API}/{shown_id}/approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "four_eyes")
    assert house.stage.streams.rows == []


async def test_operators_and_programs_do_not_decide(house: House, ada: Browser) -> None:
    shown_id = await _proposed(house)
    grace = await house.enter("grace")
    assert (await _call(grace, f"{API}/{shown_id}/approve")).status_code == 403
    program = await bearer(house.site, Role.APPROVER)
    refused = await ada.client.post(f"{API}/{shown_id}/approve", headers=program)
    assert (refused.status_code, refused.json()["code"]) == (403, "person_required")


async def test_of_two_approvers_one_decides(house: House, grace: Browser) -> None:
    edsger = await house.enter("edsger", Role.APPROVER)
    shown_id = await _proposed(house)
    said_no = await _call(grace, f"{API}/{shown_id}/reject", {"reason": "ask the shop"})
    assert said_no.json()["state"] == "rejected"
    late = await _call(edsger, f"{API}/{shown_id}/approve")
    assert (late.status_code, late.json()["code"]) == (409, "already_decided")
    assert len(await house.stage.letters()) == 1
    assert "ask the shop" in (await edsger.get(f"{PAGE}?show=rejected")).text


async def test_no_needs_a_reason(house: House, grace: Browser) -> None:
    shown_id = await _proposed(house)
    assert (await grace.post(f"{PAGE}/{shown_id}/reject", {"reason": " "})).status_code == 422
    assert (await _call(grace, f"{API}/{shown_id}/reject", {"reason": ""})).status_code == 422
    assert (await grace.get(f"{API}/{shown_id}")).json()["state"] == "open"


async def test_it_is_taken_back_by_who_made_it(house: House, ada: Browser) -> None:
    other = await house.enter("eve")
    shown_id = await _proposed(house)
    assert (await _call(other, f"{API}/{shown_id}/withdraw")).status_code == 403
    assert (await ada.post(f"{PAGE}/{shown_id}/withdraw")).status_code == 303
    assert (await ada.get(f"{API}/{shown_id}")).json()["state"] == "withdrawn"


async def test_what_was_mended_meanwhile_is_not_carried_out(house: House, grace: Browser) -> None:
    shown_id = await _proposed(house)
    await house.stage.receive(order(1))
    (letter,) = await house.stage.letters()
    body = json.dumps(order(1)).encode()
    other = await edit(
        house.stage.bench, letter.dead_letter_id, body, actor="eve", reason="the same"
    )
    assert other.proposal is not None
    first = show_id(PROPOSAL, other.proposal.proposal_id)
    assert (await _call(grace, f"{API}/{first}/approve")).status_code == 200
    late = await _call(grace, f"{API}/{shown_id}/approve")
    assert late.status_code == 409
    page = (await grace.get(f"{PAGE}/{shown_id}")).text
    assert "meanwhile" in page
    assert (await grace.get(f"{API}/{shown_id}")).json()["state"] == "open"


async def test_a_patch_is_seen_on_samples_and_its_group_let_go(
    house: House, grace: Browser
) -> None:
    group = await house.stage.fail([1, 2])
    rule = {"form": "text", "op": "replace", "old": "ZZZ", "new": "EUR"}

    async def propose() -> str:
        started = await start_campaign(
            house.stage.bench, group.group_id, actor="ada", reason="a patch", rule=rule
        )
        assert started.proposal is not None
        return show_id(PROPOSAL, started.proposal.proposal_id)

    first = await propose()
    told = (await grace.get(f"{API}/{first}")).json()
    assert told["patch"]["preview"]["total"] == 2
    page = (await grace.get(f"{PAGE}/{first}")).text
    assert "Tried on 2 of 2" in page
    await _call(grace, f"{API}/{first}/reject", {"reason": "not all of them"})
    second = await propose()
    approved = await _call(grace, f"{API}/{second}/approve", {"reason": "now"})
    assert approved.json()["state"] == "applied"
    campaign_id = parse_id(CAMPAIGN, approved.json()["target"])
    done = await house.stage.run_campaign(campaign_id)
    assert (done.state, done.succeeded) == ("done", 2)
    assert await house.stage.proves_itself()


async def test_what_an_edit_says_is_text_and_nothing_else(house: House, grace: Browser) -> None:
    shown_id = await _proposed(house, note="</span><script>alert(1)</script>\u202e\x1b[31m")
    page = (await grace.get(f"{PAGE}/{shown_id}")).text
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page


async def test_what_is_not_there(grace: Browser) -> None:
    assert (await grace.get(f"{API}/prp_0000000000000")).status_code == 404
    assert (await grace.get(f"{PAGE}/nothing")).status_code == 422
