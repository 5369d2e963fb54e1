"""The words and amounts that a message can be found by. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final, NamedTuple

import orjson

from store.records import MessageRow

MOST_WORDS: Final = 2000
LONGEST_WORD: Final = 80
SCALE: Final = 10_000
"""Amounts are compared to the ten-thousandth."""
LARGEST: Final = (1 << 62) // SCALE

_WORD = re.compile(r"[^\W_]+")
_COMPOUND = re.compile(r"[^\W_]+(?:[-._/@:+#][^\W_]+)*")
_MOMENT = re.compile(r"(\d{4}-\d{2}-\d{2})t\d{2}:\d{2}")
_DECIMAL = re.compile(r"-?\d+\.\d+")


class Amount(NamedTuple):
    """An amount without its sign, in ten-thousandths of the currency."""

    currency: str
    scaled: int


def folded(text: str) -> str:
    """Text as it is compared: without case and accents."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    return "".join([one for one in apart if not unicodedata.combining(one)]).casefold()


def words_in(text: str) -> Iterator[str]:
    """The words of a text, folded: `ACME-17` is one, and so are `acme` and `17`."""
    plain = folded(text)
    moment = _MOMENT.match(plain)
    if moment:
        yield moment[1]
        return
    for found in _COMPOUND.finditer(plain):
        whole = found[0]
        yield whole[:LONGEST_WORD]
        if len(whole) > 1 and not whole.isalnum() and not _DECIMAL.fullmatch(whole):
            yield from (part[:LONGEST_WORD] for part in _WORD.findall(whole))


def wholes_in(text: str) -> Iterator[str]:
    """The words of a text that are not part of another one."""
    return (found[0][:LONGEST_WORD] for found in _COMPOUND.finditer(folded(text)))


class Content(NamedTuple):
    """What a message can be found by."""

    words: set[str]
    amounts: set[Amount]


def content_of(message: MessageRow) -> Content:
    """The words and amounts of a message, at most about two thousand words."""
    found = Content(set(), set())
    for text in (message.subject, message.correlation, message.key):
        found.words.update(_words_of_text(text))
    if message.data is not None:
        _gather(orjson.loads(message.data), found)
    return found


def _gather(value: Any, found: Content) -> None:
    if isinstance(value, str):
        if len(found.words) < MOST_WORDS:
            found.words.update(_words_of_text(value))
    elif isinstance(value, dict):
        amount, currency = value.get("amount"), value.get("currency")
        if isinstance(amount, str) and isinstance(currency, str):
            made = scaled(amount)
            if made is not None:
                found.amounts.add(Amount(currency, made))
        for one in value.values():
            _gather(one, found)
    elif isinstance(value, list):
        for one in value:
            _gather(one, found)
    elif isinstance(value, int) and not isinstance(value, bool):
        found.words.add(str(value))


@lru_cache(maxsize=4096)
def _words_of_text(text: str) -> tuple[str, ...]:
    # Most texts of messages are codes, currencies and descriptions that come again and again.
    return tuple(words_in(text))


def scaled(text: str) -> int | None:
    """An amount in ten-thousandths, cut and without its sign; None for what is no amount."""
    try:
        number = abs(Decimal(text))
    except InvalidOperation:
        return None
    return int(number * SCALE) if number.is_finite() and number < LARGEST else None
