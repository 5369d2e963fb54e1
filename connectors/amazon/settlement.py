"""The settlement report (flat file V2) as payout lines, then each settlement as a payout.

A report is read twice: once to see that its structure is sound to the end and which rows repeat,
once to translate it. Memory does not grow with its size. Source: Selling Partner API
documentation, report type GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import BinaryIO

from canonical.cash import PayoutLineReported, PayoutSettled
from canonical.errors import GatewayError, Malformed, Unsupported
from canonical.keys import Key
from canonical.message import Item, Message, Problem
from canonical.values import Money
from connectors.amazon.reading import identifiers
from connectors.amazon.settlement_row import Line, Total, cell, is_total, line_of, total_of
from connectors.kit.archives import Member, members
from connectors.kit.delimited import Form, open_table
from connectors.kit.payouts import payout_message
from connectors.kit.repeats import Repeats
from connectors.raw import RawMessage

COLUMNS = frozenset(
    {
        "settlement-id", "deposit-date", "total-amount", "currency", "transaction-type",
        "order-id", "amount-type", "amount-description", "amount", "posted-date", "sku",
    }
)  # fmt: skip
MAX_SETTLEMENTS = 1000

Opener = Callable[[], BinaryIO]

_MAX_HEADER_BYTES = 4096


@dataclass(slots=True)
class Sums:
    """Running sums of one settlement; fees and refunds are positive."""

    total: Total
    gross: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    refunds: Decimal = Decimal(0)
    disputes: Decimal = Decimal(0)
    other: Decimal = Decimal(0)
    count: int = 0

    @property
    def net(self) -> Decimal:
        return self.gross - self.fees - self.refunds + self.disputes + self.other

    def add(self, line: Line) -> None:
        """Add one line to the sum it belongs to."""
        self.count += 1
        match line.part:
            case "fees":
                self.fees -= line.amount
            case "refunds":
                self.refunds -= line.amount
            case "disputes":
                self.disputes += line.amount
            case "gross":
                self.gross += line.amount
            case _:
                self.other += line.amount

    def breakdown(self) -> dict[str, Money]:
        """The sums as fields of PayoutSettled."""
        currency = self.total.net.currency
        parts = ("gross", "fees", "refunds", "disputes", "other")
        return {part: Money(amount=getattr(self, part), currency=currency) for part in parts}


@dataclass(slots=True)
class Ledger:
    """The settlements of a report; there is one, as a rule."""

    raw: RawMessage
    repeats: Repeats
    settlements: dict[str, Sums] = field(default_factory=dict)
    refused: int = 0
    """Rows that could not be read: no sum can be checked then."""

    def open(self, total: Total) -> None:
        """Begin a settlement. Raises Malformed for a second total."""
        if total.settlement_id in self.settlements:
            raise Malformed("a second total", code="repeated_total", path="total-amount")
        if len(self.settlements) >= MAX_SETTLEMENTS:
            raise Malformed("too many settlements", code="too_many_settlements")
        self.settlements[total.settlement_id] = Sums(total)

    def post(self, line: Line, at: str) -> Message:
        """Add a line to its settlement. Raises Malformed."""
        sums = self.settlements.get(line.settlement_id)
        if sums is None:
            raise Malformed("no total before the line", code="no_total", path="settlement-id")
        currency = sums.total.net.currency
        if line.currency not in (None, currency):
            raise Malformed("another currency", code="mixed_currencies", path="currency")
        message = _line_message(self.raw, line, currency, self.repeats.nth(line.name), at)
        sums.add(line)
        return message


def first_line(raw: RawMessage) -> str:
    """The first line of a report, packed or not; empty for what cannot be read as one."""
    try:
        for member in members(raw):
            with member.open() as stream:
                line = stream.readline(_MAX_HEADER_BYTES)
            return line.removeprefix(b"\xef\xbb\xbf").decode("ascii", "replace").strip("\r\n")
    except GatewayError:
        pass
    return ""


def settlement(raw: RawMessage) -> Iterator[Item]:
    """A message for each row, then each settlement's payout.

    A row that cannot be read is a Problem and the others go on; sums that do not meet are a
    Problem, and the payout is told without them. Raises Malformed for a broken structure.
    """
    form = _form(raw)
    for member in members(raw):
        yield from _report(raw, member, form)


def _form(raw: RawMessage) -> Form:
    encoding = raw.options.get("report_encoding", "utf-8")
    if not isinstance(encoding, str):
        raise Unsupported("report_encoding is not text", code="bad_option", path="report_encoding")
    return Form(encoding=encoding, delimiter="\t", quote=None, max_columns=100)


def _report(raw: RawMessage, member: Member, form: Form) -> Iterator[Item]:
    ledger = Ledger(raw, Repeats(_names(member.open, form), raw.size))
    with member.open() as stream:
        for row in open_table(stream, form).rows:
            at = f"{member.name}/row[{row.number}]".lstrip("/")
            try:
                message = _posted(ledger, row.fields(), at)
            except GatewayError as error:
                ledger.refused += 1
                yield Problem(code=error.code, message=str(error), path=error.path, at=at)
                continue
            if message is not None:
                yield message
    yield from _settled(ledger)


def _names(opener: Opener, form: Form) -> Iterator[tuple[str, ...]]:
    with opener() as stream:
        table = open_table(stream, form)
        if not set(table.header) >= COLUMNS:
            raise Malformed("the header is not a settlement report's", code="no_header")
        for row in table.rows:
            try:
                fields = row.fields()
                name = () if is_total(fields) else line_of(fields).name
            except GatewayError:
                continue
            yield name


def _posted(ledger: Ledger, fields: Mapping[str, str], at: str) -> Message | None:
    if is_total(fields):
        ledger.open(total_of(fields))
        return None
    return ledger.post(line_of(fields), at)


def _line_message(raw: RawMessage, line: Line, currency: str, nth: int, at: str) -> Message:
    amount = Money(amount=line.amount, currency=currency)
    order_id = cell(line.fields, "order-id")
    name = (*line.name, str(nth))
    named = ("merchant-order-id", "adjustment-id", "shipment-id", "order-item-code")
    fact = PayoutLineReported(
        gateway="amazon",
        account=raw.account,
        payout_id=line.settlement_id,
        line_id=Key.of(*name[1:]).text,
        kind=line.kind,
        gross=amount,
        net=amount,
        source_id=cell(line.fields, "order-item-code") or cell(line.fields, "adjustment-id"),
        order_id=order_id,
        occurred_at=line.occurred_at,
        references=identifiers(
            [
                ("settlement", line.settlement_id),
                ("order", order_id),
                *((column.replace("-", "_"), cell(line.fields, column)) for column in named),
            ]
        ),
    )
    return payout_message(
        "amazon", raw, fact, Key.of("payout-line", "amazon", raw.account, *name), at
    )


def _settled(ledger: Ledger) -> Iterator[Item]:
    if not ledger.settlements:
        yield Problem(
            code="no_total", message="no row of the report has a total", path="total-amount"
        )
    for settlement_id, sums in ledger.settlements.items():
        at = f"settlement[{settlement_id}]"
        problem = _mismatch(sums, ledger.refused, at)
        if problem is not None:
            yield problem
        fact = PayoutSettled(
            gateway="amazon",
            account=ledger.raw.account,
            payout_id=settlement_id,
            net=sums.total.net,
            status="settled",
            settled_at=sums.total.deposited_at,
            line_count=None if problem else sums.count,
            references=identifiers([("settlement", settlement_id)]),
            **({} if problem else sums.breakdown()),
        )
        key = Key.of("payout", "amazon", ledger.raw.account, settlement_id)
        yield payout_message("amazon", ledger.raw, fact, key, at)


def _mismatch(sums: Sums, refused: int, at: str) -> Problem | None:
    if refused:
        message = f"the sum cannot be checked: {refused} rows of the report cannot be read"
        return Problem(code="payout_unchecked", message=message, path="total-amount", at=at)
    net = sums.total.net
    if sums.net == net.amount:
        return None
    message = f"the lines add up to {sums.net} {net.currency}, the total is {net.amount}"
    return Problem(code="payout_mismatch", message=message, path="total-amount", at=at)
