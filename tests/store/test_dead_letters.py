"""Dead letters: listed, given up by name, and never twice for one thing."""

from __future__ import annotations

from typing import Any

import pytest

from canonical.errors import Malformed
from store.database import Database
from store.failures.dead_letters import (
    SubscriberFailure,
    discard,
    list_dead,
    load_dead,
    open_subscriber_dead_letter,
)
from store.finding import audit
from store.log.normalised import reopen_receipt
from store.records import DeadLetter
from tests.store.building import (
    FAILURE,
    IDS,
    LATER,
    NOW,
    accept,
    balanced,
    delivery,
    message_states,
    problem,
    receipt,
    receipt_states,
    record,
    translation,
)


async def _list(database: Database, **wanted: Any) -> list[DeadLetter]:
    return await database.read(lambda c: list_dead(c, **wanted))


async def _discard(
    database: Database, dead_letter_id: int, actor: str = "ada@example.com", reason: str = "a test"
) -> bool:
    return await database.write(lambda c: discard(c, dead_letter_id, actor, reason, LATER))


def _subscriber_failure(**changes: Any) -> SubscriberFailure:
    given: dict[str, Any] = {
        "dead_letter_id": IDS.next(),
        "subscriber": "billing",
        "message_id": "m-1",
        "receipt_id": 7,
        "connector": "shopify",
        "account": "acme",
        "kind": "o2c.order.placed",
        "error_code": "no_customer",
        "message": "no such customer",
        "attempts": 5,
        "first_failed_at": NOW,
    }
    return SubscriberFailure(**given | changes)


async def test_lists_are_narrowed_and_paged(database: Database) -> None:
    one = await receipt(database, failure=FAILURE)
    await accept(database, delivery("b", failure=FAILURE, connector="stripe", account="eu"))
    rows = await receipt(database, "c")
    await record(database, translation(rows, problem("line[1]"), problem("line[2]", position=1)))

    everything = await _list(database)
    assert [letter.dead_letter_id for letter in everything] == sorted(
        (letter.dead_letter_id for letter in everything), reverse=True
    )
    assert len(everything) == 4
    assert [letter.receipt_id for letter in await _list(database, account="acme", error_code="bad_total")] == [one]  # fmt: skip  # noqa: E501
    assert len(await _list(database, connector="stripe")) == 1
    assert len(await _list(database, stage="translate", limit=3)) == 3
    assert await _list(database, before=everything[2].dead_letter_id) == everything[3:]
    assert await _list(database, state="discarded") == []
    found = await database.read(lambda c: load_dead(c, everything[0].dead_letter_id))
    assert found == everything[0]
    assert await database.read(lambda c: load_dead(c, 1)) is None


async def test_a_receipt_is_given_up_by_name(database: Database) -> None:
    one = await receipt(database, failure=FAILURE)
    (letter,) = await _list(database)
    assert await _discard(database, letter.dead_letter_id, reason="sent by mistake")
    assert not await _discard(database, letter.dead_letter_id)

    (closed,) = await _list(database, state="discarded")
    assert (closed.closed_by, closed.reason) == ("ada@example.com", "sent by mistake")
    assert closed.closed_at == LATER
    assert await receipt_states(database) == {"discarded": 1}
    assert not await database.write(lambda c: reopen_receipt(c, one, "ada@example.com", LATER))
    assert [entry.action for entry in await database.read(audit.recent_audit)] == [
        "dead_letter.discard"
    ]
    assert await database.read(audit.verify_audit_log) is None
    assert await balanced(database)


async def test_a_record_is_given_up_and_its_receipt_stands(database: Database) -> None:
    one = await receipt(database)
    await record(database, translation(one, problem("line[1]"), problem("line[2]", position=1)))
    letter = (await _list(database))[0]
    assert await _discard(database, letter.dead_letter_id)
    assert await message_states(database) == {"dead": 1, "discarded": 1}
    assert await receipt_states(database) == {"translated": 1}
    assert await balanced(database)


@pytest.mark.parametrize(("actor", "reason"), [("", "why"), ("ada", " ")])
async def test_giving_up_needs_a_name_and_a_reason(
    database: Database, actor: str, reason: str
) -> None:
    await receipt(database, failure=FAILURE)
    (letter,) = await _list(database)
    with pytest.raises(Malformed) as raised:
        await _discard(database, letter.dead_letter_id, actor, reason)
    assert raised.value.code == "reason_required"
    assert await receipt_states(database) == {"dead": 1}


async def test_what_is_being_replayed_is_not_given_up(database: Database) -> None:
    one = await receipt(database, failure=FAILURE)
    await database.write(lambda c: reopen_receipt(c, one, "ada@example.com", NOW))
    (letter,) = await _list(database)
    assert not await _discard(database, letter.dead_letter_id)
    assert await receipt_states(database) == {"pending": 1}


async def test_a_subscriber_has_one_open_letter_a_message(database: Database) -> None:
    first, again = _subscriber_failure(), _subscriber_failure(error_code="no_address")
    ids = [
        await database.write(lambda c: open_subscriber_dead_letter(c, first, NOW)),
        await database.write(lambda c: open_subscriber_dead_letter(c, again, LATER)),
    ]
    (letter,) = await _list(database, stage="subscribe")
    assert ids == [letter.dead_letter_id] * 2
    assert (letter.attempts, letter.error_code, letter.last_failed_at) == (6, "no_address", LATER)
    assert letter.first_failed_at == NOW

    assert await _discard(database, letter.dead_letter_id)
    other = await database.write(lambda c: open_subscriber_dead_letter(c, again, LATER))
    assert other == again.dead_letter_id


async def test_two_subscribers_fail_apart(database: Database) -> None:
    for name in ("billing", "shipping"):
        failure = _subscriber_failure(subscriber=name)
        await database.write(lambda c: open_subscriber_dead_letter(c, failure, NOW))  # noqa: B023
    assert len(await _list(database)) == 2
