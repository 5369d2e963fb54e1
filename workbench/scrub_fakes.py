"""Made-up values in the place of real ones: the same shape, and the same one for the same word.

Everything follows from a salt and the word itself: one word becomes the same other word wherever
it stands and however it is written, and without the salt nothing leads back.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from typing import Final

EMAIL: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+")
PHONE: Final = re.compile(r"(?<![\w.])\+\d[\d ()/.-]{6,}\d(?!\w)")
IBAN: Final = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,3})?)"
    r"(?![A-Za-z0-9])"
)
CARD: Final = re.compile(
    r"(?<![\w.])(?:4\d{3}|5[1-5]\d\d|2[2-7]\d\d|3[47]\d\d|6(?:011|5\d\d))(?:[ -]?\d{4}){2}"
    r"[ -]?\d{3,4}(?![\w.])"
)
_RUN = re.compile(r"[^\W\d_]+|\d+")
_KEPT = re.compile(r"\d+[.,]\d{2}(?!\d)|\?\d\d|/[A-Z]{2,4}/|[A-Z]{4}\+")
"""In free text: amounts, and the marks that structure it."""
_VOWELS, _CONSONANTS = "aeiou", "bcdfghjklmnprstvwz"
_ACCENTED, _CYRILLIC, _IDEOGRAPHS = "äéèöüàñ", "абвгдежзиклмнопрстуф", "甲乙丙丁戊己庚辛壬癸"


class Fakes:
    """The made-up values of one salt."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt

    def _bytes(self, *parts: str) -> Iterator[int]:
        number = 0
        message = "\0".join(parts).encode("utf-8", "surrogatepass")
        while True:
            yield from hmac.digest(self._salt, message + b"\0%d" % number, hashlib.sha256)
            number += 1

    def text(self, text: str) -> str:
        """The same words and numbers otherwise, in the same shape."""
        return _RUN.sub(lambda found: self.run(found[0]), text)

    def prose(self, text: str) -> str:
        """Free text: amounts stay, and so do the marks that structure it."""
        made, at = [], 0
        for kept in _KEPT.finditer(text):
            made += [self.text(text[at : kept.start()]), kept[0]]
            at = kept.end()
        return "".join([*made, self.text(text[at:])])

    def run(self, run: str) -> str:
        """A word or a number, always another one."""
        for turn in range(100):
            source = self._bytes("run", run.casefold(), str(turn))
            made = "".join(
                [_like(one, next(source), first=place == 0) for place, one in enumerate(run)]
            )
            if made.casefold() != run.casefold():
                return made
        return "x" * len(run)

    def email(self, address: str) -> str:
        """An address nobody has."""
        local = address.partition("@")[0]
        return f"{self.text(local)}@example.com"

    def phone(self, number: str) -> str:
        """Other digits behind the first two."""
        head = re.match(r"\D*\d?\d?", number)
        end = head.end() if head and number.lstrip().startswith("+") else 0
        return number[:end] + self.text(number[end:])

    def ip(self, address: str) -> str:
        """An address of documentation."""
        last = next(self._bytes("ip", address))
        return f"2001:db8::{last:x}" if ":" in address else f"192.0.2.{last}"

    def iban(self, iban: str) -> str:
        """Another account of the same country; its check digits are right if these were."""
        compact = iban.replace(" ", "")
        valid = mod97(compact) == 1
        for turn in range(200):
            source = self._bytes("iban", compact, str(turn))
            body = "".join([_like(one, next(source), first=False) for one in compact[4:]])
            made = (
                compact[:2] + (_check_digits(compact[:2], body) if valid else compact[2:4]) + body
            )
            if body != compact[4:] and (mod97(made) == 1) == valid:
                return _spaced(made, iban)
        return self.text(iban)

    def card(self, number: str) -> str:
        """Another card of the same issuer, with the check digit right."""
        digits = re.sub(r"\D", "", number)
        source = self._bytes("card", digits)
        body = digits[:6] + "".join(str(next(source) % 10) for _ in digits[6:-1])
        made = iter(body + luhn_digit(body))
        return "".join(next(made) if one.isdigit() else one for one in number)


def _like(letter: str, byte: int, *, first: bool) -> str:
    """A character of the same kind and case."""
    if letter.isdigit():
        return str(1 + byte % 9) if first and letter != "0" else str(byte % 10)
    lower = letter.lower()
    if lower in _VOWELS:
        choice = _VOWELS
    elif lower.isascii():
        choice = _CONSONANTS
    elif ord(lower[0]) < 0x250:
        choice = _ACCENTED
    else:
        choice = _CYRILLIC if ord(lower[0]) < 0x530 else _IDEOGRAPHS
    made = choice[byte % len(choice)]
    return made.upper() if letter.isupper() else made


def mod97(iban: str) -> int:
    """The remainder of ISO 7064 MOD 97-10; 1 for a valid IBAN."""
    moved = iban[4:] + iban[:4]
    try:
        return int("".join(str(int(one, 36)) for one in moved)) % 97
    except ValueError:
        return 0


def _check_digits(country: str, body: str) -> str:
    return f"{98 - mod97(f'{country}00{body}'):02d}"


def _spaced(compact: str, like: str) -> str:
    made = iter(compact)
    return "".join(one if one == " " else next(made) for one in like)


def luhn_digit(body: str) -> str:
    """The check digit that makes a card number of these digits."""
    total = 0
    for place, one in enumerate(reversed(body)):
        doubled = int(one) * (2 if place % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)


def is_card(number: str) -> bool:
    """Whether the check digit fits."""
    digits = re.sub(r"\D", "", number)
    return luhn_digit(digits[:-1]) == digits[-1]
