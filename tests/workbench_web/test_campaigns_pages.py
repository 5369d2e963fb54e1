"""Campaigns by page, by stream and by API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from fastapi import Request

from canonical.errors import Malformed
from store.database import Database
from store.ids import parse_id, show_id
from store.mending.campaigns import CAMPAIGN
from store.mending.failure_groups import GROUP
from tests.workbench.staging import accepting
from tests.workbench_web.browsing import Browser
from tests.workbench_web.failing import Desk, desk_over, opened_stage
from workbench.access.roles import Role
from workbench.web.access import Principal
from workbench.web.pages import campaigns as pages
from workbench.web.pages.campaigns import read_rate, read_stages
from workbench.web.paging import Paging


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    """A workbench over a working pipeline, on either engine."""
    async with opened_stage(database, tmp_path) as stage, desk_over(stage) as opened:
        yield opened


async def _headers(browser: Browser) -> dict[str, str]:
    return {"x-csrf-token": await browser.form_token("/workbench/account")}


async def test_a_group_is_replayed_by_page(desk: Desk) -> None:
    group = await desk.stage.fail(range(5))
    await desk.stage.renew(accepting("ZZZ"))
    desk.renew_bench()
    ada = await desk.person("ada", Role.OPERATOR)
    assert "No campaigns" in (await ada.get("/workbench/campaigns")).text
    page = f"/workbench/groups/{show_id(GROUP, group.group_id)}"
    form = {"reason": "the currency is mapped", "stages": "1 2", "per_second": "5"}
    started = await ada.post(f"{page}/replay", form)
    campaign = started.headers["location"]
    shown = (await ada.get(campaign)).text
    assert "5 a second" in shown
    assert "Nothing released yet" in shown
    again = await ada.post(f"{page}/replay", form)
    assert again.status_code == 409
    await ada.post(f"{campaign}/pause")
    late = await ada.post(f"{campaign}/pause")
    assert late.status_code == 409
    assert "The campaign is paused" in late.text
    await ada.post(f"{campaign}/resume")
    number = parse_id(CAMPAIGN, campaign.rsplit("/", 1)[1])
    assert (await desk.stage.run_campaign(number)).state == "done"
    over = (await ada.get(f"{campaign}?state=succeeded")).text
    assert over.count('<tr data-row id="dl_') == 5
    assert "5 of 5" in over
    assert "Cancel campaign" not in over
    assert "100 %" in (await ada.get("/workbench/campaigns")).text
    assert "Next page" in (await ada.get(f"{campaign}?limit=2")).text
    assert (await ada.get(f"{campaign}?state=x")).status_code == 422
    assert await desk.stage.proves_itself()


async def test_it_stops_and_says_why(desk: Desk) -> None:
    group = await desk.stage.fail(range(3))
    ada, vera = await desk.person("ada", Role.OPERATOR), await desk.person("vera", Role.VIEWER)
    page = f"/workbench/groups/{show_id(GROUP, group.group_id)}"
    started = await ada.post(f"{page}/replay", {"reason": "let us see", "stages": "1"})
    campaign = started.headers["location"]
    await desk.stage.run_campaign(parse_id(CAMPAIGN, campaign.rsplit("/", 1)[1]))
    shown = (await ada.get(campaign)).text
    assert "It stopped by itself" in shown
    assert ">Resume<" in shown
    seen = (await vera.get(campaign)).text
    assert "It stopped by itself" in seen
    assert ">Resume<" not in seen
    assert (await vera.post(f"{campaign}/resume")).status_code == 403


async def test_campaigns_by_program(desk: Desk) -> None:
    group = await desk.stage.fail(range(3))
    ada = await desk.person("ada", Role.OPERATOR)
    headers, client = await _headers(ada), ada.client
    wish = {"group": show_id(GROUP, group.group_id), "reason": "mapped", "stages": [1, 1]}
    started = await client.post("/api/v1/campaigns", json=wish, headers=headers)
    assert (started.status_code, started.json()["stages"]) == (201, [1, 1])
    address = f"/api/v1/campaigns/{started.json()['id']}"
    busy = await client.post("/api/v1/campaigns", json=wish, headers=headers)
    assert (busy.status_code, busy.json()["code"]) == (409, "campaign_under_way")
    paused = await client.post(f"{address}/pause", headers=headers)
    assert paused.json()["state"] == "paused"
    wrong = await client.post(f"{address}/pause", headers=headers)
    assert (wrong.status_code, wrong.json()["code"]) == (409, "campaign_state")
    await client.post(f"{address}/resume", headers=headers)
    await desk.stage.run_campaign(parse_id(CAMPAIGN, started.json()["id"]))
    (item,) = (await client.get(f"{address}/items")).json()["items"]
    assert (item["state"], item["error_code"]) == ("failed", "unknown_currency")
    assert (await client.get(f"{address}/items?state=succeeded")).json()["items"] == []
    stopped = (await client.get(address)).json()
    assert (stopped["state"], stopped["failed"], stopped["outstanding"]) == ("stopped", 1, 0)
    listed = (await client.get(f"/api/v1/campaigns?group={wish['group']}")).json()["items"]
    assert [one["id"] for one in listed] == [stopped["id"]]
    ended = await client.post(f"{address}/cancel", headers=headers)
    assert ended.json()["state"] == "cancelled"
    for bad in ({"stages": [0]}, {"threshold_percent": 101}, {"per_second": 0}, {"reason": ""}):
        answer = await client.post("/api/v1/campaigns", json=wish | bad, headers=headers)
        assert answer.status_code == 422
    unknown = await client.get("/api/v1/campaigns/cmp_0000000000000")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_campaign")


async def test_whoever_watches_sees_it_move(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LOOK_S", 0)
    group = await desk.stage.fail(range(2))
    ada = await desk.person("ada", Role.OPERATOR)
    page = f"/workbench/groups/{show_id(GROUP, group.group_id)}"
    started = await ada.post(f"{page}/replay", {"reason": "let us see", "stages": "1"})
    number = parse_id(CAMPAIGN, started.headers["location"].rsplit("/", 1)[1])
    scope = {
        "type": "http", "method": "GET", "path": "/workbench/campaigns/x/stream", "headers": [],
        "query_string": b"", "app": desk.app, "server": ("gateway.example", 80), "scheme": "http",
    }  # fmt: skip
    request = Request(scope)
    request.state.who = Principal(
        by="vera", display_name="Vera", roles=(Role.VIEWER,), user_id=None
    )
    async with aclosing(
        pages._changes(request, desk.stage.bench, number, Paging(None, 50), "")
    ) as events:
        assert "0 of 2" in (await anext(events)).data
        await desk.stage.run_campaign(number)
        assert "stopped" in (await anext(events)).data


def test_stages_and_rates_are_read_strictly() -> None:
    assert read_stages("1, 5,50") == (1, 5, 50)
    assert read_stages(" ") == ()
    assert (read_rate(""), read_rate(" 20 ")) == (None, 20)
    for wrong in ("1; 2", "-1", "1.5", "٣", "9" * 12, " ".join("1" * 11)):
        with pytest.raises(Malformed):
            read_stages(wrong)
    for wrong in ("x", "-1", "1.5", "9" * 12):
        with pytest.raises(Malformed):
            read_rate(wrong)
