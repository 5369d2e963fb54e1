"""Remittance advices: which receipt one is about, and how it says to split it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from canonical.cash import RemittanceAdvised, RemittanceLine
from domains.cash.amounts import ZERO, total
from domains.cash.entries import Receipt
from domains.cash.receivables import Receivable
from domains.cash.references import squeezed
from domains.facts import Told

_REASONS: Final[tuple[tuple[str, str], ...]] = (
    ("tax_withheld", r"tax|withh|whtx|steuer|tds"),
    ("discount", r"disc|skonto|rebate|escompte|early|allow"),
    ("bank_fee", r"fee|bank|charge|spesen|frais"),
    ("dispute", r"disput|damag|short|quality|return|claim|missing|price|mangel"),
)


@dataclass(frozen=True, slots=True)
class Part:
    """A line of an advice that pays an invoice."""

    number: str
    """Squeezed."""
    paid: Decimal
    deduction: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class Split:
    """An advice that agrees with a receipt, by the receivables it names."""

    advice: Told[RemittanceAdvised]
    parts: tuple[tuple[Receivable, Part], ...]
    unknown: tuple[Part, ...]
    """For invoices nobody has told of."""
    by_reference: bool


def reason_class(line: RemittanceLine) -> str:
    """Why a payer kept something back: one of a few words, never the payer's own."""
    told = (line.deduction_reason or "").casefold()
    return next((word for word, form in _REASONS if re.search(form, told)), "other")


def split_of(
    receipt: Receipt,
    advices: Iterable[Told[RemittanceAdvised]],
    claims: Mapping[str, Receivable],
) -> Split | None:
    """How an advice splits a receipt: one that names it or its invoices, and agrees in amount."""
    found: list[Split] = []
    for advice in advices:
        parts = _parts(advice.data, receipt)
        if parts is None:
            continue
        own = (advice.data.payment_reference, advice.data.advice_id)
        named = {squeezed(one) for one in own if one} & receipt.mentions.named
        shared = {one.number for one in parts} & receipt.mentions.named
        if named or shared:
            known = [(claim, one) for one in parts if (claim := _claim(one, claims, receipt))]
            held = {one.number for _, one in known}
            unknown = tuple(one for one in parts if one.number not in held)
            found.append(Split(advice, tuple(known), unknown, bool(named)))
    found.sort(key=lambda one: (not one.by_reference, one.advice.at, one.advice.fact.key))
    return found[0] if found else None


def _claim(part: Part, claims: Mapping[str, Receivable], receipt: Receipt) -> Receivable | None:
    named = [one for one in claims.values() if part.number in one.numbers]
    same = [one for one in named if one.currency == receipt.currency]
    return same[0] if len(same) == 1 else None


def _parts(advice: RemittanceAdvised, receipt: Receipt) -> list[Part] | None:
    """The invoices an advice pays; None where its amounts are not those of the receipt."""
    currency = advice.currency or (advice.amount.currency if advice.amount else None)
    if currency is not None and currency != receipt.currency:
        return None
    lines = [one for one in advice.lines if one.invoice_number]
    parts = [_part(one) for one in lines]
    loose = total(one.deduction.amount for one in advice.lines if _is_loose(one) and one.deduction)
    paid = total(one.paid for one in parts) + total(
        one.paid.amount for one in advice.lines if not one.invoice_number and one.paid
    )
    if paid == receipt.amount:
        return parts
    if paid - loose == receipt.amount and len(parts) == 1:
        only, reason = parts[0], _loose_reason(advice.lines)
        return [Part(only.number, only.paid - loose, only.deduction + loose, reason)]
    return None


def _is_loose(line: RemittanceLine) -> bool:
    return not line.invoice_number and line.paid is None


def _loose_reason(lines: Sequence[RemittanceLine]) -> str:
    return next((reason_class(one) for one in lines if _is_loose(one)), "other")


def _part(line: RemittanceLine) -> Part:
    kept = line.deduction.amount if line.deduction else ZERO
    paid = line.paid.amount if line.paid else ZERO
    if line.paid is None and line.amount_due:
        paid = line.amount_due.amount - kept
    return Part(squeezed(line.invoice_number or ""), paid, kept, reason_class(line))
