"""The settlement details report as payout lines, and each batch as a payout with its sums.

A report is read twice: once to see that its structure is sound to the end and which rows repeat,
once to translate it. Memory does not grow with its size. The sums follow the terms of a payout,
gross − fees − refunds ± disputes + other = net, all in the settlement's currency.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from canonical.cash import PayoutLineReported, PayoutSettled
from canonical.errors import GatewayError, Malformed
from canonical.keys import Key
from canonical.message import Ignored, Item, Problem
from canonical.values import Money
from connectors.adyen.report import FORM, Line, identities, line_of
from connectors.kit.delimited import open_table
from connectors.kit.payouts import payout_message
from connectors.kit.records import references
from connectors.kit.repeats import Repeats
from connectors.raw import RawMessage

MAX_BATCHES = 10_000

_PAYOUT = "MerchantPayout"
_REFUNDS = frozenset(("Refunded", "RefundedReversed"))
_DISPUTES = frozenset(("Chargeback", "ChargebackReversed", "SecondChargeback"))
_FEES = frozenset(("AuthorisationSchemeFee", "Fee", "InvoiceDeduction", "MiscCosts", "PaymentCost"))


@dataclass(slots=True)
class Batch:
    """Running sums of one batch in one currency; refunds are positive."""

    gross: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    refunds: Decimal = Decimal(0)
    disputes: Decimal = Decimal(0)
    other: Decimal = Decimal(0)
    count: int = 0
    payouts: int = 0
    paid: Decimal = Decimal(0)
    paid_at: datetime | None = None
    bank_reference: str | None = None

    @property
    def net(self) -> Decimal:
        return self.gross - self.fees - self.refunds + self.disputes + self.other

    def add(self, line: Line) -> None:
        """Add one line that is not a payout."""
        self.count += 1
        if line.type in _FEES:
            self.fees -= line.net.amount
            return
        self.fees += line.costs.amount if line.costs else 0
        if line.type == "Settled":
            self.gross += line.own_gross
        elif line.type in _REFUNDS:
            self.refunds -= line.own_gross
        elif line.type in _DISPUTES:
            self.disputes += line.own_gross
        else:
            self.other += line.own_gross

    def breakdown(self, currency: str) -> dict[str, Any]:
        """The sums as fields of PayoutSettled."""
        parts = ("gross", "fees", "refunds", "disputes", "other")
        sums = {part: Money(amount=getattr(self, part), currency=currency) for part in parts}
        return {**sums, "line_count": self.count}

    def pay(self, line: Line) -> None:
        """Add one payout row: what leaves the balance is what arrives at the bank."""
        self.payouts += 1
        self.paid -= line.net.amount
        self.paid_at = line.occurred_at
        self.bank_reference = line.modification if self.payouts == 1 else None


@dataclass(slots=True)
class Ledger:
    """The batches of a report."""

    raw: RawMessage
    batches: dict[tuple[str, str, str], Batch] = field(default_factory=dict)
    """By merchant account, batch number and currency."""
    refused: int = 0
    """Rows that could not be read: no sum can be checked then."""

    def batch_of(self, line: Line) -> Batch:
        """The sums this line belongs to. Raises Malformed when there are too many."""
        name = (line.merchant, line.batch, line.net.currency)
        if name not in self.batches and len(self.batches) >= MAX_BATCHES:
            raise Malformed(f"more than {MAX_BATCHES} batches", code="too_many_batches")
        return self.batches.setdefault(name, Batch())


def settlement_detail(raw: RawMessage) -> Iterator[Item]:
    """A line for each row, then each batch's payout.

    A row that cannot be read is a Problem and the others go on; sums that do not meet are a
    Problem, and the payout is told without them. Raises Malformed for a broken structure.
    """
    repeats = Repeats(identities(raw), raw.size)
    ledger = Ledger(raw)
    with raw.open() as stream:
        for row in open_table(stream, FORM).rows:
            at = f"row[{row.number}]"
            try:
                line = line_of(row.fields(), raw)
                batch = ledger.batch_of(line)
            except GatewayError as error:
                ledger.refused += 1
                yield Problem(code=error.code, message=str(error), path=error.path, at=at)
                continue
            if line.type == _PAYOUT:
                batch.pay(line)
                continue
            batch.add(line)
            yield from _reported(raw, line, (*line.name, str(repeats.nth(line.name))), at)
    yield from _settled(ledger)


def _reported(raw: RawMessage, line: Line, name: tuple[str, ...], at: str) -> Iterator[Item]:
    costs = line.costs
    if not line.adds_up:
        costs = None
        yield Problem(
            code="line_mismatch",
            message="gross − costs is not net: the line is told without its costs",
            path="Net Credit (NC)",
            at=at,
        )
    payout_id = _payout_id(line.merchant, line.batch)
    fact = PayoutLineReported(
        gateway="adyen",
        account=raw.account,
        payout_id=payout_id,
        line_id=Key.of(*name[2:]).text,
        kind=line.type,
        gross=line.gross,
        fee=costs,
        net=line.net,
        payment_id=line.psp_reference,
        source_id=line.modification,
        order_id=line.merchant_reference,
        occurred_at=line.occurred_at,
        references=references(
            "adyen",
            [
                ("payout", payout_id),
                ("payment", line.psp_reference),
                ("modification", line.modification),
                ("merchant_reference", line.merchant_reference),
            ],
        ),
    )
    yield payout_message("adyen", raw, fact, Key.of("payout-line", "adyen", raw.account, *name), at)


def _settled(ledger: Ledger) -> Iterator[Item]:
    for (merchant, number, currency), batch in ledger.batches.items():
        at = f"batch[{merchant}/{number}/{currency}]"
        problem = _mismatch(batch, ledger.refused, currency, at)
        if problem is not None:
            yield problem
        if batch.paid_at is not None:
            breakdown = {} if problem else batch.breakdown(currency)
            fact = PayoutSettled(
                gateway="adyen",
                account=ledger.raw.account,
                payout_id=_payout_id(merchant, number),
                net=Money(amount=batch.paid, currency=currency),
                status="paid",
                settled_at=batch.paid_at,
                bank_reference=batch.bank_reference,
                references=references(
                    "adyen",
                    [
                        ("payout", _payout_id(merchant, number)),
                        ("merchant_account", merchant),
                        ("batch", number),
                    ],
                ),
                **breakdown,
            )
            parts = ("payout", "adyen", ledger.raw.account, merchant, number, currency)
            yield payout_message("adyen", ledger.raw, fact, Key.of(*parts), at)
        elif problem is None:
            yield Ignored(reason="the batch adds up to nothing and was not paid out", at=at)


def _mismatch(batch: Batch, refused: int, currency: str, at: str) -> Problem | None:
    if refused:
        message = f"the sums cannot be checked: {refused} rows of the report cannot be read"
        return Problem(code="payout_unchecked", message=message, path="Net Credit (NC)", at=at)
    if batch.net == batch.paid:
        return None
    message = f"the lines add up to {batch.net} {currency}, paid out were {batch.paid}"
    return Problem(code="payout_mismatch", message=message, path="Net Debit (NC)", at=at)


def _payout_id(merchant: str, batch: str) -> str:
    # Batches are counted for each merchant account.
    return f"{merchant}-{batch}"
