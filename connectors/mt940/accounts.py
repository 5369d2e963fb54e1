"""Account and bank out of `:25:`, and the other party's out of `:86:`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import ascii_uppercase

from canonical.currencies import MINOR_UNITS
from canonical.errors import Malformed
from canonical.values import Identifier

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_CURRENCY = re.compile(r"(?P<account>.*?[0-9\"])[ /]*(?P<currency>[A-Z]{3})", re.DOTALL)
_BANK_CODE = re.compile(r"[0-9]{3,12}")
_NUMBERS = str.maketrans({letter: str(int(letter, 36)) for letter in ascii_uppercase})
"""Letters as the check digits of ISO 7064 count them."""
_RF = re.compile(r"\bRF[0-9]{2}[A-Z0-9]{1,21}\b")


Reference = tuple[str, str]
"""Scheme and value of an identifier."""


@dataclass(frozen=True, slots=True)
class Account:
    """The account a statement is about."""

    identifier: Identifier
    servicer: Identifier | None = None
    currency: str | None = None


def account_of(lines: list[str]) -> Account:
    """The account in `:25:`: an IBAN, a bank and a number, or a number; a BIC may follow.

    A currency behind it is taken off, so that an account has one name. Raises Malformed
    (`missing_field`).
    """
    shown = lines[0].strip().lstrip("/") if lines else ""
    if not shown:
        raise Malformed("the account is missing", code="missing_field", path=":25:")
    currency = None
    match = _CURRENCY.fullmatch(shown)
    if match and match["currency"] in MINOR_UNITS and not is_iban(shown):
        shown, currency = match["account"].strip(), match["currency"]
    servicer = bank_of(lines[1]) if len(lines) > 1 else None
    first, slash, second = shown.partition("/")
    if slash and second and _BIC.fullmatch(first):
        return Account(_own(second.strip()), _identifier(bank_of(first)), currency)
    if slash and second and _BANK_CODE.fullmatch(first):
        servicer = servicer or bank_of(first)
    return Account(_own(shown), _identifier(servicer), currency)


def is_iban(text: str) -> bool:
    """Whether this is an IBAN with right check digits (ISO 13616)."""
    shown = "".join(text.split()).upper()
    return _IBAN.fullmatch(shown) is not None and _modulo_97(shown) == 1


def party_account(text: str | None) -> Reference | None:
    """The other party's account; None where nothing is written."""
    shown = "".join((text or "").split())
    if not shown:
        return None
    return ("iban", shown.upper()) if is_iban(shown) else ("account", shown)


def bank_of(text: str | None) -> Reference | None:
    """A bank: its BIC, or its national code; None for anything else."""
    shown = "".join((text or "").split())
    if _BIC.fullmatch(shown):
        return "bic", shown
    return ("clearing", shown) if _BANK_CODE.fullmatch(shown) else None


def creditor_reference_in(text: str) -> str | None:
    """The first ISO 11649 reference with right check digits in a text."""
    for match in _RF.finditer(text) if "RF" in text else ():
        if _modulo_97(match[0]) == 1:
            return match[0]
    return None


def _identifier(reference: Reference | None) -> Identifier | None:
    return Identifier(scheme=reference[0], value=reference[1]) if reference else None


def _own(shown: str) -> Identifier:
    compact = "".join(shown.split()).upper()
    # Check digits are not judged here: banks' own files have wrong ones in test accounts.
    scheme = "iban" if _IBAN.fullmatch(compact) else "account"
    return Identifier(scheme=scheme, value=compact if scheme == "iban" else shown)


def _modulo_97(text: str) -> int:
    return int((text[4:] + text[:4]).translate(_NUMBERS)) % 97
