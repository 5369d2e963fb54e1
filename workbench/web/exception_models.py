"""Exceptions and records as the API tells them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from domains.contract import Decision
from domains.engine.record_lists import KeptFact, StoredRecord
from domains.exceptions.stored import EXCEPTION, HistoryEntry, StoredException
from store.access.proposals import PROPOSAL
from store.ids import show_id
from workbench.business.exceptions import ExceptionView
from workbench.business.exceptions_deciding import Decided, Offered
from workbench.business.exceptions_records import RecordView


class ShownException(BaseModel):
    """Something that does not agree between order and cash."""

    id: str = Field(examples=["exc_0cvn2qe9g0g00"])
    domain: str = Field(examples=["cash"])
    kind: str = Field(examples=["short_payment"])
    record: str = Field(examples=["receipt/bank/1"], description="its key; or a fact's id")
    label: str = Field(examples=["R-1001"], description="the number people use for the record")
    owner: str = Field(description="sales, operations, finance or it")
    assigned_to: str | None
    state: str = Field(description="open, resolved or ended")
    explanation: str
    expected: str | None = Field(examples=["120.00 EUR"])
    received: str | None = Field(examples=["100.00 EUR"])
    balance: str | None = Field(examples=["20.00 EUR"])
    involved: list[str]
    since: datetime | None = Field(description="when what is wrong happened, by the facts")
    opened_at: datetime = Field(description="when it was opened last")
    due_at: datetime
    overdue: bool
    age: int = Field(description="0, 7, 14 or 30: the days it has been open for at least")
    escalated: int
    changed_at: datetime
    ended_at: datetime | None
    ended_by: str | None
    reason: str | None
    words: str | None
    branch: str | None = Field(description="which way the work went")
    times_opened: int
    revision: int = Field(description="to be sent back with what you do about it")


class ShownEntry(BaseModel):
    """Something that happened to an exception."""

    at: datetime
    by: str = Field(description="a person, a token, or `gateway`")
    action: str = Field(examples=["escalated"])
    detail: dict[str, Any]


class ShownFact(BaseModel):
    """A fact a record or an exception rests on."""

    id: str = Field(description="the CloudEvents id of its message")
    type: str
    source: str
    key: str
    occurred_at: datetime
    arrived_at: datetime
    receipt: str = Field(examples=["rcp_0cvn2qe9g0g00"])
    correlation: str


class ShownAction(BaseModel):
    """What people may decide about a record."""

    action: str
    money: bool = Field(description="it is proposed, and somebody else approves it")
    about: str


class ExceptionDetail(ShownException):
    """An exception with what surrounds it."""

    history: list[ShownEntry]
    facts: list[ShownFact]
    others: list[str] = Field(description="ids of other exceptions of the same record")
    proposals: list[str] = Field(description="what waits for a second person")
    actions: list[ShownAction]


class ShownRecord(BaseModel):
    """A record as its domain derived it last."""

    domain: str
    key: str
    kind: str
    label: str
    status: str
    created_at: datetime
    updated_at: datetime


class ShownDecision(BaseModel):
    """What somebody decided about a record."""

    id: str
    at: datetime
    by: str
    action: str
    subject: str
    values: dict[str, Any]
    reason: str


class RecordDetail(ShownRecord):
    """A record with what it rests on."""

    state: dict[str, Any]
    facts: list[ShownFact]
    exceptions: list[ShownException]
    decisions: list[ShownDecision]
    proposals: list[str]
    actions: list[ShownAction]


class ShownOutcome(BaseModel):
    """What became of a decision: one of the two."""

    decision: str | None = Field(examples=["dec_0cvn2qe9g0g00"])
    proposal: str | None = Field(description="it moves money: it waits for a second person")


def shown_exception(one: StoredException, now: datetime) -> ShownException:
    """An exception as the API tells it."""
    same = {
        name: getattr(one, name)
        for name in ShownException.model_fields
        if name not in {"id", "record", "label", "overdue", "age", "involved"}
    }
    return ShownException(
        id=show_id(EXCEPTION, one.exception_id),
        record=one.record_key,
        label=one.record_label,
        overdue=one.is_overdue(now),
        age=one.level(now) if one.state == "open" else 0,
        involved=list(one.involved),
        **same,
    )


def shown_entry(one: HistoryEntry) -> ShownEntry:
    """A history's entry as the API tells it."""
    return ShownEntry(at=one.at, by=one.by, action=one.action, detail=dict(one.detail))


def shown_fact(one: KeptFact) -> ShownFact:
    """A fact as the API tells it."""
    same = ("type", "source", "key", "occurred_at", "arrived_at", "receipt", "correlation")
    return ShownFact(id=one.message_id, **{name: getattr(one, name) for name in same})


def shown_action(one: Offered) -> ShownAction:
    """An action as the API tells it."""
    return ShownAction(action=one.name, money=one.moves_money, about=one.about)


def exception_detail(view: ExceptionView, offered: list[Offered], now: datetime) -> ExceptionDetail:
    """An exception with what surrounds it."""
    told = shown_exception(view.exception, now)
    return ExceptionDetail(
        **told.model_dump(),
        history=[shown_entry(one) for one in view.history],
        facts=[shown_fact(one) for one in view.facts],
        others=[show_id(EXCEPTION, one.exception_id) for one in view.others],
        proposals=[show_id(PROPOSAL, one.proposal_id) for one in view.waiting],
        actions=[shown_action(one) for one in offered],
    )


def shown_record(one: StoredRecord) -> ShownRecord:
    """A record as lists tell it."""
    return ShownRecord(**{name: getattr(one, name) for name in ShownRecord.model_fields})


def record_detail(view: RecordView, offered: list[Offered], now: datetime) -> RecordDetail:
    """A record with what it rests on."""
    return RecordDetail(
        **shown_record(view.record).model_dump(),
        state=dict(view.record.state),
        facts=[shown_fact(one) for one in view.facts],
        exceptions=[shown_exception(one, now) for one in view.exceptions],
        decisions=[shown_decision(one) for one in view.decisions],
        proposals=[show_id(PROPOSAL, one.proposal_id) for one in view.waiting],
        actions=[shown_action(one) for one in offered],
    )


def shown_decision(one: Decision) -> ShownDecision:
    """A decision as the API tells it."""
    same = {name: getattr(one, name) for name in ("id", "at", "by", "action", "subject", "reason")}
    return ShownDecision(values=dict(one.values), **same)


def shown_outcome(one: Decided) -> ShownOutcome:
    """What became of a decision, as the API tells it."""
    proposal = one.proposal
    return ShownOutcome(
        decision=one.decision,
        proposal=None if proposal is None else show_id(PROPOSAL, proposal.proposal_id),
    )
