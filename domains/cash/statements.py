"""Statements of an account follow each other: by number, and closing is the next one's opening."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from canonical.cash import BankBalanceReported
from domains.cash.amounts import shown, signed
from domains.cash.ledger import Book
from domains.cash.names import statement_number
from domains.contract import Finding, Owner
from domains.facts import Told, around, told

Balances = Mapping[int, Told[BankBalanceReported]]


def watch_statements(book: Book) -> None:
    """A number that is left out, and an opening that is not the closing before it."""
    mine = _by_number(told(book.cluster.facts, BankBalanceReported), "OPBD")
    closings = _by_number(told(around(book.cluster), BankBalanceReported), "CLBD")
    for number, opening in mine.items():
        before = [other for other in closings if other < number]
        if not before:
            continue  # The first there is, or nothing near is known.
        last = max(before)
        if last == number - 1:
            _compare(book, closings[last], opening)
        elif book.due(opening.at + book.cluster.rules.patience):
            book.find(_missing(opening, last, number))


def _by_number(
    balances: Iterable[Told[BankBalanceReported]], kind: str
) -> dict[int, Told[BankBalanceReported]]:
    """By the statement's number; of several pages or copies the first opening, the last closing."""
    found: dict[int, Told[BankBalanceReported]] = {}
    for one in balances:
        number = statement_number(one.data)
        if number is None or one.data.balance_type != kind:
            continue
        if kind == "CLBD" or number not in found:
            found[number] = one
    return found


def _compare(
    book: Book, closing: Told[BankBalanceReported], opening: Told[BankBalanceReported]
) -> None:
    before, after = _amount(closing), _amount(opening)
    if before == after:
        return
    currency = opening.data.amount.currency
    book.find(
        Finding(
            kind="statement_gap",
            record=opening.id,
            owner=Owner.FINANCE,
            explanation=f"The opening balance of statement {opening.data.sequence} of account"
            f" …{opening.data.bank_account.value[-4:]} is not the closing balance before it.",
            facts=frozenset({opening.id}),
            expected=shown(before, currency),
            received=shown(after, currency),
            balance=shown(after - before, currency),
            since=opening.at,
        )
    )


def _amount(balance: Told[BankBalanceReported]) -> Decimal:
    return signed(balance.data.amount, balance.data.direction)


def _missing(opening: Told[BankBalanceReported], last: int, number: int) -> Finding:
    return Finding(
        kind="statement_gap",
        record=opening.id,
        subject="missing",
        owner=Owner.FINANCE,
        explanation=f"Statements {last + 1} to {number - 1} of account"
        f" …{opening.data.bank_account.value[-4:]} never came.",
        facts=frozenset({opening.id}),
        since=opening.at,
    )
