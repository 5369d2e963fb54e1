"""Editing one payload and patching a group, by page and by API."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.errors import Malformed
from store.database import Database
from store.ids import RECEIPT, parse_id, show_id
from store.intake import bodies
from store.mending.failure_groups import GROUP
from tests.workbench.staging import order
from tests.workbench_web.browsing import Browser
from tests.workbench_web.failing import Desk, body, desk_over, opened_stage
from workbench import four_eyes
from workbench.access.roles import Role
from workbench.mending.editing import try_edit
from workbench.mending.proposing import approve
from workbench.web.comparing import compare
from workbench.web.text_editing import editable_text


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    """A workbench over a working pipeline, on either engine."""
    async with opened_stage(database, tmp_path) as stage, desk_over(stage) as opened:
        yield opened


async def _headers(browser: Browser) -> dict[str, str]:
    return {"x-csrf-token": await browser.form_token("/workbench/account")}


async def test_two_people_at_one_failure(desk: Desk) -> None:
    failure = await desk.failure()
    ada, grace = await desk.person("ada", Role.OPERATOR), await desk.person("grace", Role.ADMIN)
    page = f"/workbench/failures/{failure}"
    began = await ada.post(f"{page}/edit/begin")
    assert began.headers["location"] == f"{page}/edit"
    refused = await grace.post(f"{page}/edit/begin")
    assert refused.headers["location"] == page
    shown = (await grace.get(page)).text
    assert "Ada is editing this failure" in shown
    assert "ada is editing" in shown
    tried = await grace.post(f"{page}/edit/try", {"text": "{}"}, hx_request="true")
    assert "Ada is editing this failure" in tried.text
    saved = await grace.post(f"{page}/edit", {"text": "{}", "reason": "mine"})
    assert saved.status_code == 409
    lease = await grace.client.put(
        f"/api/v1/failures/{failure}/lease", headers=await _headers(grace)
    )
    assert (lease.status_code, lease.json()["code"]) == (409, "being_edited")
    assert (await grace.get(f"{page}/edit")).status_code == 303
    assert (await grace.post(f"{page}/edit/keep")).status_code == 409
    assert (await ada.post(f"{page}/edit/keep")).status_code == 204
    await ada.post(f"{page}/edit/end")
    assert (await grace.post(f"{page}/edit/begin")).headers["location"] == f"{page}/edit"


async def test_an_edit_is_tried_kept_and_agreed_to(desk: Desk) -> None:
    original = body(1, currency="ZZZ").replace("\n", "\r\n").encode()
    await desk.stage.receive(original)
    ada = await desk.person("ada", Role.OPERATOR)
    (one,) = (await ada.get("/api/v1/failures")).json()["items"]
    page = f"/workbench/failures/{one['id']}"
    await ada.post(f"{page}/edit/begin")
    editor = (await ada.get(f"{page}/edit")).text
    assert "lines end in CRLF and stay so" in editor
    assert "data-from=" in editor
    mended = body(1)
    tried = (await ada.post(f"{page}/edit/try", {"text": mended}, hx_request="true")).text
    assert "would succeed" in tried
    assert "A second person has to agree" in tried
    assert "totals.total.amount" in tried
    assert len(await desk.stage.letters()) == 1
    without = await ada.post(f"{page}/edit", {"text": mended, "reason": ""})
    assert without.status_code == 422
    assert "Walnut desk lamp" in without.text
    saved = await ada.post(f"{page}/edit", {"text": mended, "reason": "typing error"})
    assert saved.headers["location"] == page
    shown = (await ada.get(page)).text
    assert "waits for a second person" in shown
    proposal = re.search(r"/workbench/proposals/(prp_\w{13})", shown)
    assert proposal is not None
    await approve(desk.stage.bench, parse_id("prp", proposal[1]), actor="grace")
    await desk.stage.settle()
    (made,) = (await ada.get(f"/api/v1/failures/{one['id']}")).json()["edits"]
    number = parse_id(RECEIPT, made["edited_receipt_id"])
    kept = await desk.site.database.read(lambda c: bodies.read_body(c, number))
    assert kept == mended.replace("\n", "\r\n").encode()
    first = parse_id(RECEIPT, made["original_receipt_id"])
    assert await desk.site.database.read(lambda c: bodies.read_body(c, first)) == original
    assert len(desk.stage.streams.rows) == 1
    assert await desk.stage.proves_itself()


async def test_an_edit_by_program(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    failure = await desk.failure()
    ada = await desk.person("ada", Role.OPERATOR)
    headers, client = await _headers(ada), ada.client
    address = f"/api/v1/failures/{failure}"
    lease = await client.put(f"{address}/lease", headers=headers)
    assert lease.json()["editor"] == "ada"
    tried = (
        await client.post(f"{address}/edits/try", json={"text": body(1)}, headers=headers)
    ).json()
    assert tried["before"]["failure"] or tried["before"]["problems"]
    assert (tried["after"]["succeeds"], bool(tried["second_person"])) == (True, True)
    for wrong in ({}, {"text": "x", "base64": "eA=="}, {"base64": "%"}):
        answer = await client.post(f"{address}/edits/try", json=wrong, headers=headers)
        assert answer.status_code == 422
    monkeypatch.setattr(four_eyes, "needs_second_person_in_all", lambda *_: [])
    made = await client.post(
        f"{address}/edits", json={"text": body(1), "reason": "typing error"}, headers=headers
    )
    assert (made.status_code, made.json()["proposal_id"]) == (201, None)
    assert made.json()["edit"]["state"] == "applied"
    late = await client.post(
        f"{address}/edits", json={"text": body(2), "reason": "once more"}, headers=headers
    )
    assert (late.status_code, late.json()["code"]) == (409, "not_open")
    assert (await client.delete(f"{address}/lease", headers=headers)).status_code == 204


async def test_what_is_no_text_comes_back_as_a_file(desk: Desk) -> None:
    await desk.stage.receive(b'{"id": 1,\r\n\n"x": "\x1c"}')
    ada = await desk.person("ada", Role.OPERATOR)
    (one,) = (await ada.get("/api/v1/failures")).json()["items"]
    page = f"/workbench/failures/{one['id']}"
    await ada.post(f"{page}/edit/begin")
    assert 'type="file"' in (await ada.get(f"{page}/edit")).text
    headers = await _headers(ada)
    files = {"upload": ("mended.json", json.dumps(order(5)).encode())}
    tried = await ada.client.post(f"{page}/edit/try", files=files, headers=headers)
    assert "would succeed" in tried.text
    nothing = await ada.client.post(f"{page}/edit", data={"reason": "x"}, headers=headers)
    assert nothing.status_code == 422
    assert "Choose the edited file" in nothing.text


async def test_a_message_before_and_after(desk: Desk) -> None:
    listed = {"orders": [order(1), order(2, currency="ZZZ")]}
    await desk.stage.receive(json.dumps(listed).encode(), "file/order")
    (letter,) = await desk.stage.letters()
    mended = {"orders": [order(1, total="7.00"), order(2)]}
    edited = json.dumps(mended).encode()
    tried = await try_edit(desk.stage.bench, letter.dead_letter_id, edited)
    first, second = compare(tried.before, tried.after)
    assert "totals.total.amount" in {one.path for one in first.differences}
    assert second.before is None
    assert second.fact.message.subject == "order/6120000000002"


async def test_a_rule_is_tried_and_run(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    group = await desk.stage.fail(range(4), currency="ZZZ")
    shown_id = show_id(GROUP, group.group_id)
    ada = await desk.person("ada", Role.OPERATOR)
    page = f"/workbench/groups/{shown_id}"
    assert "The newest of them" in (await ada.get(f"{page}/patch")).text
    rule = json.dumps({"form": "text", "op": "replace", "old": "ZZZ", "new": "EUR"})
    preview = await ada.post(f"{page}/patch/preview", {"rule": rule}, hx_request="true")
    assert "4 would succeed" in preview.text
    assert "A second person has to agree" in preview.text
    assert "<del>ZZZ" in preview.text
    assert len(await desk.stage.letters()) == 4
    for wrong in ("", "[]", "{", '{"form": "json"}', "[" * 5000):
        refused = await ada.post(f"{page}/patch/preview", {"rule": wrong}, hx_request="true")
        assert "The rule cannot be used" in refused.text
        assert (await ada.post(f"{page}/patch", {"rule": wrong})).status_code == 422
    form = {"rule": rule, "reason": "their code for euros", "stages": "1, 2"}
    proposed = await ada.post(f"{page}/patch", form)
    campaign = proposed.headers["location"]
    assert "It waits for a second person" in (await ada.get(campaign)).text
    again = await ada.post(f"{page}/patch", form)
    assert again.status_code == 409
    assert "Another campaign on this group is not over" in again.text
    await ada.post(f"{campaign}/cancel")
    monkeypatch.setattr(four_eyes, "needs_second_person_in_all", lambda *_: [])
    started = await ada.client.post(
        "/api/v1/campaigns",
        json={"group": shown_id, "reason": "their code for euros", "rule": json.loads(rule)},
        headers=await _headers(ada),
    )
    assert (started.status_code, started.json()["state"]) == (201, "running")
    over = await desk.stage.run_campaign(parse_id("cmp", started.json()["id"]))
    assert (over.state, over.succeeded) == ("done", 4)
    assert await desk.stage.proves_itself()


async def test_a_preview_by_program(desk: Desk) -> None:
    group = await desk.stage.fail([1, 2])
    ada = await desk.person("ada", Role.OPERATOR)
    address = f"/api/v1/failure-groups/{show_id(GROUP, group.group_id)}/patch-preview"
    rule = {"form": "json", "op": "set", "path": "nothing.there", "value": "x"}
    headers = await _headers(ada)
    told = (await ada.client.post(address, json={"rule": rule}, headers=headers)).json()
    assert (told["total"], sum(told["counts"].values())) == (2, 2)
    assert {one["id"][:3] for one in told["samples"]} == {"dl_"}
    bad = await ada.client.post(address, json={"rule": {"form": "x"}}, headers=headers)
    assert (bad.status_code, bad.json()["code"]) == (422, "bad_rule")


def _typed(text: str) -> str:
    """What a browser sends of a text area's content."""
    return text.replace("\n", "\r\n")


@given(
    st.binary(max_size=300)
    | st.text(alphabet="ab\r\n\t\ufeffé€\x85\x00", max_size=60).map(str.encode)
)
def test_a_form_changes_no_byte_that_nobody_changed(content: bytes) -> None:
    found = editable_text(content)
    if found is not None:
        assert "\r" not in found.text
        assert found.content(_typed(found.text)) == content


def test_what_a_form_keeps() -> None:
    for content in (b"{}\n", b":20:A\r\n:25:B\r\n", b"a\rb", "\ufeffid;name\n".encode(), b""):
        assert editable_text(content) is not None
    for content in (b"a\r\nb\n", b"a\x1cb", b"x" * 600_000, "a\u202eb".encode()):
        assert editable_text(content) is None
    latin = editable_text("Müller".encode("latin-1"))
    assert latin is not None
    assert latin.encoding == "iso-8859-1"
    assert latin.content("Möller") == "Möller".encode("latin-1")
    with pytest.raises(Malformed):
        latin.content("€")
