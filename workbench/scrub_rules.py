"""Which fields of a payload speak of persons, by what they are called. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Literal

Category = Literal["name", "address", "email", "phone", "account", "ip", "text", "token"]

_RULES: Final[tuple[tuple[Category, str], ...]] = (
    ("email", r".*e?mail(address)?|electronicmail|emailadr"),
    ("phone", r".*phone(number)?\d?|tel|telephone|telefono|telefax|fax|mobile|.*nb"),
    ("ip", r"(browser|client|customer|remote)?ip(address)?"),
    (
        "token",
        (
            r".*token|.*secret|.*password|useragent|landingsite(ref)?|referringsite|fingerprint"
            r"|sessionhash|.*_?signatureimage"
        ),
    ),
    (
        "account",
        (
            r"iban|bban|(bank)?accountnumber|routingnumber|sortcode|(card|account)?last4|last4digits"
            r"|creditcardnumber|cardsummary|codicefiscale|ssn|taxidnumber"
        ),
    ),
    (
        "name",
        (
            r"(first|last|middle|family|given|full|nick|sur|contact|recipient|company|buyer|seller"
            r"|customer|user|cardholder|accountholder|holder|account|shipto|billto|registration"
            r"|consignee|receiver|sender|signer|payee|payer|beneficiary|party|person|shopper"
            r"|organi[sz]ation|merchant)name|cardholder|holder|nm|nome|cognome|denominazione"
            r"|recipient|attention|attn|company|organi[sz]ation|signedby|username|careof|author"
            r"|shopperreference|counterparty|auftraggeber|empf.nger|beguenstigter"
        ),
    ),
    (
        "address",
        (
            r"(street|delivery)?address(line)?\d?|streetname|street\d?|streetnumber|additionalstreetname"
            r"|strtnm|bldgnb|bldgnm|buildingnumber|houseno|housenumber(orname)?|adrline|addrline\d?"
            r"|city(name)?|town(name)?|twnnm|locality|sublocality|ctysubdvsn|dstrctnm|county"
            r"|(ship|bill)?(to)?(zip|postal)(code)?|zipcode|postcode|postalzone|pstcd|indirizzo"
            r"|numerocivico|cap|comune|lat(itude)?|lng|longitude|apartment"
        ),
    ),
    (
        "text",
        (
            r"(customer|private|staff|seller|buyer|order|shipping)?notes?|comments?|memo|remarks?"
            r"|.*instructions?|gift(message|note)|ustrd|addtlntryinf|addtlrmtinf|addtltxinf|causale"
            r"|verwendungszweck|remittance(info|information)?|statementdescriptor.*|narrative"
            r"|purpose|buchungstext|freetext"
        ),
    ),
)
_COMPILED: Final = [(category, re.compile(pattern)) for category, pattern in _RULES]
_PARTY = re.compile(
    r"customer|address|billing|shipping|party|buyer|seller|recipient|contact|payer|payee|owner"
    r"|receiver|sender|dbtr|cdtr|person|consignee|consignor|supplier|employee|shopper|shipper"
    r"|^(from|to|pty|org|company|user|bill|ship|merchant)$"
)
_NOT_A_PARTY = re.compile(r"lines?$|items?$|methods?$|agent|agt|rates?$|carriertype")
_PRODUCT = re.compile(r"line|item|product|tax|discount|fee|charge|sku|variant|package")
_ONLY_OF_PARTIES = re.compile(r"name|line\d|id|title|value")
_NUMBER_OF_XML = re.compile(r"(phne|mob|fax)nb")


def category_of(path: Sequence[str]) -> Category | None:
    """What a leaf at the end of these names says of a person; None where it says nothing."""
    return _category(tuple(path[-6:]))


@lru_cache(maxsize=20_000)
def _category(path: tuple[str, ...]) -> Category | None:
    if not path:
        return None
    leaf, above = _plain(path[-1]), [_plain(one) for one in path[:-1]]
    if leaf.endswith("nb"):
        return "phone" if _NUMBER_OF_XML.fullmatch(leaf) else _building(leaf)
    if leaf == "name" or re.fullmatch(r"line\d", leaf):
        return _of_party(leaf, above)
    if leaf in {"id", "value"}:
        return _account_id(above)
    if leaf == "description":
        products = any(_PRODUCT.search(one) for one in above)
        return None if products or not above else "text"
    for category, pattern in _COMPILED:
        if pattern.fullmatch(leaf):
            return category
    return None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9ä-ü]", "", name.lower())


def _building(leaf: str) -> Category | None:
    return "address" if leaf == "bldgnb" else None


def _of_party(leaf: str, above: Sequence[str]) -> Category | None:
    """`name` and `line1` are personal where they are a party's."""
    near = [one for one in above[-3:] if one]
    if not any(_PARTY.search(one) for one in near):
        return None
    if near and _NOT_A_PARTY.search(near[-1]):
        return None
    return "name" if leaf == "name" else "address"


def _account_id(above: Sequence[str]) -> Category | None:
    """`Othr/Id` of an account in ISO 20022, `PayeeFinancialAccount/ID` in UBL."""
    near = "/".join(above[-3:])
    is_account = re.search(r"acct/id/othr$|financialaccount$|acct/id$", near)
    return "account" if is_account else None
