"""One failure by page and by API: payloads of every kind, replays, discards, notes, two people."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.database import Database
from tests.workbench.staging import accepting, order
from tests.workbench_web.browsing import Browser
from tests.workbench_web.failing import NASTY, Desk, body, desk_over, opened_stage
from workbench.access.roles import Role

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    """A workbench over a working pipeline, on either engine."""
    async with opened_stage(database, tmp_path) as stage, desk_over(stage) as opened:
        yield opened


async def _headers(browser: Browser) -> dict[str, str]:
    return {"x-csrf-token": await browser.form_token("/workbench/account")}


async def _only(desk: Desk, browser: Browser) -> str:
    (one,) = (await browser.get("/api/v1/failures")).json()["items"]
    return str(one["id"])


async def test_the_error_is_marked_in_the_payload(desk: Desk) -> None:
    await desk.stage.receive(body(1, currency="ZZZ").encode())
    viewer = await desk.person("vera", Role.VIEWER)
    failure = await _only(desk, viewer)
    shown = (await viewer.get(f"/workbench/failures/{failure}")).text
    marked = re.findall(r'<li class="marked".*?</li>', shown, re.DOTALL)
    assert len(marked) == 1
    assert "unknown_currency" in marked[0]
    told = (await viewer.get(f"/api/v1/failures/{failure}/payload")).json()
    assert (told["form"], told["exact"]) == ("json", True)
    (line,) = (one for one in told["lines"] if one["marked"])
    assert "price" in line["text"]
    detail = (await viewer.get(f"/api/v1/failures/{failure}")).json()
    assert (detail["error_code"], detail["attempts"], detail["is_replaying"]) == (
        "unknown_currency", 1, False,
    )  # fmt: skip
    assert detail["tries"][0]["outcome"] == "failed"


async def test_long_payloads_are_paged(desk: Desk) -> None:
    lines = [{"id": number, "title": f"line {number}"} for number in range(900)]
    broken = order(1, currency="ZZZ", note_attributes=lines)
    await desk.stage.receive(json.dumps(broken).encode())
    viewer = await desk.person("vera", Role.VIEWER)
    failure = await _only(desk, viewer)
    first = (await viewer.get(f"/workbench/failures/{failure}/payload?offset=0")).text
    assert first.count("<li") == 200
    assert f"/workbench/failures/{failure}/payload?offset=200" in first
    assert "To the error" in first or 'class="marked"' in first
    beyond = await viewer.get(f"/workbench/failures/{failure}/payload?offset=99999999")
    assert "ends before this" in beyond.text
    for wrong in ("offset=-1", "offset=x", "limit=0", "limit=1001"):
        address = f"/api/v1/failures/{failure}/payload?{wrong}"
        assert (await viewer.get(address)).status_code == 422


@pytest.mark.parametrize(
    "payload",
    [
        f'{{"id": "{NASTY}", "currency": '.encode(),
        b"\x00\x01\x02\xff\xfe" * 4000,
        b"<a><![CDATA[</textarea><script>alert(1)</script>]]></a>",
        "\u202e\u2066{\x1b]0;owned\x07".encode(),
        b'{"a":' * 20_000,
        b"ISA*00*<script>alert(1)</script>*~",
        b'{"x": "' + b"y" * 3_000_000 + b'"',
    ],
    ids=["html", "binary", "xml", "terminal", "deep", "edi", "one long line"],
)
async def test_whatever_comes_harms_nobody(desk: Desk, payload: bytes) -> None:
    await desk.stage.receive(payload)
    ada = await desk.person("ada", Role.OPERATOR)
    failure = await _only(desk, ada)
    address = f"/workbench/failures/{failure}"
    await ada.post(f"{address}/edit/begin")
    for path in (address, f"{address}/payload?offset=0", f"{address}/dry-run", f"{address}/edit"):
        shown = await ada.get(path)
        assert shown.status_code == 200, path
        assert "<script>alert" not in shown.text
        assert not CONTROL.search(shown.text)
        assert len(shown.content) < 1_000_000
    told = await ada.get(f"/api/v1/failures/{failure}/payload")
    assert not any(CONTROL.search(one["text"]) for one in told.json()["lines"])


async def test_a_million_fields_and_eight_mebibytes(desk: Desk) -> None:
    many = b'{"id": 1, "currency": "ZZZ", "x": {' + b",".join(
        b'"f%d": 1' % number for number in range(700_000)
    )
    await desk.stage.receive(many[: 8 * 1024 * 1024])
    ada = await desk.person("ada", Role.OPERATOR)
    failure = await _only(desk, ada)
    shown = await ada.get(f"/workbench/failures/{failure}")
    assert shown.text.count("data-n=") <= 200
    assert len(shown.content) < 200_000
    assert "are not shown; they are kept as they came" in shown.text
    await ada.post(f"/workbench/failures/{failure}/edit/begin")
    editor = await ada.get(f"/workbench/failures/{failure}/edit")
    assert "<textarea" not in editor.text
    assert 'type="file"' in editor.text


async def test_a_replay_goes_its_way_once(desk: Desk) -> None:
    failure = await desk.failure()
    ada, grace = await desk.person("ada", Role.OPERATOR), await desk.person("grace", Role.OPERATOR)
    await desk.stage.renew(accepting("ZZZ"))
    desk.renew_bench()
    run = (await ada.get(f"/api/v1/failures/{failure}/dry-run")).json()
    assert (run["succeeds"], run["counts"], run["facts"][0]["expected"]) == (
        True, {"new": 1}, "new",
    )  # fmt: skip
    assert "would succeed" in (await ada.get(f"/workbench/failures/{failure}/dry-run")).text
    assert (await ada.post(f"/workbench/failures/{failure}/replay")).status_code == 303
    late = await grace.post(f"/workbench/failures/{failure}/replay")
    assert late.status_code == 409
    await desk.stage.settle()
    over = await grace.client.post(
        f"/api/v1/failures/{failure}/replay", headers=await _headers(grace)
    )
    assert (over.status_code, over.json()["code"]) == (409, "not_open")
    told = await grace.post(f"/workbench/failures/{failure}/replay")
    assert told.status_code == 409
    assert "The failure is replayed already" in told.text
    assert len(desk.stage.streams.rows) == 1
    page = (await ada.get(f"/workbench/failures/{failure}")).text
    assert "o2c.order.placed" in page
    state = await ada.get(f"/workbench/failures/{failure}/state")
    assert state.headers["hx-refresh"] == "true"
    assert await desk.stage.proves_itself()


async def test_a_failure_is_discarded_and_noted(desk: Desk) -> None:
    failure = await desk.failure()
    ada = await desk.person("ada", Role.OPERATOR)
    page = f"/workbench/failures/{failure}"
    await ada.post(f"{page}/notes", {"text": NASTY})
    assert "<script>alert" not in (await ada.get(page)).text
    assert (await ada.post(f"{page}/discard", {"reason": "whatever"})).status_code == 422
    gone = await ada.client.post(
        f"/api/v1/failures/{failure}/discard",
        json={"reason": "handled_by_hand", "text": "typed in by Joan"},
        headers=await _headers(ada),
    )
    assert (gone.json()["state"], gone.json()["closed_by"]) == ("discarded", "ada")
    again = await ada.post(f"{page}/discard", {"reason": "obsolete"})
    assert again.status_code == 409
    shown = (await ada.get(page)).text
    assert "handled_by_hand: typed in by Joan" in shown
    assert ">Replay<" not in shown
    found = (await ada.get("/api/v1/failures?state=discarded&code=unknown_currency")).json()
    assert [one["id"] for one in found["items"]] == [failure]
    assert (await ada.get("/api/v1/failures?code=other")).json()["items"] == []


async def test_viewers_and_approvers_see_no_actions(desk: Desk) -> None:
    failure = await desk.failure()
    for name, role in (("vera", Role.VIEWER), ("grace", Role.APPROVER)):
        browser = await desk.person(name, role)
        shown = (await browser.get(f"/workbench/failures/{failure}")).text
        assert "unknown_currency" in shown
        for action in (">Replay<", ">Edit<", ">Discard<", ">Write it down<"):
            assert action not in shown
        headers = await _headers(browser)
        for path in ("replay", "discard", "notes", "edits", "edits/try"):
            address = f"/api/v1/failures/{failure}/{path}"
            refused = await browser.client.post(address, json={}, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (403, "role_needed")
        refused = await browser.get(f"/workbench/failures/{failure}/edit")
        assert refused.status_code == 403


async def test_what_is_not_there(desk: Desk) -> None:
    ada = await desk.person("ada", Role.OPERATOR)
    for path in ("", "/payload", "/dry-run", "/state", "/edit"):
        missing = await ada.get(f"/workbench/failures/dl_0000000000000{path}")
        assert missing.status_code == 404
    assert (await ada.get("/api/v1/failures/dl_0000000000000")).json()["code"] == (
        "unknown_dead_letter"
    )
    assert (await ada.get("/api/v1/failures/rubbish")).json()["code"] == "bad_id"
    for action in ("replay", "discard", "notes", "edit/begin"):
        address = f"/workbench/failures/dl_0000000000000/{action}"
        assert (await ada.post(address, {"text": "x", "reason": "obsolete"})).status_code == 404
