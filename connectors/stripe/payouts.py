"""Payouts, and the transfers to a bank account that they were called before API 2017-04-06.

One fact per payout and end: `status` is `paid`, or `failed` or `canceled` when the money did not
arrive or came back. `net` is always the amount of the payout, signed as Stripe signs it (negative:
Stripe debits the bank account); with `failed` and `canceled` none of it is at the bank.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from canonical.cash import PayoutSettled
from canonical.errors import GatewayError, Malformed
from canonical.message import Ignored, Item, Message, Problem
from canonical.values import Identifier, Money
from connectors.kit.json_body import as_object, join, required_text, text
from connectors.kit.records import child
from connectors.stripe.amounts import currency_of, minor, minor_or_none, money, money_in
from connectors.stripe.balance import Sums, line_message, summed, transaction_lines
from connectors.stripe.reports import Report, expanded, ref, references, rows

_RANK = {"paid": 1, "failed": 2, "canceled": 2}
_DESTINATIONS = {"ba_": "bank_account", "card_": "card"}


def payout(report: Report) -> Iterator[Item]:
    """payout.paid, payout.failed, payout.canceled, a payout in a file."""
    status = required_text(report.body, "status", report.path)
    if status in _RANK:
        yield _settled(report, status, "arrival_date")
    else:
        yield Ignored(reason="the payout is still under way", at=report.at)


def payout_with_transactions(report: Report, listed: Mapping[str, Any]) -> Iterator[Item]:
    """A payout with the list of its balance transactions: lines, sums, and whether they meet.

    Where they do not, a Problem says so, the lines still go through, and the payout is told
    without a breakdown.
    """
    currency = currency_of(report.body, report.path)
    net = minor(report.body, "amount", report.path)
    sums = Sums()
    yield from transaction_lines(report, listed, "balance_transactions", report.id(), sums)
    complete = listed.get("has_more") is not True
    problem = _mismatch(sums, net, complete=complete)
    if problem is not None:
        yield problem
    status = required_text(report.body, "status", report.path)
    if status not in _RANK:
        yield Ignored(reason="the payout is still under way", at="payout")
        return
    breakdown = {} if problem else summed(sums, currency)
    yield _settled(report, status, "arrival_date", breakdown)


def transfer(report: Report) -> Iterator[Item]:
    """transfer.paid, transfer.failed of old API versions: a payout with its lines inside."""
    if (report.ref("destination") or "").startswith("acct_"):
        yield Ignored(reason="a transfer to a connected account, not to a bank", at=report.at)
        return
    status = required_text(report.body, "status", report.path)
    if status not in _RANK:
        yield Ignored(reason="the transfer is still under way", at=report.at)
        return
    breakdown: dict[str, Any] = {}
    try:
        breakdown = _summary(report)
    except GatewayError as error:
        yield Problem(code=error.code, message=str(error), path=error.path, at=report.at)
    yield _settled(report, status, "date", breakdown)
    path = join(join(report.path, "transactions"), "data")
    for index, row in enumerate(rows(report.body, "transactions", report.path)):
        yield from _guarded_line(report, row, join(path, index))


def _guarded_line(report: Report, row: Any, path: str) -> Iterator[Item]:
    try:
        yield line_message(report, as_object(row, path), path, report.id())
    except GatewayError as error:
        yield Problem(code=error.code, message=str(error), path=error.path, at=path)


def _mismatch(sums: Sums, net: int, *, complete: bool) -> Problem | None:
    if not complete or sums.refused:
        lacking = f"{sums.refused} lines cannot be read" if complete else "it has more pages"
        return Problem(
            code="payout_unchecked",
            message=f"the sums of the list cannot be checked: {lacking}",
            path="balance_transactions",
            at="payout",
        )
    if sums.net == net:
        return None
    return Problem(
        code="payout_mismatch",
        message=f"the lines add up to {sums.net} minor units, the payout is {net}",
        path="payout.amount",
        at="payout",
    )


def _summary(report: Report) -> dict[str, Any]:
    """The breakdown in an old transfer's `summary`. Raises Malformed where it does not add up."""
    told = report.child("summary")
    if not told:
        return {}
    path = join(report.path, "summary")
    currency = currency_of(report.body, report.path)

    def part(name: str) -> int:
        return minor_or_none(told, name, path) or 0

    fees = sum(map(part, ("charge_fees", "refund_fees", "adjustment_fees", "validation_fees")))
    refunds = abs(part("refund_gross"))
    other = part("adjustment_gross") + part("collected_fee_gross")
    other -= abs(part("collected_fee_refund_gross"))
    gross, net = part("charge_gross"), minor(report.body, "amount", report.path)
    if gross - fees - refunds + other != net:
        raise Malformed("the summary does not add up", code="payout_mismatch", path=path)
    counts = ("charge_count", "refund_count", "adjustment_count", "validation_count")
    return {
        "gross": money(gross, currency, path),
        "fees": money(fees, currency, path),
        "refunds": money(refunds, currency, path),
        "other": money(other, currency, path),
        "line_count": sum(map(part, counts)),
    }


def _settled(
    report: Report,
    status: str,
    date_field: str,
    breakdown: Mapping[str, Money | int] | None = None,
) -> Message:
    number = report.id()
    currency = currency_of(report.body, report.path)
    arrival = report.moment(date_field)
    fact = PayoutSettled(
        gateway="stripe",
        account=report.account,
        payout_id=number,
        net=money_in(report.body, "amount", currency, report.path),
        status=status,
        # The day the bank has it; the same whether an event or the object tells it.
        settled_at=arrival,
        arrival_date=arrival.date(),
        destination=_destination(report),
        bank_reference=_bank_reference(report),
        references=_references(report),
        **dict(breakdown or {}),
    )
    return report.message(
        fact,
        report.key(number, "payout", status),
        "payout",
        number,
        entity=report.key(number, "payout"),
        rank=_RANK[status],
    )


def _destination(report: Report) -> Identifier | None:
    number = ref(report.body, "destination", report.path)
    for prefix, scheme in _DESTINATIONS.items():
        if number and number.startswith(prefix):
            return Identifier(scheme=f"stripe:{scheme}", value=number)
    return None


def _bank_reference(report: Report) -> str | None:
    """The trace id of the bank where Stripe has it, else what it asked the bank to print."""
    traced = text(expanded(report.body, "trace_id"), "value", join(report.path, "trace_id"))
    return traced or text(report.body, "statement_descriptor", report.path)


def _references(report: Report) -> tuple[Identifier, ...]:
    traced = child(report.body, "trace_id", report.path)
    mode = "test" if report.test else None
    return references(
        ("payout", report.id()),
        ("balance_transaction", report.ref("balance_transaction")),
        ("trace_id", ref(traced, "value", join(report.path, "trace_id"))),
        ("mode", mode),
    )
