"""Under which names cash files its facts. See the README for what meets what, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from canonical.billing import CreditNoteIssued, EInvoiceStatusChanged, InvoiceIssued
from canonical.cash import (
    BankBalanceReported,
    BankEntryBooked,
    BankEntryNotified,
    BankEntryReversed,
    DisputeClosed,
    DisputeOpened,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentFailed,
    PayoutLineReported,
    PayoutSettled,
    RefundIssued,
    RemittanceAdvised,
)
from canonical.order import OrderCancelled, OrderChanged, OrderPlaced
from canonical.values import Direction, Identifier, Money
from domains.cash.references import BankEntry, is_reference, mentions_of, squeezed
from domains.contract import Names
from domains.names import amount_name, qualified

PaymentFact = (
    PaymentAuthorised
    | PaymentCaptured
    | PaymentFailed
    | RefundIssued
    | DisputeOpened
    | DisputeClosed
)
OrderSnapshot = OrderPlaced | OrderChanged | OrderCancelled
BillingDocument = InvoiceIssued | CreditNoteIssued

_ORDER_SCHEMES: Final = frozenset(
    ("order", "order_number", "merchant_reference", "purchase_order", "sales_order", "PO")
)
_INVOICE_SCHEMES: Final = frozenset(("invoice", "payment_reference"))
_PAYMENT_SCHEMES: Final = frozenset(("payment_intent", "charge", "transaction", "payment"))
_ECHO_SCHEMES: Final = _PAYMENT_SCHEMES | {"authorization"}
_LONG_ENOUGH: Final = 12
"""Ids of gateways that other systems repeat are long; a short one may be another's by chance."""
_MOST_ADVISED: Final = 500
_STATEMENTS_BACK: Final = 3


def squeezed_names(what: str, values: Iterable[str | None]) -> frozenset[str]:
    """`<what>:<letters and digits of it>` of each value that is there."""
    numbers = (squeezed(value) for value in values if value)
    return frozenset(f"{what}:{number}" for number in numbers if number)


def values_of(references: Iterable[Identifier], schemes: frozenset[str]) -> list[str]:
    """Values whose scheme ends in one of these words."""
    return [one.value for one in references if one.scheme.rpartition(":")[2] in schemes]


def order_numbers(fact: OrderSnapshot | PaymentFact | BillingDocument) -> list[str]:
    """Every text by which a fact names its order."""
    listed = [fact.order_id, getattr(fact, "order_number", None)]
    return [one for one in listed if one] + values_of(fact.references, _ORDER_SCHEMES)


def invoice_numbers(fact: BillingDocument) -> list[str]:
    """Every text by which a payer may name a document."""
    listed = [fact.invoice_number, fact.payment_reference]
    payee = fact.payee.account if fact.payee else None
    if payee and payee.scheme.endswith("virtual_account"):
        listed.append(payee.value)
    return [one for one in listed if one] + values_of(fact.references, _INVOICE_SCHEMES)


def named_invoices(fact: PaymentFact) -> list[str]:
    """Every text by which a payment names an invoice."""
    own = [fact.invoice_number] if fact.invoice_number else []
    return own + values_of(fact.references, _INVOICE_SCHEMES)


def payment_ids(fact: PaymentFact) -> frozenset[str]:
    """The ids a gateway knows a payment by: its own and those of its captures."""
    capture = fact.capture_id if isinstance(fact, PaymentCaptured) else None
    own = [one for one in (fact.payment_id, capture) if one]
    return frozenset(own + values_of(fact.references, _PAYMENT_SCHEMES))


def echoed_ids(fact: PaymentFact) -> frozenset[str]:
    """Ids long enough to be recognised in what another system tells of the same payment."""
    told = payment_ids(fact) | set(values_of(fact.references, _ECHO_SCHEMES))
    return frozenset(one for one in told if len(one) >= _LONG_ENOUGH)


def net_name(amount: Money) -> str:
    """What a payout and the bank entry it became have in common when nothing else does."""
    return f"net:{amount_name(amount)}"


def payout_references(fact: PayoutSettled) -> frozenset[str]:
    """What a bank entry may name a payout by. A fixed text of the bank's line is none."""
    told = [fact.payout_id, fact.bank_reference, *values_of(fact.references, _TRACES)]
    return frozenset(squeezed(one) for one in told if one and is_reference(one))


_TRACES: Final = frozenset(("trace_id",))


def _order(fact: OrderSnapshot) -> Names:
    own = qualified("order", fact.channel, fact.account, fact.order_id)
    return Names(strong=squeezed_names("order", order_numbers(fact)) | {own})


def _invoice(fact: InvoiceIssued) -> Names:
    return Names(strong=_document(fact), weak=frozenset({amount_name(fact.totals.payable)}))


def _credit_note(fact: CreditNoteIssued) -> Names:
    return Names(strong=_document(fact))


def _document(fact: BillingDocument) -> frozenset[str]:
    before = [one.value for one in fact.preceding]
    return squeezed_names("invoice", [*invoice_numbers(fact), *before]) | squeezed_names(
        "order", order_numbers(fact)
    )


def _electronic(fact: EInvoiceStatusChanged) -> Names:
    return Names(strong=squeezed_names("invoice", [fact.invoice_number]))


def _payment(fact: PaymentFact) -> Names:
    strong = {qualified("payment", fact.gateway, fact.account, one) for one in payment_ids(fact)}
    strong |= squeezed_names("payment", echoed_ids(fact))
    strong |= squeezed_names("order", order_numbers(fact))
    strong |= squeezed_names("invoice", named_invoices(fact))
    if fact.order_id:
        strong.add(qualified("order", fact.gateway, fact.account, fact.order_id))
    return Names(strong=frozenset(strong))


def payout_name(fact: PayoutSettled | PayoutLineReported) -> str:
    """The name a payout's facts share."""
    return qualified("payout", fact.gateway, fact.account, fact.payout_id)


def _payout(fact: PayoutSettled) -> Names:
    strong = {payout_name(fact), *(f"payout:{one}" for one in payout_references(fact))}
    return Names(strong=frozenset(strong), weak=frozenset({net_name(unsigned(fact.net))}))


def unsigned(amount: Money) -> Money:
    """The same without its sign, as bank entries tell amounts."""
    return Money(amount=abs(amount.amount), currency=amount.currency)


def _line(fact: PayoutLineReported) -> Names:
    return Names(strong=frozenset({payout_name(fact)}), weak=frozenset(paid_by(fact)))


def paid_by(fact: PayoutLineReported) -> list[str]:
    """The names of the payment a line of a payout is about."""
    ids = [one for one in (fact.payment_id, fact.source_id) if one]
    return [qualified("payment", fact.gateway, fact.account, one) for one in ids]


def _entry(fact: BankEntry) -> Names:
    told = mentions_of(fact)
    orders = {f"order:{one}" for one in told.named}
    # A bare number may be an invoice's or an order's: as both it would join what has nothing to
    # do with each other, one number after the next.
    sure = {f"order:{one}" for one in told.named if one in told.orders or not one.isdigit()}
    strong = {f"{what}:{one}" for one in told.named for what in ("invoice", "payout")}
    strong |= sure | _moved(fact)
    weak = {net_name(fact.amount)} | (orders - sure)
    if fact.direction is Direction.CREDIT:
        weak.add(amount_name(fact.amount))
    return Names(strong=frozenset(strong), weak=frozenset(weak - strong))


def entry_ids(fact: BankEntry) -> frozenset[str]:
    """Ids an entry shares with its reversal and with what was told of it before it was booked."""
    told = [fact.entry_reference, fact.end_to_end_id, fact.transaction_id]
    return frozenset(squeezed(one) for one in told if one and is_reference(one))


def _moved(fact: BankEntry) -> set[str]:
    account = squeezed(fact.bank_account.value)
    amount = amount_name(fact.amount)
    return {f"entry:{account}/{one}/{amount}" for one in entry_ids(fact)}


def _balance(fact: BankBalanceReported) -> Names:
    number = statement_number(fact)
    if number is None:
        return Names()
    before = range(max(1, number - _STATEMENTS_BACK), number)
    is_opening = fact.balance_type == "OPBD"
    return Names(
        strong=frozenset({_statement(fact, number)}),
        weak=frozenset(_statement(fact, one) for one in before) if is_opening else frozenset(),
    )


def statement_number(fact: BankBalanceReported) -> int | None:
    """The number of a statement in its year; None for reports that are not numbered statements."""
    told = fact.sequence or ""
    booked = fact.report in ("camt.053", "mt940")
    return int(told) if booked and told.isdecimal() and len(told) <= 9 else None


def _statement(fact: BankBalanceReported, number: int) -> str:
    account, currency = squeezed(fact.bank_account.value), fact.amount.currency
    return f"statement:{account}/{currency}/{fact.balance_date.year}/{number}"


def _advice(fact: RemittanceAdvised) -> Names:
    lines = fact.lines[:_MOST_ADVISED]
    numbers = [one.invoice_number for one in lines]
    own = [one for one in (fact.payment_reference, fact.advice_id) if one and is_reference(one)]
    return Names(strong=squeezed_names("invoice", [*numbers, *own]))


LISTENS: Final[Mapping[str, Callable[[Any], Names]]] = {
    **dict.fromkeys((one.TYPE for one in (OrderPlaced, OrderChanged, OrderCancelled)), _order),
    InvoiceIssued.TYPE: _invoice,
    CreditNoteIssued.TYPE: _credit_note,
    EInvoiceStatusChanged.TYPE: _electronic,
    **dict.fromkeys(
        (
            one.TYPE
            for one in (
                PaymentAuthorised,
                PaymentCaptured,
                PaymentFailed,
                RefundIssued,
                DisputeOpened,
                DisputeClosed,
            )
        ),
        _payment,
    ),
    PayoutSettled.TYPE: _payout,
    PayoutLineReported.TYPE: _line,
    **dict.fromkeys(
        (one.TYPE for one in (BankEntryBooked, BankEntryReversed, BankEntryNotified)), _entry
    ),
    BankBalanceReported.TYPE: _balance,
    RemittanceAdvised.TYPE: _advice,
}
