"""Balance transactions: the lines of a payout, and their sums.

Of each line amount − fee = net. The sums follow the terms of a payout,
gross − fees − refunds ± disputes + other = net: `gross` are charges and payments, `fees` the fees
of all lines and the lines that are fees themselves, `disputes` is signed, `other` all the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from canonical.cash import PayoutLineReported
from canonical.errors import GatewayError, Malformed
from canonical.message import Ignored, Item, Message, Problem
from canonical.values import Money
from connectors.kit.json_body import as_list, as_object, join, required_text, text
from connectors.stripe.amounts import currency_of, minor, money, money_in
from connectors.stripe.reports import (
    Report,
    expanded,
    moment_in,
    ref,
    references,
    required_ref,
)

_CHARGES = frozenset(("charge", "payment"))
_REFUNDS = frozenset(
    (
        "refund",
        "payment_refund",
        "refund_failure",
        "payment_failure_refund",
        "partial_capture_reversal",
    )
)
_DISPUTES = frozenset(("dispute", "dispute_reversal"))
_FEES = frozenset(("fee", "stripe_fee", "stripe_fx_fee", "tax_fee", "network_cost"))
_PAYOUTS = frozenset(("payout", "transfer"))


@dataclass(slots=True)
class Sums:
    """Running sums of a payout's lines, in minor units; refunds are positive."""

    gross: int = 0
    fees: int = 0
    refunds: int = 0
    disputes: int = 0
    other: int = 0
    count: int = 0
    refused: int = 0
    """Lines that could not be read: the sums are then not those of the payout."""

    @property
    def net(self) -> int:
        return self.gross - self.fees - self.refunds + self.disputes + self.other

    def add(self, row: Mapping[str, Any], path: str) -> None:
        """Add one line. Raises Malformed."""
        amount = minor(row, "amount", path)
        self.fees += minor(row, "fee", path)
        self.count += 1
        words = {required_text(row, "type", path), text(row, "reporting_category", path)}
        if words & _DISPUTES:
            self.disputes += amount
        elif words & _REFUNDS:
            self.refunds -= amount
        elif words & _FEES:
            self.fees -= amount
        elif words & _CHARGES:
            self.gross += amount
        else:
            self.other += amount


def summed(sums: Sums, currency: str) -> dict[str, Money | int]:
    """The sums as fields of PayoutSettled."""
    return {
        "gross": money(sums.gross, currency),
        "fees": money(sums.fees, currency),
        "refunds": money(sums.refunds, currency),
        "disputes": money(sums.disputes, currency),
        "other": money(sums.other, currency),
        "line_count": sums.count,
    }


def transaction_lines(
    report: Report, listed: Mapping[str, Any], path: str, payout_id: str, sums: Sums
) -> Iterator[Item]:
    """A message for each line of a list; a Problem for one that cannot be read, and on it goes."""
    where = join(path, "data")
    for index, row in enumerate(as_list(listed.get("data"), where)):
        at = join(where, index)
        try:
            yield _line(report, as_object(row, at), at, payout_id, sums)
        except GatewayError as error:
            sums.refused += 1
            yield Problem(code=error.code, message=str(error), path=error.path, at=at)


def line_message(report: Report, row: Mapping[str, Any], at: str, payout_id: str) -> Message:
    """One line of a payout. Raises Malformed where amount − fee ≠ net, or Unsupported."""
    currency = currency_of(row, at)
    _check(report, row, currency, at)
    occurred_at = moment_in(row, "created", at)
    if occurred_at is None:
        raise Malformed("created is missing", code="missing_field", path=join(at, "created"))
    number = required_ref(row, "id", at)
    # Lines of the transfers of old API versions are the charges and refunds themselves.
    source = ref(row, "source", at) or (None if number.startswith("txn_") else number)
    fact = PayoutLineReported(
        gateway="stripe",
        account=report.account,
        payout_id=payout_id,
        line_id=number,
        kind=required_text(row, "type", at),
        gross=money_in(row, "amount", currency, at),
        fee=money_in(row, "fee", currency, at),
        net=money_in(row, "net", currency, at),
        payment_id=_payment_id(row, source, at),
        source_id=source,
        occurred_at=occurred_at,
        references=references(
            ("payout", payout_id), ("balance_transaction", number), ("source", source)
        ),
    )
    chain = f"stripe/{report.account}/payout/{payout_id}"
    return Message(
        key=report.key(payout_id, "payout_line", number),
        data=fact,
        occurred_at=occurred_at,
        subject=f"payout/{payout_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _line(report: Report, row: Mapping[str, Any], at: str, payout_id: str, sums: Sums) -> Item:
    if required_text(row, "type", at) in _PAYOUTS and ref(row, "source", at) == payout_id:
        return Ignored(reason="the payout's own balance transaction is not a line of it", at=at)
    message = line_message(report, row, at, payout_id)
    sums.add(row, at)
    return message


def _check(report: Report, row: Mapping[str, Any], currency: str, at: str) -> None:
    if minor(row, "amount", at) - minor(row, "fee", at) != minor(row, "net", at):
        raise Malformed("amount − fee is not net", code="line_mismatch", path=join(at, "net"))
    paid_in = text(report.body, "currency", report.path)
    if paid_in and paid_in.upper() != currency:
        raise Malformed(
            "the line is in another currency than the payout",
            code="mixed_currencies",
            path=join(at, "currency"),
        )


def _payment_id(row: Mapping[str, Any], source: str | None, at: str) -> str | None:
    """The payment a line belongs to: the PaymentIntent where the source is expanded."""
    path = join(at, "source")
    origin = expanded(row, "source")
    named = ref(origin, "payment_intent", path) or ref(origin, "charge", path)
    if named:
        return named
    return source if source and source.startswith(("ch_", "py_")) else None
