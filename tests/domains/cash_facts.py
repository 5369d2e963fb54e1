"""Facts of cash as tests tell them, and the questions tests ask of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from canonical.billing import CreditNoteIssued, InvoiceIssued, InvoiceTotals
from canonical.cash import (
    BankBalanceReported,
    BankEntryBooked,
    BankEntryNotified,
    BankEntryReversed,
    DisputeClosed,
    DisputeOpened,
    DisputeOutcome,
    PaymentCaptured,
    PaymentFailed,
    PayoutLineReported,
    PayoutSettled,
    RefundIssued,
    RemittanceAdvised,
    RemittanceLine,
    StatementPosition,
)
from canonical.chain import ReceivableChanged
from canonical.order import OrderPlaced, OrderTotals
from canonical.values import Direction, Identifier, Money, Party
from domains.cash import DOMAIN
from domains.contract import NO_RULES_CHANGED, Decision, Fact, Record, Rules
from tests.domains.building import DAY, World, derive_all, fact

ACCOUNT = Identifier(scheme="iban", value="DE75512108001245126199")
SELLER = Party(name="Example Shop", identifiers=(Identifier(scheme="vat", value="DE111111111"),))
NOW = DAY + timedelta(days=11)
LATER = DAY + timedelta(days=60)
"""When every deadline has passed."""


def eur(amount: str | Decimal, currency: str = "EUR") -> Money:
    return Money(amount=Decimal(amount), currency=currency)


def day(number: int) -> datetime:
    """So many days after the facts begin."""
    return DAY + timedelta(days=number)


def order(order_id: str = "1001", total: str = "100.00", *, source: str = "/shopify/acme") -> Fact:
    channel, account = source.strip("/").split("/")
    payload = OrderPlaced(
        order_id=order_id,
        channel=channel,
        account=account,
        currency="EUR",
        totals=OrderTotals(total=eur(total)),
    )
    return fact(payload, source=source, at=DAY, version="1")


def invoice(
    number: str = "INV-2026-77",
    amount: str = "100.00",
    *,
    order_id: str | None = None,
    on: int = 0,
    currency: str = "EUR",
    **more: Any,
) -> Fact:
    payload = InvoiceIssued(
        invoice_number=number,
        document_type="380",
        issue_date=day(on).date(),
        due_date=day(on + 14).date(),
        currency=currency,
        seller=SELLER,
        order_id=order_id,
        totals=InvoiceTotals(payable=eur(amount, currency)),
        **more,
    )
    return fact(payload, source="/ubl/acme", at=day(on))


def credit_note(
    number: str = "CN-2026-5",
    amount: str = "30.00",
    *,
    of: str | None = "INV-2026-77",
    on: int = 8,
    **more: Any,
) -> Fact:
    named = (Identifier(scheme="ubl:invoice_number", value=of),) if of else ()
    payload = CreditNoteIssued(
        invoice_number=number,
        document_type="381",
        issue_date=day(on).date(),
        currency="EUR",
        seller=SELLER,
        preceding=named,
        totals=InvoiceTotals(payable=eur(amount)),
        **more,
    )
    return fact(payload, source="/ubl/acme", at=day(on))


def _payment(amount: str, on: int, payment_id: str, more: dict[str, Any]) -> dict[str, Any]:
    return {
        "gateway": "stripe",
        "account": "acme",
        "payment_id": payment_id,
        "amount": eur(amount),
        "occurred_at": day(on),
        **more,
    }


def captured(
    amount: str = "100.00", *, payment_id: str = "pi_0000000001", on: int = 1, **more: Any
) -> Fact:
    told = _payment(amount, on, payment_id, more)
    source = f"/{told['gateway']}/{told['account']}"
    return fact(PaymentCaptured(**told), source=source, at=day(on))


def failed(payment_id: str = "pi_0000000001", *, on: int = 2, **more: Any) -> Fact:
    payload = PaymentFailed(**_payment("100.00", on, payment_id, more))
    return fact(payload, source="/stripe/acme", at=day(on))


def refund(
    amount: str = "30.00",
    *,
    refund_id: str = "re_1",
    payment_id: str = "pi_0000000001",
    on: int = 9,
    status: str = "issued",
    **more: Any,
) -> Fact:
    told = {**_payment(amount, on, payment_id, more), "refund_id": refund_id, "status": status}
    return fact(RefundIssued(**told), source="/stripe/acme", at=day(on))


def dispute(amount: str = "100.00", *, on: int = 20, **more: Any) -> Fact:
    told = {**_payment(amount, on, "pi_0000000001", more), "dispute_id": "du_1"}
    return fact(DisputeOpened(**told), source="/stripe/acme", at=day(on))


def dispute_closed(outcome: DisputeOutcome, amount: str = "100.00", *, on: int = 30) -> Fact:
    told = {**_payment(amount, on, "pi_0000000001", {}), "dispute_id": "du_1", "outcome": outcome}
    return fact(DisputeClosed(**told), source="/stripe/acme", at=day(on))


def payout(
    net: str = "97.00",
    *,
    payout_id: str = "po_0000000001",
    on: int = 3,
    status: str = "paid",
    **sums: str,
) -> Fact:
    payload = PayoutSettled(
        gateway="stripe",
        account="acme",
        payout_id=payout_id,
        net=eur(net),
        status=status,
        settled_at=day(on),
        line_count=int(sums.pop("line_count")) if "line_count" in sums else None,
        **{name: eur(amount) for name, amount in sums.items()},
    )
    return fact(payload, source="/stripe/acme", at=day(on))


def line(
    gross: str = "100.00",
    fee: str = "3.00",
    *,
    line_id: str = "txn_1",
    payment_id: str | None = "pi_0000000001",
    payout_id: str = "po_0000000001",
    kind: str = "charge",
) -> Fact:
    payload = PayoutLineReported(
        gateway="stripe",
        account="acme",
        payout_id=payout_id,
        line_id=line_id,
        kind=kind,
        gross=eur(gross),
        fee=eur(fee),
        net=eur(Decimal(gross) - Decimal(fee)),
        payment_id=payment_id,
        occurred_at=day(3),
    )
    return fact(payload, source="/stripe/acme", at=day(3))


def _entry(
    amount: str, text: Sequence[str], on: int, direction: Direction, more: dict[str, Any]
) -> dict[str, Any]:
    return {
        "bank_account": ACCOUNT,
        "amount": eur(amount, more.pop("currency", "EUR")),
        "direction": direction,
        "booking_date": day(on).date(),
        "remittance": tuple(text),
        "position": StatementPosition(report="camt.053"),
        **more,
    }


def booked(amount: str = "100.00", *text: str, on: int = 5, name: str = "", **more: Any) -> Fact:
    payload = BankEntryBooked(**_entry(amount, text, on, Direction.CREDIT, more))
    return fact(payload, source="/camt/acme", at=day(on), name=name)


def took_back(amount: str = "100.00", *text: str, on: int = 10, **more: Any) -> Fact:
    payload = BankEntryReversed(**_entry(amount, text, on, Direction.DEBIT, more))
    return fact(payload, source="/camt/acme", at=day(on))


def notified(
    amount: str = "100.00", *text: str, on: int = 4, status: str = "PDNG", **more: Any
) -> Fact:
    told = _entry(amount, text, on, Direction.CREDIT, more)
    return fact(BankEntryNotified(**told, status=status), source="/camt/acme", at=day(on))


def balance(sequence: int, kind: str, amount: str, *, on: int = 1) -> Fact:
    payload = BankBalanceReported(
        bank_account=ACCOUNT,
        statement_id=f"2026-{sequence}",
        sequence=str(sequence),
        balance_type=kind,
        amount=eur(amount),
        direction=Direction.CREDIT,
        balance_date=day(on).date(),
        report="camt.053",
    )
    return fact(payload, source="/camt/acme", at=day(on))


def part(
    number: str, paid: str, *, kept: str | None = None, reason: str | None = None
) -> RemittanceLine:
    return RemittanceLine(
        invoice_number=number,
        paid=eur(paid),
        deduction=eur(kept) if kept else None,
        deduction_reason=reason,
    )


def advice(*lines: RemittanceLine, amount: str, reference: str = "EFT-5501", on: int = 4) -> Fact:
    payload = RemittanceAdvised(
        advice_id=reference,
        payment_reference=reference,
        amount=eur(amount),
        currency="EUR",
        advised_at=day(on),
        lines=lines,
    )
    return fact(payload, source="/x12/acme", at=day(on))


def decided(
    action: str, record: str, *, on: int = 12, subject: str = "", **values: Any
) -> Decision:
    DOMAIN.actions[action](values)
    return Decision(
        id=f"dec-{action}-{on}-{subject or record}"[:80],
        at=day(on),
        by="kim@example.com",
        action=action,
        record=record,
        subject=subject,
        values=values,
        reason="checked",
    )


def derived(
    *facts: Fact,
    now: datetime = NOW,
    rules: Rules = NO_RULES_CHANGED,
    decisions: Sequence[Decision] = (),
) -> World:
    return derive_all(DOMAIN, facts, now=now, rules=rules, decisions=decisions)


def receivable(world: World, number: str = "INV-2026-77") -> Record:
    (found,) = (one for one in world.of("receivable") if one.label == number)
    return found


def told_of(world: World, number: str = "INV-2026-77") -> ReceivableChanged:
    found = world.announcements[ReceivableChanged.TYPE, receivable(world, number).key].data
    assert isinstance(found, ReceivableChanged)
    return found


def open_of(world: World, number: str = "INV-2026-77") -> str:
    return str(receivable(world, number).state["open"])
