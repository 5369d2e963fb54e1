"""Failures and their groups as the REST API tells them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from store.access.proposals import PROPOSAL
from store.ids import DEAD_LETTER, MESSAGE, RECEIPT, show_id
from store.mending.edits import EDIT, Edit, Lease
from store.mending.failure_groups import GROUP
from store.mending.failure_notes import Note
from store.records import DeadLetter, MessageRow
from workbench.failures.differences import Difference
from workbench.failures.dry_runs import DryRun, TriedFact
from workbench.failures.failure import Failure
from workbench.failures.groups import GroupView
from workbench.failures.locating import View


class Body(BaseModel):
    """What is sent; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """What is told; made from the workbench's own values."""

    model_config = ConfigDict(from_attributes=True)


class ShownTrend(Shown):
    """Failures by hour (24) and by day (14), oldest first, each ending with the passing one."""

    hours: list[int]
    days: list[int]


class ShownGroup(Shown):
    """A group: failures that are alike. What differs among them is empty."""

    id: str
    grouping: str
    connector: str
    account: str
    kind: str
    stage: str
    error_code: str
    field_path: str
    text: str
    open_count: int
    total_count: int
    failure_count: int
    first_seen: datetime
    last_seen: datetime
    opened_at: datetime
    reopened_count: int
    state: str
    closed_at: datetime | None
    closed_by: str | None
    close_reason: str | None
    owner: str | None
    severity: str
    tags: list[str]
    due_at: datetime | None
    """When it is to be done with; null for one that is closed or muted."""
    overdue: bool
    trend: ShownTrend
    revision: int

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "id": "grp_5m2v0c8n1q7za", "grouping": "field", "connector": "shopify",
                "account": "", "kind": "", "stage": "translate", "error_code": "unknown_currency",
                "field_path": "currency", "text": "", "open_count": 412, "total_count": 530,
                "failure_count": 611, "first_seen": "2026-03-02T08:00:00Z",
                "last_seen": "2026-03-02T09:58:11Z", "opened_at": "2026-03-02T08:00:00Z",
                "reopened_count": 1, "state": "open", "closed_at": None, "closed_by": None,
                "close_reason": None, "owner": "ada", "severity": "high", "tags": ["currency"],
                "due_at": "2026-03-02T16:00:00Z", "overdue": False,
                                "revision": 3,
            }
        }
    )  # fmt: skip


class ShownNote(Shown):
    """What somebody wrote down."""

    at: datetime
    author: str
    text: str


class ShownFailure(Shown):
    """A failure as lists show it."""

    id: str
    receipt_id: str | None
    message_row_id: str | None
    subscriber: str | None
    message_id: str | None
    connector: str
    account: str
    kind: str
    stage: str
    error_code: str
    field_path: str
    record_at: str
    message: str
    attempts: int
    first_failed_at: datetime
    last_failed_at: datetime
    state: str
    closed_at: datetime | None
    closed_by: str | None
    reason: str | None


class ShownAttempt(Shown):
    """One try."""

    at: datetime
    stage: str
    outcome: str
    error_code: str | None
    message: str | None
    subscriber: str | None


class ShownMessage(Shown):
    """A canonical message of this payload, or of its chains."""

    id: str
    type: str
    subject: str
    key: str
    correlation: str
    verdict: str
    state: str
    at: str
    occurred_at: datetime | None
    published_at: datetime | None


class ShownEdit(Shown):
    """An edited copy."""

    id: str
    state: str
    editor: str
    reason: str
    at: datetime
    applied_at: datetime | None
    original_receipt_id: str
    edited_receipt_id: str | None
    proposal_id: str | None
    sha256: str
    size: int


class ShownLease(Shown):
    """Who edits a failure, and until when unless they go on."""

    editor: str
    since: datetime
    until: datetime


class FailureDetail(ShownFailure):
    """A failure with what surrounds it."""

    groups: dict[str, str]
    tries: list[ShownAttempt]
    messages: list[ShownMessage]
    neighbours: list[ShownMessage]
    notes: list[ShownNote]
    edits: list[ShownEdit]
    lease: ShownLease | None
    is_replaying: bool
    size: int | None
    """Bytes of its payload."""


class ShownDifference(Shown):
    """One field that is not the same."""

    path: str
    kind: str
    old: Any
    new: Any
    context: bool


class ShownTry(Shown):
    """A message that would come out of a payload."""

    type: str
    subject: str
    key: str
    expected: str
    """new, same (nothing happens), differs (a conflict) or stale."""
    differences: list[ShownDifference]


class ShownProblem(Shown):
    """A record that would fail."""

    code: str
    path: str
    at: str
    message: str


class ShownDryRun(Shown):
    """What would become of a payload; nothing was stored."""

    outcome: str
    kind: str
    succeeds: bool
    counts: dict[str, int]
    facts: list[ShownTry]
    problems: list[ShownProblem]
    failure: ShownProblem | None
    ignored: int
    more: bool
    """Whether the payload holds more than was looked at."""


class ShownField(Shown):
    """An element of a segment, a cell of a row."""

    name: str
    text: str
    marked: bool


class ShownLine(Shown):
    """A line of a payload; control characters are replaced."""

    number: int
    text: str
    depth: int
    label: str
    fields: list[ShownField]
    marked: bool
    lossy: bool
    left_out: int


class ShownPayload(Shown):
    """A page of a payload as it came."""

    form: str
    lines: list[ShownLine]
    offset: int
    more: bool
    lossy: bool
    not_looked_at: int
    exact: bool | None
    """Whether the place of the error is there itself; null where nothing is marked."""


def shown_group(view: GroupView) -> ShownGroup:
    """A group as it is told."""
    values = _plain(view.group)
    values["id"] = show_id(GROUP, view.group.group_id)
    return ShownGroup.model_validate(
        values | {"due_at": view.due_at, "overdue": view.overdue, "trend": view.trend}
    )


def shown_failure(letter: DeadLetter) -> ShownFailure:
    """A failure as lists tell it."""
    return ShownFailure.model_validate(_failure_values(letter))


def failure_detail(failure: Failure) -> FailureDetail:
    """A failure with all that is around it."""
    around = {
        "groups": {name: show_id(GROUP, number) for name, number in failure.groups.items()},
        "tries": failure.attempts,
        "messages": [_message(one) for one in failure.messages],
        "neighbours": [_message(one) for one in failure.neighbours],
        "notes": failure.notes,
        "edits": [shown_edit(one) for one in failure.edits],
        "lease": failure.lease,
        "is_replaying": failure.is_replaying,
        "size": failure.receipt.size if failure.receipt else None,
    }
    return FailureDetail.model_validate(_failure_values(failure.letter) | around)


def shown_edit(edit: Edit) -> ShownEdit:
    """An edited copy, without its bytes."""
    values = _plain(edit) | {
        "id": show_id(EDIT, edit.edit_id),
        "original_receipt_id": show_id(RECEIPT, edit.original_receipt_id),
        "edited_receipt_id": _id(RECEIPT, edit.edited_receipt_id),
        "proposal_id": _id(PROPOSAL, edit.proposal_id),
        "sha256": edit.digest.hex(),
    }
    return ShownEdit.model_validate(values)


def shown_note(note: Note) -> ShownNote:
    """A note."""
    return ShownNote.model_validate(note)


def shown_lease(lease: Lease) -> ShownLease:
    """Who is editing."""
    return ShownLease.model_validate(lease)


def shown_dry_run(run: DryRun) -> ShownDryRun:
    """What would become of a payload."""
    values = _plain(run) | {
        "succeeds": run.succeeds,
        "counts": dict(run.counts),
        "facts": [_fact(one) for one in run.facts],
        "failure": None if run.failure is None else _plain(run.failure) | {"at": ""},
    }
    return ShownDryRun.model_validate(values)


def shown_payload(view: View) -> ShownPayload:
    """A page of a payload."""
    exact = None if view.mark is None else view.mark.exact
    return ShownPayload.model_validate(_plain(view) | {"exact": exact})


def shown_difference(one: Difference) -> ShownDifference:
    """One field that is not the same."""
    return ShownDifference.model_validate(one)


def _fact(one: TriedFact) -> Mapping[str, Any]:
    message = one.message
    return {
        "type": message.type,
        "subject": message.subject,
        "key": message.key,
        "expected": one.expected,
        "differences": one.differences,
    }


def _failure_values(letter: DeadLetter) -> dict[str, Any]:
    return _plain(letter) | {
        "id": show_id(DEAD_LETTER, letter.dead_letter_id),
        "receipt_id": _id(RECEIPT, letter.receipt_id),
        "message_row_id": _id(MESSAGE, letter.message_row_id),
    }


def _message(row: MessageRow) -> dict[str, Any]:
    return _plain(row) | {"id": show_id(MESSAGE, row.row_id)}


def _plain(value: Any) -> dict[str, Any]:
    """The members of a data class, one level deep."""
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _id(prefix: str, number: int | None) -> str | None:
    return None if number is None else show_id(prefix, number)
