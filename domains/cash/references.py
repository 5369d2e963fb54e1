"""What of a payer's text may be a reference: numbers of invoices, orders, payouts.

Payers write numbers with and without blanks, dashes and case, and banks wrap the text where a
line is full. Numbers are therefore compared by their letters and digits alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from canonical.cash import BankEntryBooked, BankEntryNotified, BankEntryReversed

BankEntry = BankEntryBooked | BankEntryNotified | BankEntryReversed

MOST_WORDS: Final = 40
"""A text with more numbers than these is a list: a remittance advice says it better."""
_SHORTEST: Final = 4
_LONGEST: Final = 60
_WORD: Final = re.compile(r"#?[^\W_](?:[\w./\-]*[^\W_])?")
_PLACEHOLDERS: Final = frozenset({"notprovided", "nonref", "none", "notavailable", "na"})
_DATE: Final = re.compile(
    r"(?:19|20)\d\d"
    r"|(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
    r"|(?:19|20)\d\d([-./])(?:0?[1-9]|1[0-2])\1(?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])([-./])(?:0?[1-9]|1[0-2])\2(?:\d\d|(?:19|20)\d\d)"
)
_AMOUNT: Final = re.compile(r"\d{1,3}(?:\.\d{3})*\.\d{2}|\d+\.\d{2}")
_ACCOUNT: Final = re.compile(r"(?!rf)[a-z]{2}\d{2}[a-z0-9]{11,30}")
_FILLERS: Final = frozenset((
    "nr", "no", "num", "number", "nummer", "id", "ref", "reference", "vom", "of"
))  # fmt: skip
_ORDER_LABELS: Final = frozenset((
    "order", "orders", "orderno", "ordernr", "po", "bestellung", "bestellnr",
    "auftrag", "auftragsnr", "commande", "pedido", "ordine", "ordre"
))  # fmt: skip
_CUSTOMER_LABELS: Final = frozenset((
    "kd", "kdnr", "kundennr", "kundennummer", "kunde", "customer", "cust", "custno",
    "client", "mandat", "mandate", "mref", "cred"
))  # fmt: skip


def squeezed(value: str) -> str:
    """A number by its letters and digits alone: `INV-2026/77` and `inv 2026 77` are one."""
    return "".join(filter(str.isalnum, value)).casefold()


def is_reference(word: str) -> bool:
    """Whether a word may name a document: long enough, with digits, no date, amount or account."""
    bare = squeezed(word)
    if not _SHORTEST <= len(bare) <= _LONGEST or bare in _PLACEHOLDERS:
        return False
    if sum(map(str.isdigit, bare)) < 2:
        return False
    return not (_DATE.fullmatch(word) or _AMOUNT.fullmatch(word) or _is_account(bare))


def _is_account(bare: str) -> bool:
    """Whether it is an IBAN by its check digits (ISO 13616)."""
    if not _ACCOUNT.fullmatch(bare):
        return False
    digits = "".join(str(int(one, 36)) for one in bare[4:] + bare[:4])
    return int(digits) % 97 == 1


@dataclass(frozen=True, slots=True)
class Mentions:
    """The numbers a bank entry mentions, squeezed."""

    structured: frozenset[str] = frozenset()
    """Creditor references, virtual accounts and documents named in fields of their own."""
    words: tuple[str, ...] = ()
    """Out of the free text, in its order."""
    orders: frozenset[str] = frozenset()
    """Those the text itself calls an order."""
    customers: frozenset[str] = frozenset()
    """Those the text calls a customer, which name no document."""
    ids: frozenset[str] = frozenset()
    """End-to-end and transaction ids: given by banks and their software, at times by people."""

    @property
    def named(self) -> frozenset[str]:
        """All that may name a document."""
        return self.structured | frozenset(self.words) | self.ids

    @property
    def written(self) -> frozenset[str]:
        """What a person wrote to name a document."""
        return self.structured | frozenset(self.words)


@lru_cache(maxsize=2048)
def mentions_in(
    remittance: tuple[str, ...], structured: tuple[str, ...], ids: tuple[str, ...]
) -> Mentions:
    """The mentions of these lines and fields."""
    words: dict[str, None] = {}
    orders: set[str] = set()
    customers: set[str] = set()
    for before, word in _labelled(remittance):
        number = squeezed(word)
        if before in _CUSTOMER_LABELS:
            customers.add(number)
            continue
        words[number] = None
        if before in _ORDER_LABELS or word.startswith("#"):
            orders.add(number)
        elif number.isdigit() and before.isalpha() and len(before) <= 8:
            words[before + number] = None
    return Mentions(
        structured=frozenset(squeezed(one) for one in structured if is_reference(one)),
        words=tuple(words)[:MOST_WORDS],
        orders=frozenset(orders),
        customers=frozenset(customers),
        ids=frozenset(squeezed(one) for one in ids if is_reference(one)),
    )


def mentions_of(entry: BankEntry) -> Mentions:
    """What a bank entry mentions."""
    fields = [entry.creditor_reference, *_documents(entry)]
    ids = [entry.end_to_end_id, entry.transaction_id]
    return mentions_in(
        entry.remittance,
        tuple(one for one in fields if one),
        tuple(one for one in ids if one),
    )


def _documents(entry: BankEntry) -> Iterator[str]:
    for one in entry.references:
        if ":RfrdDoc" in one.scheme or one.scheme.endswith("virtual_account"):
            yield one.value


def _labelled(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each word that may be a reference, and the word before it."""
    texts = [line.strip() for line in lines if line.strip()]
    found = [match.group() for match in _WORD.finditer(" ".join(texts))]
    before = ""
    for word in found:
        if is_reference(word):
            yield before, word
        if (bare := squeezed(word)) not in _FILLERS:
            before = bare
    for first, second in pairwise(texts):
        # A word that was cut in two at the end of a line.
        head, tail = _WORD.findall(first)[-1:], _WORD.findall(second)[:1]
        if head and tail and is_reference(head[0] + tail[0]):
            yield "", head[0] + tail[0]
