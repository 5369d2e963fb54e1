"""Entries and balances as canonical messages."""

from __future__ import annotations

from collections.abc import Iterable

from canonical.cash import (
    BankBalanceReported,
    BankEntryBooked,
    BankEntryNotified,
    BankEntryReversed,
)
from canonical.keys import Key
from canonical.message import Message
from canonical.values import Address, Identifier, Party
from connectors.mt940.accounts import bank_of, is_iban, party_account
from connectors.mt940.entries import Entry
from connectors.mt940.figures import Balance, EntryLine, started
from connectors.mt940.keys import Occurrences, digest_of
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
    nth = seen.nth(day, digest_of([*fact, entry.content]))
    identity = ("line", entry.content, str(nth))
    owner = (head.account.value, entry.amount.currency)
    return Message(
        key=Key.of(fact[0], "mt940", account, *owner, *fact[1:], *identity),
        data=_payload(entry, head, fact),
        occurred_at=started(day),
        subject=Key.of("bank-entry", *identity).text,
        correlation=Key.of("bank", head.account.value, *identity).text,
        partition=Key.of("bank", head.account.value).text,
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
            references=_identifiers([("mt940:statement", head.statement_id)]),
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
    if fact[0] == "bank-notice":
        return BankEntryNotified(status=fact[2], **_fields(entry, head))
    if entry.line.is_reversal:
        return BankEntryReversed(**_fields(entry, head))
    return BankEntryBooked(**_fields(entry, head))


def _fields(entry: Entry, head: Head) -> dict[str, object]:
    line, told = entry.line, entry.information
    party = _counterparty(entry, head)
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
        "counterparty": party,
        "ultimate_counterparty": Party(name=told.ultimate_name) if told.ultimate_name else None,
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


def _counterparty(entry: Entry, head: Head) -> Party | None:
    told = entry.information
    supplied = next((text for text in entry.line.supplement if is_iban(text)), None)
    account = party_account(told.account or supplied)
    bank = bank_of(told.bank)
    found = Party(
        name=told.name,
        identifiers=(bank,) if bank else (),
        address=Address(lines=told.address) if told.address else None,
        account=None if account == head.account else account,
    )
    return None if found == Party() else found


def _references(entry: Entry) -> tuple[Identifier, ...]:
    told = entry.information
    named = _identifiers(
        [
            ("iso20022:AcctSvcrRef", entry.line.bank_reference),
            ("mt940:owner_reference", entry.line.owner_reference),
            ("iso20022:EndToEndId", told.end_to_end_id),
            ("iso20022:MndtId", told.mandate_id),
            ("iso20022:CdtrRef", told.creditor_reference),
        ]
    )
    return tuple(dict.fromkeys((*named, *told.references)))


def _identifiers(named: Iterable[tuple[str, str | None]]) -> tuple[Identifier, ...]:
    return tuple(Identifier(scheme=scheme, value=value) for scheme, value in named if value)
