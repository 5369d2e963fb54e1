"""Entries and balances as canonical messages."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from canonical.cash import (
    BankBalanceReported,
    BankEntryBooked,
    BankEntryNotified,
    BankEntryReversed,
)
from canonical.keys import Key
from canonical.message import Message
from canonical.values import Identifier
from connectors.mt940.accounts import Reference, bank_of, is_iban, party_account
from connectors.mt940.entries import Entry
from connectors.mt940.figures import Balance, EntryLine, started
from connectors.mt940.keys import Occurrences
from connectors.mt940.statements import Head

BALANCE_CODES = {
    "60F": "OPBD",
    "60": "OPBD",
    "62F": "CLBD",
    "62": "CLBD",
    "62M": "ITBD",
    "64": "CLAV",
    "65": "FWAV",
}
"""ISO 20022 codes; `:60M:` is not told, because it repeats the `:62M:` before it."""


_kept_key: Final = lru_cache(maxsize=256)(Key.of)
"""For what all entries of a statement have in common."""


def fact_of(line: EntryLine, report: str, cash_from: str) -> tuple[str, ...]:
    """What is told: cash, or a notice in one report and status; the head of its key."""
    if report == cash_from and not line.is_expected:
        return ("bank-entry",)
    return ("bank-notice", report, line.mark if line.is_expected else "BOOK")


def entry_message(
    entry: Entry, head: Head, *, account: str, cash_from: str, seen: Occurrences, at: str
) -> Message:
    """The message of an entry; `seen` counts the lines of its account."""
    fact = fact_of(entry.line, head.report, cash_from)
    day = entry.booked or entry.value
    nth = seen.nth(day, fact, entry.content)
    owner = (head.account.value, entry.amount.currency)
    name = Key.of("line", entry.content, str(nth)).text
    bank = _kept_key("bank", head.account.value).text
    return Message(
        key=Key(f"{_kept_key(fact[0], 'mt940', account, *owner, *fact[1:]).text}/{name}"),
        data=_payload(entry, head, fact),
        occurred_at=started(day),
        subject=f"bank-entry/{name}",
        correlation=f"{bank}/{name}",
        partition=bank,
        at=at,
    )


def balance_message(balance: Balance, head: Head, *, account: str, at: str) -> Message:
    """A balance as the statement reports it."""
    statement_id = head.statement_id or ""
    code, day = BALANCE_CODES[balance.tag], balance.date.isoformat()
    owner = (head.account.value, balance.money.currency)
    statement = (head.number or "", head.page or "")
    return Message(
        key=Key.of("bank-balance", "mt940", account, *owner, head.report, *statement, code, day),
        data=BankBalanceReported(
            references=(
                (Identifier(scheme="mt940:statement", value=head.statement_id),)
                if head.statement_id
                else ()
            ),
            bank_account=head.account,
            servicer=head.servicer,
            statement_id=statement_id,
            sequence=head.number,
            page=head.page,
            balance_type=code,
            amount=balance.money,
            direction=balance.direction,
            balance_date=balance.date,
            report=head.report,
        ),
        occurred_at=started(balance.date),
        subject=Key.of("bank-balance", head.account.value, code, day).text,
        correlation=Key.of("bank", head.account.value, "statement", statement_id).text,
        partition=Key.of("bank", head.account.value).text,
        at=at,
    )


def _payload(
    entry: Entry, head: Head, fact: tuple[str, ...]
) -> BankEntryBooked | BankEntryReversed | BankEntryNotified:
    fields = _fields(entry, head)
    if fact[0] == "bank-notice":
        return BankEntryNotified.model_validate({"status": fact[2], **fields})
    if entry.line.is_reversal:
        return BankEntryReversed.model_validate(fields)
    return BankEntryBooked.model_validate(fields)


def _fields(entry: Entry, head: Head) -> dict[str, Any]:
    line, told = entry.line, entry.information
    return {
        "references": _references(entry),
        "bank_account": head.account,
        "servicer": head.servicer,
        "entry_reference": line.bank_reference,
        "amount": entry.amount,
        "direction": line.direction,
        "booking_date": entry.booked,
        "value_date": entry.value,
        "end_to_end_id": told.end_to_end_id,
        "mandate_id": told.mandate_id,
        "creditor_reference": told.creditor_reference,
        "remittance": _remittance(entry),
        "counterparty": _counterparty(entry, head),
        "ultimate_counterparty": {"name": told.ultimate_name} if told.ultimate_name else None,
        "transaction_code": "+".join(filter(None, (line.code, told.code))) or None,
        "return_reason": told.return_reason,
        "instructed": entry.instructed,
        "charges": entry.charges,
        "position": head.position,
    }


def _remittance(entry: Entry) -> tuple[str, ...]:
    lines = [*entry.information.remittance]
    lines += [text for text in entry.line.supplement if not is_iban(text)]
    posting_text = entry.information.posting_text
    return tuple(lines) or ((posting_text,) if posting_text else ())


def _counterparty(entry: Entry, head: Head) -> dict[str, Any] | None:
    """The fields of a canonical Party: those that are known."""
    told = entry.information
    supplied = next((text for text in entry.line.supplement if is_iban(text)), None)
    account = party_account(told.account or supplied)
    if account == (head.account.scheme, head.account.value):
        account = None
    found = {
        "name": told.name,
        "identifiers": _identifiers([bank_of(told.bank)]),
        "address": {"lines": told.address} if told.address else None,
        "account": _identifier(account) if account else None,
    }
    return {name: value for name, value in found.items() if value} or None


def _references(entry: Entry) -> list[dict[str, str]]:
    told = entry.information
    named = (
        ("iso20022:AcctSvcrRef", entry.line.bank_reference),
        ("mt940:owner_reference", entry.line.owner_reference),
        ("iso20022:EndToEndId", told.end_to_end_id),
        ("iso20022:MndtId", told.mandate_id),
        ("iso20022:CdtrRef", told.creditor_reference),
    )
    found: list[Reference] = [(scheme, value) for scheme, value in named if value]
    found += told.references
    return _identifiers(dict.fromkeys(found))


def _identifiers(references: Iterable[Reference | None]) -> list[dict[str, str]]:
    """The fields of canonical identifiers."""
    return [_identifier(one) for one in references if one]


def _identifier(reference: Reference) -> dict[str, str]:
    return {"scheme": reference[0], "value": reference[1]}
