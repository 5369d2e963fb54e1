"""Exceptions and records on pages, in the API and on the command line, on either engine."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from domains.contract import Owner
from domains.engine.record_lists import decisions_on
from domains.exceptions.handling import BRANCHES, REASONS
from store.access.audit_log import verify_audit_log
from store.database import Database
from tests.workbench_web.browsing import Browser
from tests.workbench_web.exceptional import KEY, RECEIPT, SHORT, Office, many, opened_office
from workbench.access.roles import Role
from workbench.web.api.exceptions import Branch, Reason


@pytest.fixture
async def office(database: Database) -> AsyncIterator[Office]:
    """An office without exceptions, on either engine."""
    async with opened_office(database) as opened:
        yield opened


async def _json(browser: Browser, path: str, **body: Any) -> dict[str, Any]:
    token = await browser.form_token("/workbench/account")
    answer = await browser.client.post(path, json=body, headers={"x-csrf-token": token})
    told: dict[str, Any] = answer.json()
    return {"status": answer.status_code} | told


async def test_nothing_is_wrong(office: Office) -> None:
    viewer = await office.person("vera", Role.VIEWER)
    for query in ("", "?state=resolved", "?state=ended", "?state=all", "?owner=sales"):
        page = await viewer.get(f"/workbench/exceptions{query}")
        assert page.status_code == 200
        assert 'class="empty"' in page.text
    assert (await viewer.get("/workbench/records/order")).status_code == 200
    assert (await viewer.get("/workbench/records/colour")).status_code == 404
    assert (await viewer.get("/api/v1/exceptions")).json() == {"items": [], "next": None}
    assert (
        'href="/workbench/exceptions" aria-current="page"'
        in (await viewer.get("/workbench/exceptions")).text
    )


async def test_the_list_and_what_stands_above_it(office: Office) -> None:
    await office.derive(SHORT)
    office.advance(days=8)
    other = replace(SHORT, record="fact-1", kind="unknown_order", owner=Owner.IT, balance=None)
    await office.derive(SHORT, other)
    viewer = await office.person("vera", Role.VIEWER)
    page = (await viewer.get("/workbench/exceptions")).text
    assert page.index("Short payment") < page.index("Unknown order")
    assert "overdue 6 d" in page
    assert "&gt;7 d" in page
    assert "20.00 EUR" in page
    standing = (await viewer.get("/api/v1/exceptions/standing")).json()["items"]
    finance = next(one for one in standing if one["owner"] == "finance")
    assert finance == {
        "owner": "finance", "by_age": {"current": 0, "7": 1, "14": 0, "30": 0},
        "overdue": 1, "total": 1,
    }  # fmt: skip

    async def kinds(query: str) -> list[str]:
        found = await viewer.get(f"/api/v1/exceptions?{query}")
        return [one["kind"] for one in found.json()["items"]]

    assert await kinds("") == ["short_payment", "unknown_order"]
    assert await kinds("age=7") == ["short_payment"]
    assert await kinds("overdue=true&domain=cash&owner=finance") == ["short_payment"]
    assert await kinds("text=unknown_o&kind=unknown_order") == ["unknown_order"]
    assert await kinds("state=resolved") == []
    assert await kinds("text=%00%ff%27%25") == []
    for wrong in ("age=9", "state=x", "after=x", "after=1.exc_0", "sort=x"):
        assert (await viewer.get(f"/api/v1/exceptions?{wrong}")).status_code == 422
    rows = (await viewer.get("/workbench/exceptions/rows?age=7&text=short")).text
    assert rows.count("data-row") == 1


@pytest.mark.parametrize("query", ["", "&sort=recent", "&state=all&text=short"])
async def test_it_is_read_page_by_page(office: Office, query: str) -> None:
    await office.derive(*many(7))
    viewer = await office.person("vera", Role.VIEWER)
    seen: list[str] = []
    after = ""
    while True:
        page = (await viewer.get(f"/api/v1/exceptions?limit=3{query}{after}")).json()
        seen += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert len(seen) == len(set(seen)) == 7
    shown = (await viewer.get(f"/workbench/exceptions/rows?limit=3{query}")).text
    assert "/workbench/exceptions?limit=3" in shown


async def test_one_exception_with_what_surrounds_it(office: Office) -> None:
    invoice = replace(RECEIPT, kind="invoice", key="invoice/acme/R-1001", label="R-1001")
    await office.derive(SHORT, replace(SHORT, kind="late"), records=(RECEIPT, invoice))
    viewer = await office.person("vera", Role.VIEWER)
    (shown,) = await office.ids(kind="short_payment")
    page = (await viewer.get(f"/workbench/exceptions/{shown}")).text
    assert "120.00 EUR" in page
    assert "/workbench/records/cash?key=receipt/bank/1" in page
    assert "/workbench/records/cash?key=invoice/acme/R-1001" in page
    assert "/workbench/search?q=R-1002" in page
    assert "/workbench/messages/fact-1" in page
    assert "/workbench/receipts/rcp_0cvn2qe9g0g00" in page
    assert "/workbench/trace?ref=bank/acme/1" in page
    assert "<button" not in page.partition("<main")[2].partition("What it is about")[0]
    told = (await viewer.get(f"/api/v1/exceptions/{shown}")).json()
    assert (told["record"], told["label"], told["overdue"]) == (KEY, "B-1001", False)
    assert [one["action"] for one in told["history"]] == ["opened"]
    assert [one["id"] for one in told["facts"]] == ["fact-1"]
    assert len(told["others"]) == 1
    assert {one["action"]: one["money"] for one in told["actions"]} == {
        "remind": False, "write_off": True,
    }  # fmt: skip
    for path in ("/api/v1", "/workbench"):
        missing = f"{path}/exceptions/exc_0000000000001"
        assert (await viewer.get(missing)).status_code == 404
        assert (await viewer.get(f"{path}/exceptions/x")).status_code == 422


async def test_it_is_worked_on(office: Office) -> None:
    await office.derive(SHORT)
    (shown,) = await office.ids()
    ada = await office.person("ada")
    here = f"/workbench/exceptions/{shown}"
    page = (await ada.get(here)).text
    assert "Take it" in page

    async def post(name: str, **form: str) -> tuple[int, str]:
        told = (await ada.get(f"/api/v1/exceptions/{shown}")).json()
        answer = await ada.post(f"{here}/{name}", {"revision": str(told["revision"]), **form})
        return answer.status_code, answer.text

    assert (await post("assign", assigned_to="ada"))[0] == 303
    assert (await post("move", owner="sales"))[0] == 303
    assert (await post("move", owner="marketing"))[0] == 422
    assert (await post("notes", text="Asked the customer <i>.\x1b"))[0] == 303
    assert (await post("notes", text=" "))[0] == 422
    status, text = await post("resolve", reason="other", words="")
    assert (status, "other needs words" in text) == (422, True)
    assert (await post("resolve", reason="customer_agreed", branch="collected"))[0] == 303
    page = (await ada.get(here)).text
    assert "the customer pays the rest" in page
    assert "Asked the customer &lt;i&gt;.\ufffd" in page
    assert (await post("resolve", reason="duplicate"))[0] == 409
    assert (await post("reopen", words=""))[0] == 422
    assert (await post("reopen", words="they did not"))[0] == 303
    history = (await ada.get(f"/api/v1/exceptions/{shown}/history")).json()["items"]
    assert [one["action"] for one in history] == [
        "opened", "assigned", "moved", "note", "resolved", "reopened",
    ]  # fmt: skip
    audit = (await ada.get("/api/v1/audit-log?action=exception")).json()["items"]
    assert {one["actor"] for one in audit} == {"ada"}
    assert len(audit) == 5
    assert await office.site.database.read(verify_audit_log) is None
    await office.derive()
    assert "Ended" in (await ada.get(here)).text


async def test_of_two_people_one_wins_and_the_other_is_told(office: Office) -> None:
    await office.derive(SHORT)
    (shown,) = await office.ids()
    here = f"/workbench/exceptions/{shown}"
    ada, grace = await office.person("ada"), await office.person("grace", Role.ADMIN)
    found = re.search(r'name="revision" value="(\d+)"', (await ada.get(here)).text)
    assert found is not None
    seen = {"revision": found[1]}
    taken = await grace.post(f"{here}/assign", {**seen, "assigned_to": "grace"})
    assert taken.status_code == 303
    late = await ada.post(f"{here}/resolve", {**seen, "reason": "false_alarm"})
    assert late.status_code == 409
    assert "Somebody changed it: grace" in late.text
    told = await _json(ada, f"/api/v1/exceptions/{shown}/resolve", reason="duplicate", revision=1)
    assert (told["status"], told["code"]) == (409, "changed_meanwhile")
    assert (await ada.get(f"/api/v1/exceptions/{shown}")).json()["state"] == "open"


async def test_viewers_see_and_operators_act(office: Office) -> None:
    await office.derive(SHORT)
    (shown,) = await office.ids()
    for role in (Role.VIEWER, Role.APPROVER):
        reader = await office.person(f"r-{role}", role)
        for name in ("assign", "move", "resolve", "reopen", "notes", "decide"):
            for base in ("/workbench", "/api/v1"):
                if (base, name) == ("/api/v1", "move"):
                    continue
                answer = await reader.post(f"{base}/exceptions/{shown}/{name}", {"revision": "1"})
                assert answer.status_code == 403
        assert (
            await reader.post("/workbench/records/cash/decide", {"key": KEY})
        ).status_code == 403
        assert "Resolve" not in (await reader.get(f"/workbench/exceptions/{shown}")).text


async def test_the_api_does_the_same(office: Office) -> None:
    await office.derive(SHORT)
    (shown,) = await office.ids()
    ada = await office.person("ada")
    here = f"/api/v1/exceptions/{shown}"
    told = await _json(ada, f"{here}/assign", assigned_to="ada", owner="operations", revision=1)
    assert (told["assigned_to"], told["owner"], told["revision"]) == ("ada", "operations", 3)
    refused = await _json(ada, f"{here}/assign", assigned_to="vera", owner="it", revision=1)
    assert refused["status"] == 409
    noted = await _json(ada, f"{here}/notes", text="It is with the carrier.")
    assert (noted["status"], noted["items"][-1]["action"]) == (201, "note")
    done = await _json(ada, f"{here}/resolve", reason="corrected_at_source")
    assert (done["state"], done["branch"], done["ended_by"]) == ("resolved", "corrected", "ada")
    assert (await _json(ada, f"{here}/reopen", words="it is not"))["state"] == "open"
    wrong = ({"reason": "because"}, {"reason": "other"}, {"reason": "other", "colour": "red"})
    for body in wrong:
        assert (await _json(ada, f"{here}/resolve", **body))["status"] == 422


def test_the_api_names_every_reason_and_branch() -> None:
    assert set(Reason.__args__) == set(REASONS)  # type: ignore[attr-defined]
    assert set(Branch.__args__) == {"", *BRANCHES}  # type: ignore[attr-defined]


async def test_a_decision_is_kept_with_its_name(office: Office) -> None:
    await office.derive(SHORT)
    (shown,) = await office.ids()
    ada = await office.person("ada")
    here = f"/workbench/exceptions/{shown}"
    assert "Look at it again tomorrow." in (await ada.get(here)).text
    form = {"action": "remind", "reason": "they asked for a day", "values": '{"days": 1}'}
    assert (await ada.post(f"{here}/decide", form)).status_code == 303
    (decision,) = await office.site.database.read(lambda c: decisions_on(c, "cash", KEY))
    assert (decision.by, decision.action, decision.values) == ("ada", "remind", {"days": 1})
    told = (await ada.get(f"/api/v1/exceptions/{shown}/history")).json()["items"][-1]
    assert (told["action"], told["by"]) == ("decided", "ada")
    for wrong, code in (
        ({"reason": ""}, 422), ({"values": "{"}, 422), ({"values": "[]"}, 422),
        ({"values": '{"days": 1.5}'}, 422), ({"action": "burn"}, 404),
    ):  # fmt: skip
        answer = await ada.post(f"{here}/decide", form | wrong)
        assert answer.status_code == code
        assert "they asked for a day" in answer.text or not wrong.get("reason", "x")
    assert len(await office.site.database.read(lambda c: decisions_on(c, "cash", KEY))) == 1


async def test_money_needs_a_second_person(office: Office) -> None:
    await office.derive(SHORT)
    (shown,) = await office.ids()
    ada, grace = await office.person("ada", Role.ADMIN), await office.person("grace", Role.APPROVER)
    wish = {"action": "write_off", "values": {"amount": "20.00"}, "reason": "an old customer"}
    bad = await _json(ada, f"/api/v1/exceptions/{shown}/decide", **wish | {"values": {}})
    assert (bad["status"], bad["code"]) == (422, "bad_amount")
    told = await _json(ada, f"/api/v1/exceptions/{shown}/decide", **wish)
    assert (told["status"], told["decision"]) == (201, None)
    proposal = told["proposal"]
    assert "waits for a second person" in (await ada.get(f"/workbench/exceptions/{shown}")).text
    page = (await grace.get(f"/workbench/proposals/{proposal}")).text
    assert "Write off" in page
    assert f"/workbench/exceptions/{shown}" in page
    own = await ada.post(f"/workbench/proposals/{proposal}/approve")
    assert own.status_code == 403
    assert await office.site.database.read(lambda c: decisions_on(c, "cash", KEY)) == []
    assert (await grace.post(f"/workbench/proposals/{proposal}/approve")).status_code == 303
    (decision,) = await office.site.database.read(lambda c: decisions_on(c, "cash", KEY))
    assert (decision.by, decision.values) == ("ada", {"amount": "20.00"})
    history = (await ada.get(f"/api/v1/exceptions/{shown}/history")).json()["items"]
    assert [one["action"] for one in history] == ["opened", "proposed", "decided"]
    assert history[-1]["detail"]["agreed_by"] == "grace"
    assert (await grace.post(f"/workbench/proposals/{proposal}/approve")).status_code == 409
    assert (await grace.get(f"/api/v1/proposals/{proposal}")).json()["state"] == "applied"


async def test_what_is_rejected_is_not_decided(office: Office) -> None:
    await office.derive(SHORT)
    ada, grace = await office.person("ada"), await office.person("grace", Role.APPROVER)
    form = {"key": KEY, "action": "write_off", "values": '{"amount": "1.00"}', "reason": "cents"}
    assert (await ada.post("/workbench/records/cash/decide", form)).status_code == 303
    page = (await ada.get(f"/workbench/records/cash?key={KEY}")).text
    proposal = re.search(r"prp_[0-9a-z]{13}", page)
    assert proposal is not None
    no = await grace.post(f"/workbench/proposals/{proposal[0]}/reject", {"reason": "too much"})
    assert no.status_code == 303
    assert await office.site.database.read(lambda c: decisions_on(c, "cash", KEY)) == []


async def test_records_are_listed_and_shown(office: Office) -> None:
    others = [replace(RECEIPT, key=f"receipt/{n}", label=f"B-{n}", status="OPEN") for n in range(5)]
    await office.derive(SHORT, records=(RECEIPT, *others))
    viewer = await office.person("vera", Role.VIEWER)

    async def keys(query: str) -> list[str]:
        found = await viewer.get(f"/api/v1/records/cash?{query}")
        return [one["key"] for one in found.json()["items"]]

    assert len(await keys("")) == 6
    assert await keys("status=PARTIALLY_APPLIED&kind=receipt") == [KEY]
    assert await keys("text=1001") == [KEY]
    assert len(await keys("text=E2E-7")) == 6
    assert await keys("text=%00") == []
    first = (await viewer.get("/api/v1/records/cash?limit=4")).json()
    assert len(await keys(f"limit=4&after={first['next']}")) == 2
    listed = (await viewer.get("/workbench/records/cash?text=B-&limit=3")).text
    assert listed.count("data-row") == 3
    assert "Next page" in listed
    page = (await viewer.get(f"/workbench/records/cash?key={KEY}")).text
    for told in ("R-1002", "part, of it", "Short payment", "/workbench/messages/fact-1"):
        assert told in page
    assert "<b>" not in page.partition("<main")[2]
    assert "\u202e" not in page
    told = (await viewer.get(f"/api/v1/records/cash/{KEY}")).json()
    assert told["state"]["allocations"][0] == {"invoice": "R-1001", "amount": "60.00"}
    assert [one["id"] for one in told["exceptions"]] == await office.ids()
    for missing in ("records/cash/receipt/none", "records/colour/x", "records/cash/%00"):
        assert (await viewer.get(f"/api/v1/{missing}")).status_code == 404
    assert (await viewer.get("/workbench/records/cash?key=none")).status_code == 404


async def test_the_api_decides_on_records(office: Office) -> None:
    await office.derive()
    ada = await office.person("ada")
    wish = {"key": KEY, "action": "remind", "reason": "tomorrow", "values": {"a": ["\ud800\0"]}}
    token = await ada.form_token("/workbench/account")
    answer = await ada.client.post(
        "/api/v1/records/cash/decisions",
        content=json.dumps(wish),
        headers={"x-csrf-token": token, "content-type": "application/json"},
    )
    assert answer.status_code == 201
    assert answer.json()["decision"].startswith("dec_")
    told = (await ada.get(f"/api/v1/records/cash/{KEY}")).json()
    assert told["decisions"][0]["values"] == {"a": ["\ufffd" * 4]}
    audit = (await ada.get("/api/v1/audit-log?action=record")).json()["items"]
    assert (audit[0]["actor"], audit[0]["target"]) == ("ada", f"cash:{KEY}")
    for wrong, status in (
        ({"key": "none"}, 404), ({"action": "burn"}, 404), ({"values": {"a": 0.5}}, 422),
        ({"values": {"a": {"a": {"a": {"a": [[[[[[[["deep"]]]]]]]]}}}}}, 422), ({"key": "\0"}, 404),
    ):  # fmt: skip
        answered = await _json(
            ada, "/api/v1/records/cash/decisions", **wish | {"values": {}} | wrong
        )
        assert answered["status"] == status
    unknown = {**wish, "values": {}}
    answered = await _json(ada, "/api/v1/records/order/decisions", **unknown)
    assert (answered["status"], answered["code"]) == (404, "unknown_domain")


async def test_the_overview_tells_of_them(office: Office) -> None:
    await office.derive(SHORT)
    viewer = await office.person("vera", Role.VIEWER)
    assert "1 exception is open" in (await viewer.get("/workbench")).text
