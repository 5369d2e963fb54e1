"""One account's report: what stands in its head, and its balances."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal

from canonical.cash import StatementPosition
from canonical.errors import Malformed
from canonical.values import Direction, Identifier, Money
from connectors.camt.fields import day_at, direction_at, moment_at, money_at, signed
from connectors.camt.node import Node
from connectors.camt.parties import account_at, bank_at, identifier_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a statement, report or notification says before its entries."""

    account: Identifier
    currency: str
    """The account's currency; empty when only the amounts name it."""
    servicer: Identifier | None
    statement_id: str
    sequence: str | None
    page: str | None
    is_last_page: bool
    created: datetime | None
    period_from: datetime | None
    period_to: datetime | None
    position: StatementPosition

    @property
    def identity(self) -> tuple[str, str, str]:
        """What pages of one statement have in common."""
        return self.account.value, self.currency, self.statement_id


def head_of(node: Node, group: Node, kind: str, zone: tzinfo | None) -> Head:
    """The head of a report. Raises Malformed when its account or id is missing."""
    account = identifier_of(account_at(node.first("Acct")))
    statement_id = node.value("Id")
    if account is None:
        raise Malformed("the account is missing", code="missing_field", path="Acct/Id")
    if statement_id is None:
        raise Malformed("the statement has no id", code="missing_field", path="Id")
    paging = node.first("StmtPgntn") or node.first("RptPgntn") or node.first("NtfctnPgntn")
    page = paging.value("PgNb") if paging else None
    sequence = node.value("ElctrncSeqNb") or node.value("LglSeqNb")
    return Head(
        account=account,
        currency=node.value("Acct", "Ccy") or "",
        servicer=identifier_of(bank_at(node.first("Acct", "Svcr"))),
        statement_id=statement_id,
        sequence=sequence,
        page=page,
        is_last_page=paging is None or paging.value("LastPgInd") in {"true", "1", None},
        created=moment_at(node, ("CreDtTm",), zone) or moment_at(group, ("CreDtTm",), zone),
        period_from=moment_at(node, ("FrToDt", "FrDtTm"), zone),
        period_to=moment_at(node, ("FrToDt", "ToDtTm"), zone),
        position=StatementPosition(
            message=group.value("MsgId"),
            statement_id=statement_id,
            sequence=sequence,
            page=page,
            report=kind,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A balance (`Bal`) of an account."""

    code: str
    """`OPBD`, `CLBD`, `ITBD` … or the bank's own word."""
    subtype: str
    money: Money
    direction: Direction
    date: date

    @property
    def signed(self) -> Decimal:
        """The amount, negative when the account is overdrawn."""
        return signed(self.money, self.direction)


def balance_of(node: Node, zone: tzinfo | None) -> Balance:
    """A balance. Raises Malformed or Unsupported; a missing sign is not taken for credit."""
    kind = node.first("Tp")
    # Version 01 had the code directly in `Tp`.
    choice = (kind.first("CdOrPrtry") or kind) if kind else None
    code = (choice.value("Cd") or choice.value("Prtry")) if choice else None
    if kind is None or code is None:
        raise Malformed("the balance has no type", code="missing_field", path="Tp")
    day = day_at(node, "Dt", zone)
    if day is None:
        raise Malformed("the balance has no date", code="missing_field", path="Dt")
    return Balance(
        code=code,
        subtype=kind.value("SubTp", "Cd") or kind.value("SubTp", "Prtry") or "",
        money=money_at(node.first("Amt")),
        direction=direction_at(node),
        date=day.date,
    )
