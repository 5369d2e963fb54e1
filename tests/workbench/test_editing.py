"""Edit and replay: a copy linked to its original, one editor at a time, four eyes on money."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from canonical.errors import Malformed, TooLarge, Unsupported
from routing.accounts import Account, Accounts
from store.access.proposals import AlreadyDecided, NotYours
from store.finding import audit
from store.intake import bodies, inbox
from store.mending import edits
from store.mending.contested import Contested
from store.tables import receipts
from tests.workbench.staging import ADA, GRACE, Stage, order
from workbench import four_eyes
from workbench.mending.editing import Edited, begin_edit, edit, end_edit, try_edit
from workbench.mending.proposing import approve, carry_out


def _body(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


async def _failure(stage: Stage, number: int = 1) -> int:
    await stage.fail([number])
    return (await stage.letters())[0].dead_letter_id


async def _bad_record(stage: Stage) -> tuple[int, int]:
    """A list of two orders, one without a usable currency: (letter, receipt)."""
    listed = {"orders": [order(1), order(2, currency="ZZZ", note="left at the door")]}
    receipt = await stage.receive(_body(listed), "file/order")
    (letter,) = await stage.letters()
    return letter.dead_letter_id, receipt


async def _edit(stage: Stage, letter: int, body: bytes, **given: Any) -> Edited:
    settings: dict[str, Any] = {"actor": ADA, "reason": "a typing error"} | given
    return await edit(stage.bench, letter, body, **settings)


async def test_an_edit_that_carries_money_waits_for_a_second_person(stage: Stage) -> None:
    letter = await _failure(stage)
    mended = _body(order(1))
    tried = await try_edit(stage.bench, letter, mended)
    assert (tried.before.outcome, tried.after.outcome) == ("dead", "translated")
    assert tried.after.counts == {"new": 1}
    assert tried.second_person

    edited = await _edit(stage, letter, mended)
    assert edited.proposal is not None
    assert (edited.edit.state, edited.proposal.made_by) == ("kept", ADA)
    assert (await stage.letters())[0].dead_letter_id == letter
    with pytest.raises(NotYours):
        await approve(stage.bench, edited.proposal.proposal_id, actor=ADA)
    assert stage.streams.rows == []

    await approve(stage.bench, edited.proposal.proposal_id, actor=GRACE, reason="agreed")
    await stage.settle()
    assert await stage.letters() == []
    assert len(stage.streams.rows) == 1
    with pytest.raises(AlreadyDecided):
        await approve(stage.bench, edited.proposal.proposal_id, actor=GRACE)
    assert await stage.proves_itself()


async def test_the_original_stays_and_the_copy_knows_it(stage: Stage) -> None:
    letter = await _failure(stage)
    (before,) = await stage.letters()
    edited = await _edit(stage, letter, _body(order(1)))
    assert edited.proposal is not None
    await approve(stage.bench, edited.proposal.proposal_id, actor=GRACE)
    await stage.settle()

    original = before.receipt_id or 0
    (kept,) = await stage.database.read(lambda c: edits.list_edits(c, receipt_id=original))
    copy = kept.edited_receipt_id or 0
    assert (kept.state, kept.editor, kept.reason) == ("applied", ADA, "a typing error")
    assert await stage.database.read(lambda c: edits.edited_from(c, copy)) == kept
    assert await stage.database.read(lambda c: edits.list_edits(c, receipt_id=copy)) == [kept]
    assert await stage.database.read(lambda c: bodies.read_body(c, original)) == _body(
        order(1, currency="ZZZ")
    )
    assert await stage.database.read(lambda c: bodies.read_body(c, copy)) == _body(order(1))
    first = await stage.database.read(lambda c: inbox.load_receipt(c, original))
    second = await stage.database.read(lambda c: inbox.load_receipt(c, copy))
    assert first is not None
    assert second is not None
    assert (first.state, second.state, second.transport) == ("discarded", "translated", "edit")
    (closed,) = await stage.letters("replayed")
    assert (closed.dead_letter_id, closed.closed_by) == (letter, ADA)
    entries = await stage.database.read(audit.recent_audit)
    applied = next(one for one in entries if one.action == "dead_letter.edit")
    assert (applied.actor, applied.details["editor"]) == (GRACE, ADA)


async def test_one_person_is_enough_where_no_money_changes(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter, receipt = await _bad_record(stage)
    monkeypatch.setattr(four_eyes, "needs_second_person_in_all", lambda *_: [])
    edited = await _edit(stage, letter, _body({"orders": [order(1), order(2)]}))
    assert edited.proposal is None
    await stage.settle()
    assert sorted(row.subject for row in stage.streams.rows) == [
        "order/6120000000001", "order/6120000000002",
    ]  # fmt: skip
    assert await stage.states() == {"published": 2, "discarded": 1, "duplicate": 1}
    assert edited.edit.original_receipt_id == receipt
    assert await stage.proves_itself()


async def test_a_copy_that_fails_again_has_a_failure_of_its_own(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = await _failure(stage)
    monkeypatch.setattr(four_eyes, "needs_second_person_in_all", lambda *_: [])
    await _edit(stage, letter, _body(order(1, currency="ZZY")))
    await stage.settle()
    (again,) = await stage.letters()
    assert again.dead_letter_id != letter
    edited = await _edit(stage, again.dead_letter_id, _body(order(1)), reason="once more")
    await stage.settle()
    assert edited.edit.original_receipt_id == again.receipt_id
    assert len(stage.streams.rows) == 1
    assert await stage.proves_itself()


async def test_one_editor_at_a_time(stage: Stage) -> None:
    letter = await _failure(stage)
    lease = await begin_edit(stage.bench, letter, actor=ADA)
    assert lease.editor == ADA
    with pytest.raises(Contested) as raised:
        await begin_edit(stage.bench, letter, actor=GRACE)
    assert raised.value.code == "being_edited"
    assert ADA in str(raised.value)
    with pytest.raises(Contested):
        await _edit(stage, letter, b"{}", actor=GRACE)
    stage.clock.wait(60)
    assert (await begin_edit(stage.bench, letter, actor=ADA)).until > lease.until
    assert not await end_edit(stage.bench, letter, actor=GRACE)
    assert await end_edit(stage.bench, letter, actor=ADA)
    await begin_edit(stage.bench, letter, actor=GRACE)
    stage.clock.ahead += edits.LEASE + timedelta(seconds=1)
    assert (await begin_edit(stage.bench, letter, actor=ADA)).editor == ADA


async def test_two_edits_of_one_failure(stage: Stage) -> None:
    letter = await _failure(stage)
    first = await _edit(stage, letter, _body(order(1)))
    second = await _edit(stage, letter, _body(order(1, total="7.00")), actor=GRACE)
    assert first.proposal is not None
    assert second.proposal is not None
    await approve(stage.bench, first.proposal.proposal_id, actor=GRACE)
    with pytest.raises(Contested) as raised:
        await approve(stage.bench, second.proposal.proposal_id, actor=ADA)
    assert raised.value.code == "not_open"
    await stage.settle()
    assert [json.loads(row.data)["totals"]["total"]["amount"] for row in stage.streams.rows] == [
        "120.00"
    ]
    assert await stage.proves_itself()


async def test_what_was_approved_elsewhere_is_carried_out_once(stage: Stage) -> None:
    letter = await _failure(stage)
    edited = await _edit(stage, letter, _body(order(1)))
    assert edited.proposal is not None
    proposal = edited.proposal.proposal_id
    with pytest.raises(AlreadyDecided):
        await carry_out(stage.bench, proposal)
    await stage.database.write(
        lambda c: four_eyes.approve(c, proposal, by=GRACE, now=stage.clock.now())
    )
    await carry_out(stage.bench, proposal)
    with pytest.raises(AlreadyDecided):
        await carry_out(stage.bench, proposal)
    await stage.settle()
    assert len(stage.streams.rows) == 1


async def test_what_cannot_be_edited(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    letter = await _failure(stage)
    with pytest.raises(Malformed):
        await _edit(stage, letter, b"{}", reason=" ")
    with pytest.raises(Unsupported):
        await _edit(stage, 5, b"{}")
    monkeypatch.setattr(edits, "LARGEST", 10)
    with pytest.raises(TooLarge):
        await _edit(stage, letter, b"x" * 11)
    assert len(await stage.database.read(lambda c: c.execute(select(receipts.c.id)).all())) == 1


async def test_without_its_account_nothing_is_known(stage: Stage) -> None:
    letter = await _failure(stage)
    other = Accounts([Account(connector=stage.account.connector, name="other")])
    bench = replace(stage.bench, accounts=other)
    tried = await try_edit(bench, letter, _body(order(1)))
    assert tried.after.failure is not None
    assert tried.after.failure.code == "unknown_account"


async def test_of_two_that_approve_at_once_one_wins(stage: Stage) -> None:
    letter = await _failure(stage)
    edited = await _edit(stage, letter, _body(order(1)))
    assert edited.proposal is not None
    asked = edited.proposal.proposal_id
    answers = await asyncio.gather(
        *(approve(stage.bench, asked, actor=name) for name in (GRACE, "joan", "mary")),
        return_exceptions=True,
    )
    assert sum(isinstance(one, AlreadyDecided) for one in answers) == 2
    await stage.settle()
    assert len(stage.streams.rows) == 1
    assert await stage.proves_itself()


async def test_of_two_that_begin_to_edit_at_once_one_wins(stage: Stage) -> None:
    letter = await _failure(stage)
    answers = await asyncio.gather(
        *(begin_edit(stage.bench, letter, actor=name) for name in (ADA, GRACE, "joan")),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in answers) == ["Contested", "Contested", "Lease"]
