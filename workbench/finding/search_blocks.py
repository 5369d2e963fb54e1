"""Blocks of messages for search: packed words, facets and amounts, and what cannot be in them."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import lz4.frame
import orjson

from store.finding.search import Block
from store.records import MessageRow
from workbench.finding.words import Amount, content_of

_ACCOUNT, _CONNECTOR, _TYPE = "\x01", "\x02", "\x03"
_LONGEST_NUMBER: Final = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word that is looked for."""

    word: str
    """Folded."""
    begins: bool = False
    """Whether longer words that begin so count as well."""

    def is_in(self, words: Iterable[str]) -> bool:
        """Whether one of these words is meant."""
        if not self.begins:
            return self.word in words
        return any(one.startswith(self.word) for one in words)


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountRange:
    """Amounts that are looked for, in ten-thousandths, both ends included."""

    lowest: int = 0
    highest: int = _LONGEST_NUMBER
    currency: str | None = None

    def is_in(self, amounts: Iterable[Amount]) -> bool:
        """Whether one of these amounts is meant."""
        return any(
            self.lowest <= one.scaled <= self.highest
            for one in amounts
            if self.currency in (None, one.currency)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a message must have: every term, an amount within the range, the facets."""

    terms: tuple[Term, ...] = ()
    one_of: tuple[Term, ...] = ()
    """Any of these, where there are some."""
    amounts: AmountRange | None = None
    connector: str | None = None
    account: str | None = None
    types: tuple[str, ...] = ()
    """Any of them."""

    @property
    def reads_content(self) -> bool:
        """Whether messages have to be read to know."""
        return bool(self.terms or self.one_of) or self.amounts is not None

    def fits(self, message: MessageRow) -> bool:
        """Whether a message has every term and the amount. Facets are the store's to look at."""
        found = content_of(message)
        return (
            all(term.is_in(found.words) for term in self.terms)
            and (not self.one_of or any(term.is_in(found.words) for term in self.one_of))
            and (self.amounts is None or self.amounts.is_in(found.amounts))
        )


def block_of(rows: Sequence[MessageRow]) -> Block:
    """The block of these messages, which are in the order of their ids."""
    words: set[str] = set()
    amounts: dict[str, set[int]] = defaultdict(set)
    for one in rows:
        found = content_of(one)
        words |= found.words
        words |= {_CONNECTOR + one.connector, _ACCOUNT + one.account, _TYPE + one.type}
        for currency, scaled in found.amounts:
            amounts[currency].add(scaled)
    text = "\n".join(["", *sorted(words), ""]).encode("utf-8", "replace")
    numbers = orjson.dumps({name: sorted(some) for name, some in amounts.items()})
    return Block(
        first_id=rows[0].row_id,
        last_id=rows[-1].row_id,
        rows=len(rows),
        words=lz4.frame.compress(text),
        amounts=lz4.frame.compress(numbers),
    )


def may_hold(block: Block, wanted: Wanted) -> bool:
    """Whether such a message may be in the block; False is certain."""
    needles = [_needle(term.word, begins=term.begins) for term in wanted.terms]
    facets = ((_CONNECTOR, wanted.connector), (_ACCOUNT, wanted.account))
    needles += [_needle(mark + value) for mark, value in facets if value]
    choices = [
        [_needle(_TYPE + one) for one in wanted.types],
        [_needle(term.word, begins=term.begins) for term in wanted.one_of],
    ]
    if needles or any(choices):
        text = lz4.frame.decompress(block.words)
        if not all(needle in text for needle in needles):
            return False
        if not all(any(needle in text for needle in some) for some in choices if some):
            return False
    return wanted.amounts is None or _has_amount(block, wanted.amounts)


def _needle(word: str, *, begins: bool = False) -> bytes:
    return f"\n{word}{'' if begins else chr(10)}".encode("utf-8", "replace")


def _has_amount(block: Block, wanted: AmountRange) -> bool:
    amounts = orjson.loads(lz4.frame.decompress(block.amounts))
    chosen = amounts.values() if wanted.currency is None else [amounts.get(wanted.currency, [])]
    for numbers in chosen:
        at = bisect_left(numbers, wanted.lowest)
        if at < len(numbers) and numbers[at] <= wanted.highest:
            return True
    return False
