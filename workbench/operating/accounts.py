"""`gateway accounts`: how each account's system is reached, and what is in the way."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.table import Table

from canonical.errors import Malformed
from configuration import AccountSettings
from connectors.contract import Connector
from store.database import Connection, Database
from store.intake import fetches, pauses, polling
from store.records import Pause, PollRow
from workbench.showing import console, harmless, time_text

Name = tuple[str, str]
"""(connector, account)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """What the store knows of all accounts."""

    received: Mapping[Name, datetime]
    paused: Mapping[Name, Pause]
    polls: Sequence[PollRow]
    fetches: Mapping[Name, Mapping[str, int]]
    missed: Mapping[Name, Mapping[str, int]]


async def print_accounts(
    store: Database,
    configured: Sequence[AccountSettings],
    load: Callable[[str], Connector],
    *,
    as_json: bool,
) -> None:
    """Print the configured accounts; as JSON an array of objects."""
    now = datetime.now(UTC)
    standing = await store.read(_standing)
    documents = [_document(one, load(one.connector), standing, now) for one in configured]
    if as_json:
        print(json.dumps(documents, indent=2))
        return
    if not documents:
        console().print("no account is configured")
        return
    console().print(_accounts_table(documents))
    if any(one["polls"] for one in documents):
        console().print(_polls_table(documents))


async def resume(store: Database, shown: str) -> bool:
    """Let a paused account be asked again; False when it is not paused.

    Raises Malformed when this names no account.
    """
    connector, slash, account = shown.partition("/")
    if not (connector and slash and account):
        raise Malformed(f"{shown[:40]!r} is not CONNECTOR/ACCOUNT", code="bad_account")
    actor, now = getpass.getuser(), datetime.now(UTC)
    ended = await store.write(
        lambda connection: pauses.resume(connection, connector, account, actor, now)
    )
    since = f"; it was paused since {time_text(ended.since)}" if ended else ""
    print(f"{shown}: {'resumed' if ended else 'not paused, left as it is'}{since}")
    return ended is not None


def _standing(connection: Connection) -> _Standing:
    return _Standing(
        received=polling.last_received(connection),
        paused={(one.connector, one.account): one for one in pauses.list_pauses(connection)},
        polls=polling.list_polls(connection),
        fetches=fetches.fetch_counts(connection),
        missed=polling.missed_webhooks(connection),
    )


def _document(
    account: AccountSettings, connector: Connector, standing: _Standing, now: datetime
) -> dict[str, Any]:
    name = (account.connector, account.account)
    calls = bool(account.api_secret)
    # Without webhooks everything comes by polling, and nothing is missed.
    has_webhooks = "webhook" in connector.manifest.transports and bool(account.secrets)
    counts = standing.fetches.get(name, {})
    pause = standing.paused.get(name)
    return {
        "account": "/".join(name),
        "transports": _transports(account, connector, has_webhooks=has_webhooks),
        "last_received": _time(standing.received.get(name)),
        "paused": None
        if pause is None
        else {"since": _time(pause.since), "code": pause.code, "message": pause.message},
        "polls": [
            _poll_document(one, now)
            for one in standing.polls
            if calls and account.poll and (one.connector, one.account) == name
        ],
        "fetches": {state: counts.get(state, 0) for state in ("pending", "done", "dead")},
        "missed_webhooks": dict(standing.missed.get(name, {})) if has_webhooks else None,
    }


def _transports(account: AccountSettings, connector: Connector, *, has_webhooks: bool) -> list[str]:
    used = {
        "webhook": has_webhooks,
        "file": account.folder is not None,
        "poll": bool(account.api_secret and account.poll and connector.polls),
        "fetch": bool(account.api_secret and connector.fetch),
    }
    return [name for name, is_used in used.items() if is_used]


def _poll_document(row: PollRow, now: datetime) -> dict[str, Any]:
    lag = None if row.last_finished is None else int((now - row.last_finished).total_seconds())
    return {
        "poll": row.poll,
        "last_started": _time(row.last_started),
        "last_finished": _time(row.last_finished),
        "lag_s": lag,
        "due_at": _time(row.due_at),
        "last_error": row.last_error,
        "failures": row.failures,
        "turns": row.turns,
        "found": row.found,
        "new_by_poll": row.new_by_poll,
    }


def _accounts_table(documents: Sequence[dict[str, Any]]) -> Table:
    table = Table("account", "transports", "last received", "to fetch", "missed webhooks", "paused")
    for one in documents:
        paused, missed = one["paused"], one["missed_webhooks"]
        table.add_row(
            one["account"],
            ", ".join(one["transports"]) or "none",
            one["last_received"] or "–",
            str(one["fetches"]["pending"]),
            "–" if missed is None else str(sum(missed.values())),
            harmless(f"{paused['code']} since {paused['since']}") if paused else "no",
        )
    return table


def _polls_table(documents: Sequence[dict[str, Any]]) -> Table:
    table = Table("account", "poll", "last turn", "lag", "turns", "found", "new", "error")
    for one in documents:
        for poll in one["polls"]:
            table.add_row(
                one["account"],
                poll["poll"],
                poll["last_finished"] or "–",
                "–" if poll["lag_s"] is None else f"{poll['lag_s']} s",
                str(poll["turns"]),
                str(poll["found"]),
                str(poll["new_by_poll"]),
                harmless(poll["last_error"] or "no"),
            )
    return table


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else time_text(moment)
