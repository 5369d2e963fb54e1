"""Groups by page and by API: lists, filters, who changes what, and who is told."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from store.database import Database
from store.ids import show_id
from store.mending.failure_groups import GROUP
from tests.workbench.staging import order
from tests.workbench_web.browsing import Browser, bearer
from tests.workbench_web.failing import NASTY, Desk, desk_over, opened_stage
from workbench.access.roles import Role


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    """A workbench over a working pipeline, on either engine."""
    async with opened_stage(database, tmp_path) as stage, desk_over(stage) as opened:
        yield opened


async def _group(desk: Desk) -> str:
    (group, *_) = await desk.stage.groups()
    return show_id(GROUP, group.group_id)


async def _headers(browser: Browser) -> dict[str, str]:
    return {"x-csrf-token": await browser.form_token("/workbench/account")}


async def test_nothing_has_failed(desk: Desk) -> None:
    viewer = await desk.person("vera", Role.VIEWER)
    shown = (await viewer.get("/workbench/failures")).text
    assert "No failures" in shown
    assert "What fails will be grouped here" in shown
    assert "Nothing fits" in (await viewer.get("/workbench/failures?text=x")).text
    assert "muted" in (await viewer.get("/workbench/failures?state=muted")).text
    assert (await viewer.get("/api/v1/failure-groups")).json() == {"items": [], "next": None}


async def test_groups_are_filtered_and_switched(desk: Desk) -> None:
    await desk.stage.fail([1, 2])
    await desk.stage.receive(order(3, created_at="yesterday"))
    viewer = await desk.person("vera", Role.VIEWER)

    async def codes(query: str = "") -> list[str]:
        answer = await viewer.get(f"/api/v1/failure-groups{query}")
        return [one["error_code"] for one in answer.json()["items"]]

    assert set(await codes()) == {"unknown_currency", "bad_time"}
    assert await codes("?sort=largest") == ["unknown_currency", "bad_time"]
    assert await codes("?text=CURR") == ["unknown_currency"]
    assert await codes("?text=created") == ["bad_time"]
    assert await codes("?connector=stripe") == []
    assert await codes("?owner=ada") == []
    assert await codes("?overdue=true") == []
    assert await codes("?state=resolved") == []
    assert set(await codes("?by=text")) == {""}
    desk.stage.clock.ahead += timedelta(hours=25)
    viewer = await desk.person("vivian", Role.VIEWER)
    assert set(await codes("?overdue=true")) == {"unknown_currency", "bad_time"}
    page = (await viewer.get("/workbench/failures?overdue=true&by=code")).text
    assert page.count("overdue 1 h") == 2
    for odd in ("owner", "connector", "text"):
        assert await codes(f"?{odd}=%00%ff%27%E2%80%AE") == []
    for wrong in ("?by=colour", "?state=x", "?after=x", "?after=1.grp_0", "?sort=x"):
        assert (await viewer.get(f"/api/v1/failure-groups{wrong}")).status_code == 422


@pytest.mark.parametrize("query", ["", "&text=line_items", "&sort=largest"])
async def test_groups_are_read_page_by_page(desk: Desk, query: str) -> None:
    for number in range(4):
        broken = order(number)
        broken["line_items"][0][("price", "quantity", "id", "sku")[number]] = {}
        await desk.stage.receive(broken)
    viewer = await desk.person("vera", Role.VIEWER)
    everything = (await viewer.get(f"/api/v1/failure-groups?limit=50{query}")).json()["items"]
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = (await viewer.get(f"/api/v1/failure-groups?limit=1{query}{after}")).json()
        seen += [one["id"] for one in page["items"]]
        after = None if page["next"] is None else f"&after={page['next']}"
    assert seen == [one["id"] for one in everything]
    assert len(seen) >= 2
    shown = (await viewer.get(f"/workbench/groups/rows?limit=1{query}")).text
    assert "/workbench/failures?limit=1" in shown


async def test_viewers_see_and_operators_act(desk: Desk) -> None:
    await desk.stage.fail([1])
    group = await _group(desk)
    viewer = await desk.person("vera", Role.VIEWER)
    approver = await desk.person("grace", Role.APPROVER)
    operator = await desk.person("ada", Role.OPERATOR)
    for path in ("/workbench/failures", f"/workbench/groups/{group}"):
        for reader in (viewer, approver):
            shown = (await reader.get(path)).text
            assert "unknown_currency" in shown
            assert "Replay" not in shown
            assert "Discard" not in shown
        assert "Replay" in (await operator.get(path)).text
    for name in ("change", "state", "notes", "discard", "replay", "patch", "patch/preview"):
        refused = await viewer.post(f"/workbench/groups/{group}/{name}")
        assert refused.status_code == 403
    assert len(await desk.stage.letters()) == 1


async def test_of_two_people_one_wins_and_the_other_is_told(desk: Desk) -> None:
    await desk.stage.fail([1])
    group = await _group(desk)
    ada, grace = await desk.person("ada", Role.OPERATOR), await desk.person("grace", Role.ADMIN)
    page = f"/workbench/groups/{group}"
    revision = re.search(r'name="revision" value="(\d+)"', (await ada.get(page)).text)
    assert revision is not None
    form = {"revision": revision[1], "severity": "high", "owner": "ada", "tags": "vat, export"}
    assert (await ada.post(f"{page}/change", form)).status_code == 303
    late = await grace.post(f"{page}/change", form | {"owner": "grace", "severity": "low"})
    assert late.status_code == 409
    assert "Somebody changed it: ada" in late.text
    assert "severity high" in late.text
    program = await grace.client.patch(
        f"/api/v1/failure-groups/{group}",
        json={"revision": int(revision[1]), "severity": "low"},
        headers=await _headers(grace),
    )
    assert (program.status_code, program.json()["code"]) == (409, "changed_meanwhile")
    assert program.headers["content-type"] == "application/problem+json"
    told = (await grace.get(f"/api/v1/failure-groups/{group}")).json()
    assert (told["owner"], told["severity"], told["tags"]) == ("ada", "high", ["vat", "export"])


async def test_a_group_is_changed_by_program(desk: Desk) -> None:
    await desk.stage.fail([1])
    group = await _group(desk)
    client = desk.open_browser().client
    headers = await bearer(desk.site, Role.OPERATOR)
    address = f"/api/v1/failure-groups/{group}"

    async def change(revision: int, **values: object) -> dict[str, object]:
        answer = await client.patch(address, json={"revision": revision, **values}, headers=headers)
        assert answer.status_code == 200, answer.text
        document: dict[str, object] = answer.json()
        return document

    first = (await client.get(address, headers=headers)).json()
    seen = await change(first["revision"], owner="ada", due_at="2030-01-01T00:00:00+02:00")
    assert (seen["owner"], seen["due_at"]) == ("ada", "2029-12-31T22:00:00Z")
    seen = await change(int(str(seen["revision"])), owner=None)
    assert seen["owner"] is None
    noted = await client.post(f"{address}/notes", json={"text": NASTY}, headers=headers)
    assert (noted.status_code, noted.json()["items"][0]["author"]) == (201, "token:test")
    muted = await change(int(str(seen["revision"])), state="muted", reason="known, waits for May")
    assert (muted["state"], muted["due_at"]) == ("muted", None)
    wrong = await client.patch(address, json={"revision": 1, "state": "gone"}, headers=headers)
    assert wrong.json()["code"] == "invalid_request"
    nothing = await client.get("/api/v1/failure-groups/grp_0000000000000", headers=headers)
    assert (nothing.status_code, nothing.json()["code"]) == (404, "unknown_group")


async def test_notes_and_states_by_page(desk: Desk) -> None:
    await desk.stage.fail([1])
    group = await _group(desk)
    ada = await desk.person("ada", Role.OPERATOR)
    page = f"/workbench/groups/{group}"
    await ada.post(f"{page}/notes", {"text": f"first\r\nsecond {NASTY}"})
    shown = (await ada.get(page)).text
    assert "first\nsecond" in shown
    assert "<script>alert" not in shown
    assert (await ada.post(f"{page}/notes", {"text": " "})).status_code == 422
    unexplained = await ada.post(f"{page}/state", {"revision": "0", "state": "resolved"})
    assert unexplained.status_code == 422
    assert "Closing a group needs a reason" in unexplained.text
    bad = {"revision": "0", "severity": "normal", "due": "tomorrow"}
    assert "This is no time" in (await ada.post(f"{page}/change", bad)).text


async def test_a_group_is_discarded(desk: Desk) -> None:
    await desk.stage.fail([1, 2, 3])
    group = await _group(desk)
    ada = await desk.person("ada", Role.OPERATOR)
    page = f"/workbench/groups/{group}"
    without = await ada.post(f"{page}/discard", {"reason": "other"})
    assert without.status_code == 422
    assert "other needs words" in without.text
    await ada.post(f"{page}/discard", {"reason": "test_data", "text": "load test"})
    shown = await ada.get(f"{page}?state=discarded")
    assert shown.text.count("test_data: load test") == 3
    assert "Nothing is open" in (await ada.get(page)).text
    listed = (await ada.get(f"/api/v1/failure-groups/{group}/failures?state=discarded")).json()
    assert {one["closed_by"] for one in listed["items"]} == {"ada"}
    assert await desk.stage.proves_itself()


async def test_the_failures_of_a_group_page_by_page(desk: Desk) -> None:
    await desk.stage.fail(range(5))
    group = await _group(desk)
    viewer = await desk.person("vera", Role.VIEWER)
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        address = f"/api/v1/failure-groups/{group}/failures?limit=2{after}"
        page = (await viewer.get(address)).json()
        seen += [one["id"] for one in page["items"]]
        after = None if page["next"] is None else f"&after={page['next']}"
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 5
    shown = (await viewer.get(f"/workbench/groups/{group}?limit=2")).text
    assert "Next page" in shown
    for query in ("connector=%00", "account=%00", "code=%00", "stage=%00"):
        assert (await viewer.get(f"/api/v1/failures?{query}")).json()["items"] == []
    assert (await viewer.get(f"/workbench/groups/{group}?state=x")).status_code == 422


async def test_the_api_is_described(desk: Desk) -> None:
    viewer = await desk.person("vera", Role.VIEWER)
    document = (await viewer.get("/api/v1/openapi.json")).json()
    paths = document["paths"]
    for path in (
        "/failure-groups", "/failure-groups/{shown_id}", "/failure-groups/{shown_id}/notes",
        "/failure-groups/{shown_id}/failures", "/failure-groups/{shown_id}/discard",
        "/failure-groups/{shown_id}/patch-preview", "/failures", "/failures/{shown_id}",
        "/failures/{shown_id}/payload", "/failures/{shown_id}/dry-run",
        "/failures/{shown_id}/replay", "/failures/{shown_id}/discard",
        "/failures/{shown_id}/lease", "/failures/{shown_id}/edits/try",
        "/failures/{shown_id}/edits", "/campaigns", "/campaigns/{shown_id}",
        "/campaigns/{shown_id}/items", "/campaigns/{shown_id}/pause",
        "/campaigns/{shown_id}/resume", "/campaigns/{shown_id}/cancel",
    ):  # fmt: skip
        assert f"/api/v1{path}" in paths
    schemas = document["components"]["schemas"]
    assert all("example" in schemas[name] for name in ("ChangedGroup", "NewCampaign", "PatchWish"))
