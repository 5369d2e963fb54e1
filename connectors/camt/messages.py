"""Entries and balances as canonical messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from functools import lru_cache
from typing import Any, Final

from canonical.cash import (
    BankBalanceReported,
    BankEntryBooked,
    BankEntryNotified,
    BankEntryReversed,
    BatchPosition,
)
from canonical.keys import Key
from canonical.message import Message
from canonical.values import Identifier
from connectors.camt.details import (
    SCHEME,
    Reference,
    Remittance,
    charges,
    information,
    instructed,
    references_of,
    return_reason,
    transaction_code,
)
from connectors.camt.entries import BOOKED, Entry, Part
from connectors.camt.fields import reference_at
from connectors.camt.keys import Occurrences, entry_identity, part_identities
from connectors.camt.node import NOTHING
from connectors.camt.parties import counterparty, fields_of, ultimate_counterparty
from connectors.camt.statements import Balance, Head

_kept_key: Final = lru_cache(maxsize=256)(Key.of)
"""For what all entries of a statement have in common."""


def fact_of(entry: Entry, head: Head, cash_from: str) -> tuple[str, ...]:
    """What is told: cash, or a notice in one report and status; the head of its key.

    An advice and a booking of one entry are two facts, and a pending entry and a booked one are.
    """
    report = head.position.report
    if entry.movement.status == BOOKED and report == cash_from:
        return ("bank-entry",)
    return ("bank-notice", report, entry.movement.status)


def entry_messages(
    entry: Entry,
    head: Head,
    *,
    account: str,
    cash_from: str,
    seen: Occurrences,
    received_at: datetime,
    at: str,
) -> Iterator[Message]:
    """One message for the entry, or for each transaction it is split into."""
    fact = fact_of(entry, head, cash_from)
    identity = entry_identity(entry, fact, head.statement_id, seen)
    owner = (head.account.value, entry.movement.amount.currency)
    happened = _happened(entry, head, received_at)
    within = _kept_key(fact[0], "camt", account, *owner, *fact[1:]).text
    bank = _kept_key("bank", head.account.value).text
    whole = Key.of(*identity).text
    for part, own in zip(entry.parts, part_identities(entry), strict=True):
        name = f"{whole}/{Key.of(*own).text}" if own else whole
        yield Message(
            key=Key(f"{within}/{name}"),
            data=_payload(entry, part, head, fact),
            occurred_at=happened,
            subject=f"bank-entry/{name}",
            correlation=f"{bank}/{whole}",
            partition=bank,
            at=at if part.count == 1 else f"{at}/TxDtls[{part.index}]",
        )


def balance_message(
    balance: Balance, head: Head, *, account: str, seen: Occurrences, at: str
) -> Message:
    """A balance as the statement reports it; `seen` belongs to the statement."""
    report = head.position.report
    day = balance.date.isoformat()
    statement = (head.statement_id, head.sequence or "", head.page or "")
    owner = (head.account.value, balance.money.currency)
    kind = (*statement, balance.code, balance.subtype, day)
    # Some reports give two balances of one kind and day, such as a limit and what is used of it.
    nth = seen.nth("bank-balance", *owner, *kind)
    again = (str(nth),) if nth > 1 else ()
    return Message(
        key=Key.of("bank-balance", "camt", account, *owner, report, *kind, *again),
        data=BankBalanceReported(
            references=(Identifier(scheme=f"{SCHEME}StmtId", value=head.statement_id),),
            bank_account=head.account,
            servicer=head.servicer,
            statement_id=head.statement_id,
            sequence=head.sequence,
            page=head.page,
            balance_type=f"{balance.code}/{balance.subtype}" if balance.subtype else balance.code,
            amount=balance.money,
            direction=balance.direction,
            balance_date=balance.date,
            period_from=head.period_from,
            period_to=head.period_to,
            report=report,
        ),
        occurred_at=datetime.combine(balance.date, time(), UTC),
        subject=Key.of("bank-balance", head.account.value, balance.code, day).text,
        correlation=Key.of("bank", head.account.value, "statement", head.statement_id).text,
        partition=Key.of("bank", head.account.value).text,
        at=at,
    )


def _payload(
    entry: Entry, part: Part, head: Head, fact: tuple[str, ...]
) -> BankEntryBooked | BankEntryReversed | BankEntryNotified:
    fields = _fields(entry, part, head)
    if fact[0] == "bank-notice":
        return BankEntryNotified.model_validate({"status": part.movement.status, **fields})
    if part.movement.reversal:
        return BankEntryReversed.model_validate(fields)
    return BankEntryBooked.model_validate(fields)


def _fields(entry: Entry, part: Part, head: Head) -> dict[str, Any]:
    # A transaction speaks for the entry only when it is the only one.
    one = part.transactions[0] if len(part.transactions) == 1 else NOTHING
    way = part.movement.original_direction
    remittance = Remittance.of(part.transactions)
    told = [reference for node in part.transactions for reference in references_of(node)]
    named = dict(told) if one is not NOTHING else {}
    return {
        "references": _references(entry, told, remittance),
        "bank_account": head.account,
        "servicer": head.servicer,
        "entry_reference": entry.servicer_reference or entry.entry_reference,
        "amount": part.movement.amount,
        "direction": part.movement.direction,
        "booking_date": entry.booked.date if entry.booked else None,
        "value_date": entry.value.date if entry.value else None,
        "end_to_end_id": named.get(f"{SCHEME}EndToEndId"),
        "transaction_id": named.get(f"{SCHEME}TxId"),
        "mandate_id": named.get(f"{SCHEME}MndtId"),
        "creditor_reference": next(iter(remittance.creditor_references), None),
        "remittance": remittance.lines or information(entry.node, part.transactions),
        "counterparty": counterparty(one, way, head.account),
        "ultimate_counterparty": ultimate_counterparty(one, way),
        "transaction_code": transaction_code(one) or transaction_code(entry.node),
        "return_reason": return_reason(one),
        "instructed": instructed(one, part.movement.amount) or _instructed(entry, part),
        "charges": charges(one) or (charges(entry.node) if part.count == 1 else None),
        "batch": _batch(entry, part),
        "position": head.position,
    }


def _instructed(entry: Entry, part: Part) -> object:
    return instructed(entry.node, part.movement.amount) if part.count == 1 else None


def _references(
    entry: Entry, told: Sequence[Reference], remittance: Remittance
) -> list[dict[str, str]]:
    named = [("AcctSvcrRef", entry.servicer_reference)]
    if entry.servicer_reference is None:
        # Beside the bank's own reference NtryRef may differ from one statement to the next.
        named.append(("NtryRef", entry.entry_reference))
    for batch in entry.node.all("NtryDtls", "Btch"):
        named += [(name, reference_at(batch, name)) for name in ("MsgId", "PmtInfId")]
    found: list[Reference] = [(SCHEME + name, value) for name, value in named if value]
    found += told
    found += [(f"{SCHEME}CdtrRef", value) for value in remittance.creditor_references]
    found += remittance.documents
    return [fields_of(reference) for reference in dict.fromkeys(found)]


def _batch(entry: Entry, part: Part) -> BatchPosition | None:
    if part.count == 1:
        return None
    return BatchPosition(
        entry=entry.servicer_reference or entry.entry_reference,
        index=part.index,
        count=part.count,
        entry_amount=entry.movement.amount,
    )


def _happened(entry: Entry, head: Head, received_at: datetime) -> datetime:
    day = entry.booked or entry.value
    return day.started if day else head.created or received_at
