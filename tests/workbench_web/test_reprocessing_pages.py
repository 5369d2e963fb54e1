"""Reprocess by page and by API: compare, leave out, publish, ask a second person, cancel."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from canonical.message import Message
from connectors import registry
from connectors.contract import Connector
from connectors.raw import RawMessage
from store.database import Database
from tests.workbench.staging import Stage, order
from tests.workbench_web.browsing import Browser
from tests.workbench_web.staged import House, opened
from workbench.access.roles import Role

API = "/api/v1/reprocessings"
PAGE = "/workbench/reprocessing"


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    async with opened(database, tmp_path) as house:
        yield house


@pytest.fixture
async def ada(house: House) -> Browser:
    return await house.enter("ada")


def _release(field: str, value: Any) -> Connector:
    """The shop's connector in a release that says this of every line."""
    shop = registry.load("shopify")

    def translate(raw: RawMessage, identity: Any) -> Iterator[Any]:
        for item in shop.translate(raw, identity):
            if not isinstance(item, Message):
                yield item
                continue
            lines = [one.model_copy(update={field: value(one)}) for one in item.data.lines]  # type: ignore[attr-defined]
            yield replace(item, data=item.data.model_copy(update={"lines": tuple(lines)}))

    return replace(shop, translate=translate)


DESCRIBED = _release("description", lambda _: "LAMP")
DEARER = _release(
    "unit_price",
    lambda one: one.unit_price.model_copy(update={"amount": one.unit_price.amount * 2}),
)


async def _released(house: House, connector: Connector, orders: int = 3) -> None:
    for number in range(orders):
        await house.stage.receive(order(number))
    await house.stage.renew(connector)
    house.take_over()


def _asked(stage: Stage) -> dict[str, str]:
    now = stage.clock.now()
    return {
        "connector": "shopify",
        "since": (now - timedelta(hours=1)).isoformat(),
        "until": (now + timedelta(hours=1)).isoformat(),
        "reason": "names were cut",
    }


async def _call(browser: Browser, path: str, body: Any = None) -> Any:
    headers = {"x-csrf-token": await browser.form_token("/workbench/account")}
    return await browser.client.post(path, json=body, headers=headers)


async def _worked(house: House) -> None:
    while await house.stage.campaigns.work_once():
        pass
    await house.stage.settle()


async def _compared(house: House, browser: Browser) -> str:
    made = await _call(browser, API, _asked(house.stage))
    assert made.status_code == 201
    await _worked(house)
    shown: str = made.json()["id"]
    return shown


async def test_compared_left_out_and_published(house: House, ada: Browser) -> None:
    await _released(house, DESCRIBED)
    run = await _compared(house, ada)
    told = (await ada.get(f"{API}/{run}")).json()
    assert (told["state"], told["receipts"], told["changed"], told["second_person"]) == ("compared", 3, 3, 0)  # fmt: skip  # noqa: E501
    assert told["fields"] == [{"path": "lines[].description", "messages": 3}]
    first = (await ada.get(f"{API}/{run}/differences?outcome=changed&limit=2")).json()
    assert len(first["items"]) == 2
    rest = (await ada.get(f"{API}/{run}/differences?limit=2&after={first['next']}")).json()
    assert (len(rest["items"]), rest["next"]) == (1, None)
    chosen = first["items"][0]["id"]
    left = await _call(ada, f"{API}/{run}/leave-out", {"differences": [chosen]})
    assert left.json() == {"left_out": 1}
    published = await _call(ada, f"{API}/{run}/publish")
    assert (published.status_code, published.json()["proposal"]) == (202, None)
    await _worked(house)
    told = (await ada.get(f"{API}/{run}")).json()
    assert (told["state"], told["published"], told["left_out"]) == ("done", 2, 1)
    assert len(house.stage.streams.rows) == 5
    again = await _call(ada, f"{API}/{run}/publish")
    assert (again.status_code, again.json()["code"]) == (409, "reprocessing_state")
    assert await house.stage.proves_itself()


async def test_corrections_of_money_wait_for_a_second_person(house: House, ada: Browser) -> None:
    grace = await house.enter("grace", Role.APPROVER)
    await _released(house, DEARER)
    run = await _compared(house, ada)
    assert (await ada.get(f"{API}/{run}")).json()["second_person"] == 3
    asked = (await _call(ada, f"{API}/{run}/publish")).json()
    assert (asked["run"]["state"], asked["proposal"][:4]) == ("compared", "prp_")
    await _worked(house)
    assert len(house.stage.streams.rows) == 3
    twice = await _call(ada, f"{API}/{run}/publish")
    assert (twice.status_code, twice.json()["code"]) == (409, "waits_for_second")
    seen = (await grace.get(f"/api/v1/proposals/{asked['proposal']}")).json()
    assert seen["run"]["summary"]["second_person"] == 3
    assert "lines[0].unit_price.amount" in seen["payload"]["fields"]
    page = (await grace.get(f"/workbench/proposals/{asked['proposal']}")).text
    assert "240.00" in page
    agreed = await _call(grace, f"/api/v1/proposals/{asked['proposal']}/approve")
    assert agreed.json()["state"] == "applied"
    await _worked(house)
    corrections = house.stage.streams.rows[3:]
    assert {json.loads(one.data)["lines"][0]["unit_price"]["amount"] for one in corrections} == {"240.00"}  # fmt: skip  # noqa: E501
    assert len(corrections) == 3
    assert await house.stage.proves_itself()


async def test_said_no_it_may_be_asked_again_with_less(house: House, ada: Browser) -> None:
    grace = await house.enter("grace", Role.APPROVER)
    await _released(house, DEARER, orders=1)
    run = await _compared(house, ada)
    asked = (await _call(ada, f"{API}/{run}/publish")).json()["proposal"]
    await _call(grace, f"/api/v1/proposals/{asked}/reject", {"reason": "not the lamp"})
    assert "not the lamp" in (await ada.get(f"{PAGE}/{run}")).text
    (one,) = (await ada.get(f"{API}/{run}/differences")).json()["items"]
    await _call(ada, f"{API}/{run}/leave-out", {"differences": [one["id"]]})
    assert (await _call(ada, f"{API}/{run}/publish")).json()["proposal"] is None
    await _worked(house)
    assert len(house.stage.streams.rows) == 1


async def test_a_run_by_its_pages(house: House, ada: Browser) -> None:
    await _released(house, DESCRIBED)
    asked = _asked(house.stage) | {"account": "acme"}
    form = {name: value[:16] if name in ("since", "until") else value for name, value in asked.items()}  # fmt: skip  # noqa: E501
    started = await ada.post(PAGE, form)
    address = started.headers["location"]
    assert "comparing" in (await ada.get(address)).text
    working = await ada.get(f"{address}/progress?seen=comparing", hx_request="true")
    assert "hx-refresh" not in working.headers
    await _worked(house)
    over = await ada.get(f"{address}/progress?seen=comparing", hx_request="true")
    assert over.headers["hx-refresh"] == "true"
    page = (await ada.get(address)).text
    chosen = re.findall(r'name="difference" value="(dif_\w+)"', page)
    assert len(chosen) == 3
    assert "lines[].description" in page
    assert (await ada.post(f"{address}/leave-out", {"difference": chosen[0]})).status_code == 303
    await ada.post(f"{address}/publish")
    await _worked(house)
    assert len(house.stage.streams.rows) == 5
    assert "left out" in (await ada.get(address)).text
    assert "shopify/acme" in (await ada.get(PAGE)).text


@pytest.mark.parametrize(
    "wrong",
    [{"reason": " "}, {"since": "yesterday"}, {"until": "2020-01-01T00:00"}, {"connector": ""}],
)
async def test_a_form_that_does_not_fit_is_shown_again(
    house: House, ada: Browser, wrong: dict[str, str]
) -> None:
    answer = await ada.post(PAGE, _asked(house.stage) | {"since": "2026-01-01T00:00"} | wrong)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text or 'aria-invalid="true"' in answer.text
    assert (await ada.get(API)).json()["items"] == []


async def test_it_is_cancelled(house: House, ada: Browser) -> None:
    await _released(house, DESCRIBED)
    run = await _compared(house, ada)
    await ada.post(f"{PAGE}/{run}/cancel")
    assert (await ada.get(f"{API}/{run}")).json()["state"] == "cancelled"
    assert (await ada.post(f"{PAGE}/{run}/publish")).status_code == 409
    assert (await ada.get(f"{API}/rep_0000000000000")).status_code == 404
    assert (await ada.get(f"{API}/rep_0000000000000/differences")).status_code == 404


async def test_viewers_only_look(house: House, ada: Browser) -> None:
    eve = await house.enter("eve", Role.VIEWER)
    await _released(house, DESCRIBED, orders=1)
    run = await _compared(house, ada)
    page = (await eve.get(f"{PAGE}/{run}")).text
    assert "Leave out" not in page
    assert "/publish" not in page
    assert (await eve.post(f"{PAGE}/{run}/publish")).status_code == 403
    assert (await eve.post(PAGE, _asked(house.stage))).status_code == 403
