"""What identifies an entry: the bank's reference, else its content and how-manieth such line.

Nothing of where a line was reported (file, statement id, page) is part of it, so that a line in
two overlapping statements is one fact. See the README for the reasons behind each rung.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

from canonical.keys import Key
from canonical.values import Money
from connectors.camt.details import SCHEME, Remittance, information, references_of
from connectors.camt.entries import Entry, Movement
from connectors.camt.node import Node
from connectors.kit.marks import Marks

_OWN_REFERENCES = tuple(
    SCHEME + name for name in ("AcctSvcrRef", "TxId", "UETR", "EndToEndId", "InstrId")
)


class Occurrences:
    """Counts how often something has been seen in a statement, in some 20 bytes each."""

    def __init__(self) -> None:
        self._once = Marks()
        self._again: Counter[int] = Counter()

    def nth(self, *parts: str) -> int:
        """The how-manieth time these parts are seen, from 1."""
        digest = hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=8)
        mark = int.from_bytes(digest.digest(), "big")
        if self._once.add(mark):
            return 1
        self._again[mark] += 1
        return self._again[mark] + 1


def entry_identity(
    entry: Entry, fact: tuple[str, ...], statement_id: str, seen: Occurrences
) -> tuple[str, ...]:
    """The parts that name this entry among those of its account and currency.

    `fact` says what is told of it (booked, or notified in which report and status): counting is
    apart for each. `seen` belongs to the statement.
    """
    named = _reference(entry)
    if named is not None and seen.nth(*fact, *named) == 1:
        return named
    content = _content_of(entry, statement_id)
    if named is None:
        return ("line", content, str(seen.nth(*fact, "line", content)))
    # Some banks give one reference to several entries: what they say must tell them apart.
    return (*named, content, str(seen.nth(*fact, *named, content)))


def part_identities(entry: Entry) -> list[tuple[str, ...]]:
    """What names each part within its entry: nothing when the entry is not split.

    A transaction's own reference when no other transaction of the entry has it; else its content
    and how-manieth such transaction it is.
    """
    if len(entry.parts) == 1:
        return [()]
    candidates = [_own_references(part.transactions[0]) for part in entry.parts]
    used = Counter(reference for listed in candidates for reference in listed)
    counted: Counter[str] = Counter()
    identities: list[tuple[str, ...]] = []
    for part, listed in zip(entry.parts, candidates, strict=True):
        alone = next((reference for reference in listed if used[reference] == 1), None)
        if alone:
            identities.append(("tx", *alone))
            continue
        content = _digest(_said(part.movement, part.transactions))
        counted[content] += 1
        identities.append(("tx", "line", content, str(counted[content])))
    return identities


def _reference(entry: Entry) -> tuple[str, ...] | None:
    way = entry.movement.direction.value
    if entry.servicer_reference:
        return ("AcctSvcrRef", entry.servicer_reference, way)
    day = entry.booked or entry.value
    if entry.entry_reference and day:
        return ("NtryRef", day.date.isoformat(), entry.entry_reference, way)
    return None


def _content_of(entry: Entry, statement_id: str) -> str:
    days = [day.date.isoformat() if day else "" for day in (entry.booked, entry.value)]
    # A line without any date is told apart from the same line another day only by its statement.
    scope = "" if any(days) else statement_id
    movement = entry.movement
    return _digest(
        [
            *days,
            scope,
            "reversal" if movement.reversal else "",
            entry.entry_reference or "",
            *_said(movement, entry.transactions),
            *information(entry.node, entry.transactions),
        ]
    )


def _said(movement: Movement, transactions: Iterable[Node]) -> list[str]:
    told = [movement.direction.value, _plain(movement.amount)]
    for one in transactions:
        told += [f"{scheme}={value}" for scheme, value in references_of(one)]
    remittance = Remittance.of(transactions)
    return [*told, *remittance.lines, *remittance.creditor_references]


def _own_references(transaction: Node) -> list[tuple[str, str]]:
    found = dict(references_of(transaction))
    return [
        (scheme.removeprefix(SCHEME), found[scheme])
        for scheme in _OWN_REFERENCES
        if scheme in found
    ]


def _plain(money: Money) -> str:
    return format(money.amount.normalize(), "f")


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256(Key.of("", *parts).text.encode("utf-8", "replace")).hexdigest()[:32]
