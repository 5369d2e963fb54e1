"""What people do about exceptions. Each act is in the history, and in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, update

from canonical.errors import Malformed
from domains.contract import Owner
from domains.exceptions.listing import load_exception
from domains.exceptions.stored import EXCEPTION, Happened, StoredException, add_history
from domains.exceptions.tables import exceptions
from store.access.audit_log import append_audit
from store.ids import show_id
from store.mending.contested import Contested
from store.statements import storable
from store.times import micros

REASONS: Final[Mapping[str, str]] = {
    "corrected_at_source": "put right in the system it came from",
    "accepted_difference": "the difference is accepted as it is",
    "written_off": "the difference is borne",
    "duplicate": "told by another exception, or twice",
    "customer_agreed": "settled with the customer",
    "false_alarm": "nothing was wrong",
    "other": "another reason, told in words",
}
"""Why an exception is closed; `other` needs words."""
BRANCHES: Final[Mapping[str, str]] = {
    "corrected": "the data was put right",
    "accepted": "it stays as it is",
    "compensated": "the customer is credited, refunded or sent it again",
    "collected": "the customer pays the rest",
    "disputed": "it is settled with customer, carrier or bank outside",
    "written_off": "the company bears it",
    "prevented": "its cause is being removed",
    "dropped": "nothing is to be done",
}
"""Which way the work went."""
_BRANCH_OF: Final[Mapping[str, str]] = {
    "corrected_at_source": "corrected",
    "accepted_difference": "accepted",
    "written_off": "written_off",
    "customer_agreed": "disputed",
    "duplicate": "dropped",
    "false_alarm": "dropped",
    "other": "accepted",
}
LONGEST: Final = 10_000
LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who does something and when; `revision` is what they saw (None: whatever there is)."""

    by: str
    now: datetime
    revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """How an exception is closed."""

    reason: str
    """One of REASONS."""
    words: str = ""
    branch: str = ""
    """One of BRANCHES; empty: the one that goes with the reason."""


def assign(connection: Connection, exception_id: int, name: str, act: Act) -> StoredException:
    """Give an exception to a person; an empty name: to nobody.

    Raises Contested, Malformed (`bad_name`), Unsupported (`unknown_exception`).
    """
    given = storable(name.strip())
    if len(given) > LONGEST_NAME:
        raise Malformed("nobody's name is so long", code="bad_name", path="assigned_to")
    before = _open(connection, exception_id)
    detail = {"from": before.assigned_to, "to": given or None}
    return _change(
        connection, before, {"assigned_to": given or None}, act, action="assigned", detail=detail
    )


def move(connection: Connection, exception_id: int, owner: str, act: Act) -> StoredException:
    """Hand an exception to another team; it stays there until the rule itself names another.

    Raises Contested, Malformed (`unknown_owner`), Unsupported (`unknown_exception`).
    """
    if owner not in set(Owner):
        raise Malformed(
            f"an owner is one of {', '.join(Owner)}", code="unknown_owner", path="owner"
        )
    before = _open(connection, exception_id)
    detail = {"from": before.owner, "to": owner}
    return _change(connection, before, {"owner": owner}, act, action="moved", detail=detail)


def note(connection: Connection, exception_id: int, text: str, act: Act) -> None:
    """Write something down about an exception, be it closed.

    Raises Malformed (`bad_note`), Unsupported (`unknown_exception`).
    """
    if not text.strip() or len(text) > LONGEST:
        raise Malformed(f"a note has 1 to {LONGEST} characters", code="bad_note", path="text")
    load_exception(connection, exception_id)
    told(
        connection,
        exception_id,
        "note",
        {"text": storable(text)},
        act,
        audited={"length": len(text)},
    )


def resolve(
    connection: Connection, exception_id: int, resolution: Resolution, act: Act
) -> StoredException:
    """Close an exception. It stays closed as long as what it says stays the same.

    Raises Contested, Malformed (`bad_reason`, `bad_branch`), Unsupported (`unknown_exception`).
    """
    how = _checked(resolution)
    before = _open(connection, exception_id)
    values = how | {"state": "resolved", "ended_at": micros(act.now), "ended_by": act.by}
    return _change(connection, before, values, act, action="resolved", detail=how)


def _checked(resolution: Resolution) -> dict[str, str | None]:
    words = resolution.words.strip()
    if resolution.reason not in REASONS or (resolution.reason == "other" and not words):
        raise Malformed(f"a reason is one of {', '.join(REASONS)}; other needs words", code="bad_reason", path="reason")  # fmt: skip  # noqa: E501
    if len(words) > LONGEST:
        raise Malformed(f"at most {LONGEST} characters", code="bad_reason", path="words")
    branch = resolution.branch or _BRANCH_OF[resolution.reason]
    if branch not in BRANCHES:
        raise Malformed(
            f"a branch is one of {', '.join(BRANCHES)}", code="bad_branch", path="branch"
        )
    return {"reason": resolution.reason, "words": storable(words) or None, "branch": branch}


def reopen(connection: Connection, exception_id: int, words: str, act: Act) -> StoredException:
    """Open what a person resolved; its clock goes on as if it had not been.

    Raises Contested (`not_resolved`), Malformed (`reason_required`), Unsupported.
    """
    if not words.strip() or len(words) > LONGEST:
        raise Malformed("say why it is opened again", code="reason_required", path="words")
    before = load_exception(connection, exception_id)
    if before.state != "resolved":
        raise Contested(f"it is {before.state}, nobody has resolved it", code="not_resolved")
    cleared = dict.fromkeys(("ended_at", "ended_by", "reason", "words", "branch"))
    values = {"state": "open", "times_opened": before.times_opened + 1, **cleared}
    return _change(
        connection, before, values, act, action="reopened", detail={"why": storable(words.strip())}
    )


def told(
    connection: Connection,
    exception_id: int,
    action: str,
    detail: Mapping[str, Any],
    act: Act,
    *,
    audited: Mapping[str, Any] | None = None,
) -> None:
    """Put an act into the history and the audit log; the log has `audited` in place of all."""
    entry = Happened(exception_id=exception_id, action=action, by=act.by, detail=detail)
    add_history(connection, [entry], act.now)
    append_audit(
        connection,
        at=act.now,
        actor=act.by,
        action=f"exception.{action}",
        target=show_id(EXCEPTION, exception_id),
        details=dict(detail if audited is None else audited),
    )


def _open(connection: Connection, exception_id: int) -> StoredException:
    found = load_exception(connection, exception_id)
    if found.state != "open":
        by = f" by {found.ended_by}" if found.ended_by else ""
        raise Contested(f"it is {found.state} already{by}", code="not_open")
    return found


def _change(
    connection: Connection,
    before: StoredException,
    values: Mapping[str, Any],
    act: Act,
    *,
    action: str,
    detail: Mapping[str, Any],
) -> StoredException:
    seen = before.revision if act.revision is None else act.revision
    changed = connection.execute(
        update(exceptions)
        .where(exceptions.c.id == before.exception_id, exceptions.c.revision == seen)
        .values(**values, changed_at=micros(act.now), revision=seen + 1)
    )
    if not changed.rowcount:
        raise Contested(
            "somebody else has changed this exception meanwhile", code="changed_meanwhile"
        )
    told(connection, before.exception_id, action, detail, act)
    return load_exception(connection, before.exception_id)
