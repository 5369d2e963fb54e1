"""`gateway dead replay`: failures go through today's connector once more."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from canonical.errors import Unsupported
from configuration import Configuration
from routing.accounts import Accounts
from routing.envelope import entry_fields, envelope_text, parse_entry
from store import subscriptions
from store.database import Connection, Database
from store.failures import dead_letters
from store.finding import audit
from store.intake import fetches, inbox
from store.log import outbox, replays
from store.mending.contested import Contested
from store.records import DeadLetter, Retry
from transports.running import OpenHub
from workbench.bench import Bench
from workbench.failures.dead import load


@dataclass(frozen=True, slots=True)
class _Started:
    shown_id: str
    letter: DeadLetter
    begun: bool


async def replay(
    configuration: Configuration, accounts: Accounts, open_hub: OpenHub, shown_ids: Sequence[str]
) -> int:
    """Replay each failure and say what came of it; 0 when none of them is open any more.

    Raises Malformed for a bad id, Unsupported for an unknown one.
    """
    actor, now = getpass.getuser(), datetime.now(UTC)
    async with open_hub(configuration, accounts, alone=False) as hub:
        started = [await _start(hub.database, one, actor, now) for one in shown_ids]
        await hub.pipeline.settle()
        still_open = 0
        for one in started:
            state = await _state(hub.database, one)
            print(f"{one.shown_id}: {state}")
            still_open += state.startswith("open")
    return 1 if still_open else 0


async def _start(store: Database, shown_id: str, actor: str, now: datetime) -> _Started:
    def begin(connection: Connection) -> _Started:
        letter = load(connection, shown_id)
        return _Started(shown_id, letter, begin_replay(connection, letter, actor, now))

    return await store.write(begin)


async def replay_letter(bench: Bench, dead_letter_id: int, *, actor: str) -> DeadLetter:
    """Replay one failure as it is; what comes of it is seen in the failure itself.

    Raises Contested (`not_open`, `being_replayed`), Unsupported (`unknown_dead_letter`).
    """
    now = bench.now()

    def begin(connection: Connection) -> DeadLetter:
        letter = dead_letters.load_dead(connection, dead_letter_id)
        if letter is None:
            raise Unsupported("there is no such dead letter", code="unknown_dead_letter")
        if letter.state != "open":
            raise Contested(f"the failure is {letter.state} already", code="not_open")
        if not begin_replay(connection, letter, actor, now):
            raise Contested("a replay of it is under way already", code="being_replayed")
        return letter

    letter = await bench.database.write(begin)
    bench.wake()
    return letter


def begin_replay(
    connection: Connection, letter: DeadLetter, actor: str, now: datetime, *, operation: str = ""
) -> bool:
    """Set a replay going; False when there is nothing to replay, or one is outstanding already."""
    if letter.state != "open":
        return False
    if letter.subscriber is not None:
        return _give_again(
            connection, letter, letter.subscriber, actor=actor, now=now, operation=operation
        )
    if letter.stage == dead_letters.FETCH_STAGE:
        return fetches.replay_fetch(connection, letter.dead_letter_id, actor, now)
    if letter.receipt_id is None:
        return False
    return replays.reopen_receipt(connection, letter.receipt_id, actor, now, operation=operation)


def _give_again(
    connection: Connection,
    letter: DeadLetter,
    subscriber: str,
    *,
    actor: str,
    now: datetime,
    operation: str,
) -> bool:
    """Put a message on its subscriber's schedule, due at once, with all its tries before it."""
    if letter.message_id and replays.is_scheduled(connection, subscriber, letter.message_id):
        return False
    row = outbox.load_routed(connection, letter.message_id) if letter.message_id else None
    if row is None:
        return False
    fields = {name.encode(): value.encode() for name, value in entry_fields(row).items()}
    retry = Retry(
        subscriber=subscriber,
        message_id=row.message_id,
        stream=row.destinations[0],
        envelope=envelope_text(parse_entry(fields)),
        attempts=0,
        due_at=now,
        error_code=letter.error_code,
        message=letter.message,
        first_failed_at=letter.first_failed_at,
    )
    subscriptions.schedule_retry(connection, retry, now)
    audit.append_audit(
        connection,
        at=now,
        actor=actor,
        action="message.replay",
        target=row.message_id,
        details={"subscriber": subscriber} | ({"operation": operation} if operation else {}),
    )
    return True


async def _state(store: Database, one: _Started) -> str:
    def look(connection: Connection) -> str:
        after = dead_letters.load_dead(connection, one.letter.dead_letter_id)
        if after is None:
            return "gone"
        if not one.begun:
            return f"{after.state}, nothing to replay"
        if after.state != "open":
            return after.state
        if after.stage == dead_letters.FETCH_STAGE:
            return "on its way: a running gateway fetches it"
        receipt = inbox.load_receipt(connection, after.receipt_id) if after.receipt_id else None
        if after.subscriber is not None or (receipt and receipt.state == "pending"):
            return "on its way"
        return f"open, failed again: {after.error_code}"

    return await store.read(look)
