"""820, remittance advice: what a payment is for.

Source: ASC X12 820 Payment Order/Remittance Advice, version 004010.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from canonical.cash import RemittanceAdvised, RemittanceLine
from canonical.errors import Malformed
from canonical.message import Ignored, Item, Message
from canonical.values import Identifier, Money, Party
from connectors.kit.x12 import Segment
from connectors.x12.parties import first_of, parties, sender_party
from connectors.x12.reading import (
    Document,
    element,
    identifier,
    of_tag,
    optional_date,
    references,
    required_element,
    unmapped,
)
from connectors.x12.totals import mismatch

_INVOICES = frozenset({"IV", "IK", "OI", "IN"})
"""RMR01: seller's invoice, invoice, original invoice, consignee's invoice number."""
_PRENOTE = "P"


def remittance_advice(document: Document) -> Iterator[Item]:
    """RemittanceAdvised; a payment that is not the sum of its parts is told beside it.

    Raises Malformed without a trace number, amount, date or currency; Unsupported for a debit.
    """
    payment = document.required("BPR")
    if payment.get(1) == _PRENOTE:
        yield Ignored(reason="a test of bank details, no payment", at=document.at)
        return
    if required_element(payment, 3) != "C":
        raise unmapped(payment, 3)
    amount = document.money(payment, 2)
    if amount is None:
        raise Malformed("the advice has no amount", code="missing_field", path="BPR[1]/BPR02")
    parts = _parts(document.segments)
    yield _message(document, payment, amount, tuple(_line(document, one) for one in parts))
    told = sum((_told(document, one) for one in parts), Decimal(0))
    # Most state what was paid after adjustments, some before.
    if parts and amount.amount not in (told, told + _adjusted(document, parts)):
        yield mismatch(document, payment, 2, format(told, "f"))


def _parts(segments: Sequence[Segment]) -> list[list[Segment]]:
    """RMR loops, and adjustments that belong to no RMR, each with its segments."""
    found: list[list[Segment]] = []
    current: list[Segment] | None = None
    for segment in segments:
        inside = current is not None and current[0].tag == "RMR"
        if segment.tag == "ENT":
            current = None
        elif segment.tag == "RMR" or (segment.tag == "ADX" and not inside):
            current = [segment]
            found.append(current)
        elif current is not None:
            current.append(segment)
    return found


def _told(document: Document, part: Sequence[Segment]) -> Decimal:
    position = 4 if part[0].tag == "RMR" else 1
    amount = document.money(part[0], position)
    return amount.amount if amount else Decimal(0)


def _adjusted(document: Document, parts: Sequence[Sequence[Segment]]) -> Decimal:
    """The adjustments inside RMR loops."""
    inside = [one for part in parts if part[0].tag == "RMR" for one in of_tag(part, "ADX")]
    amounts = [document.money(one, 1) for one in inside]
    return sum((one.amount for one in amounts if one is not None), Decimal(0))


def _line(document: Document, part: Sequence[Segment]) -> RemittanceLine:
    head = part[0]
    if head.tag == "ADX":
        amount = document.money(head, 1)
        return _signed_line(amount, None, head.get(2), references(part))
    number, kind = element(head, 2), required_element(head, 1)
    named = references(part, (kind, number)) if kind not in _ACCOUNTS else references(part)
    paid, due = document.money(head, 4), document.money(head, 5)
    if paid is not None and paid.amount < 0:
        return _signed_line(paid, kind, _reasons(part), named)
    deducted = _deduction(document, part)
    return RemittanceLine(
        invoice_number=number if kind in _INVOICES else None,
        document_type=kind,
        amount_due=due if due is not None and due.amount >= 0 else None,
        paid=paid,
        deduction=deducted,
        deduction_reason=_reasons(part) if deducted else None,
        references=named,
    )


_ACCOUNTS = frozenset({"AZ", "11", "12", "SY", "1L"})
"""RMR01: account and policy numbers of people."""


def _signed_line(
    amount: Money | None, kind: str | None, reason: str | None, named: tuple[Identifier, ...]
) -> RemittanceLine:
    """Amounts are unsigned: what is taken off is a deduction."""
    taken = amount is not None and amount.amount < 0
    return RemittanceLine(
        document_type=kind,
        paid=None if taken else amount,
        deduction=amount.negated() if amount is not None and taken else None,
        deduction_reason=reason or None,
        references=named,
    )


def _deduction(document: Document, part: Sequence[Segment]) -> Money | None:
    """Discount taken and adjustments that reduce the payment, together."""
    discount = document.money(part[0], 6)
    adjustments = [document.money(one, 1) for one in of_tag(part, "ADX")]
    adjustments.append(document.money(part[0], 8))
    total = abs(discount.amount) if discount else Decimal(0)
    total -= sum((one.amount for one in adjustments if one and one.amount < 0), Decimal(0))
    currency = document.currency
    return Money(amount=total, currency=currency) if total and currency else None


def _reasons(part: Sequence[Segment]) -> str | None:
    codes = [part[0].get(7), *(one.get(2) for one in of_tag(part, "ADX"))]
    return ",".join(dict.fromkeys(code for code in codes if code)) or None


def _message(
    document: Document, payment: Segment, amount: Money, lines: tuple[RemittanceLine, ...]
) -> Message:
    trace = document.required("TRN")
    advice_id = required_element(trace, 2)
    paid_on = optional_date(payment, 16)
    advised_on = paid_on or _dated(document) or document.sent_on
    if advised_on is None:
        raise Malformed("the advice has no date", code="missing_field", path="BPR[1]/BPR16")
    found = parties(document.segments)
    chain = document.chain("remittance", advice_id)
    day = paid_on.isoformat() if paid_on else ""
    return Message(
        key=document.key("remittance", advice_id, trace.get(3), day),
        data=RemittanceAdvised(
            advice_id=advice_id,
            payer=_payer(document, payment, found),
            payee=first_of(found, "PE"),
            amount=amount,
            currency=amount.currency,
            payment_reference=advice_id,
            payment_date=paid_on,
            advised_at=document.start_of(advised_on),
            lines=lines,
            references=_references(advice_id, lines),
        ),
        occurred_at=document.start_of(advised_on),
        subject=f"remittance/{advice_id}",
        correlation=chain,
        partition=chain,
        at=document.at,
    )


def _dated(document: Document) -> date | None:
    return next((optional_date(one, 2) for one in of_tag(document.segments, "DTM")), None)


def _payer(document: Document, payment: Segment, found: dict[str, Party]) -> Party:
    payer = first_of(found, "PR") or sender_party(document.sender)
    account = next(iter(identifier("x12:account", element(payment, 9))), None)
    return payer.model_copy(update={"account": account})


def _references(advice_id: str, lines: Sequence[RemittanceLine]) -> tuple[Identifier, ...]:
    numbers = [one.invoice_number for one in lines if one.invoice_number]
    found = dict.fromkeys(identifier("x12:TRN02", advice_id))
    for number in numbers:
        found.update(dict.fromkeys(identifier("x12:IV", number)))
    return tuple(found)
