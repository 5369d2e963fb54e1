"""Accounts, banks and parties; parties are wrapped in `Pty` or `Agt` from version 08 on.

Parties come out as the fields of a canonical Party: the message they end in validates them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from canonical.values import Direction, Identifier
from connectors.camt.details import Reference
from connectors.camt.node import Node, Paths

_COUNTRY = re.compile(r"[A-Z]{2}")
_LINES: Final = Paths("Dept", "SubDept")
_STREET: Final = Paths("StrtNm", "BldgNb", "BldgNm", "Flr", "PstBx", "Room")
_SCHEME: Final = Paths("SchmeNm/Cd", "SchmeNm/Prtry")
_SCHEME_OR_ISSUER: Final = Paths("SchmeNm/Cd", "SchmeNm/Prtry", "Issr")
_BIC: Final = Paths("FinInstnId/BICFI", "FinInstnId/BIC")
_ROLES: Final = {role: (role, f"{role}Acct", f"{role}Agt") for role in ("Dbtr", "Cdtr")}
_PARTY_BICS: Final = tuple(
    Paths(f"Id/OrgId/{name}", name) for name in ("AnyBIC", "BICOrBEI", "BICFI", "BIC")
)

Fields = dict[str, Any]
"""Of a canonical value; those without a value are left out."""


def account_at(node: Node | None) -> Reference | None:
    """Scheme and value of an account: its IBAN, or another id under the scheme it names.

    An IBAN is kept without spaces and in capitals; its check digits are not judged here.
    """
    if node is None:
        return None
    iban = node.value("Id", "IBAN")
    if iban:
        return "iban", "".join(iban.split()).upper()
    # Version 01 named the kinds of account ids by elements of their own.
    for name in ("BBAN", "UPIC"):
        value = node.value("Id", name)
        if value:
            return name.lower(), value
    other = node.first("Id", "Othr") or node.first("Id", "PrtryAcct")
    value = other.value("Id") if other else None
    if other is None or value is None:
        return None
    scheme = other.one_of(_SCHEME)
    return scheme.lower()[:80] if scheme else "account", value


def bank_at(node: Node | None) -> Reference | None:
    """Scheme and value of a bank (`FinInstnId`): its BIC, else a clearing id or another id."""
    if node is None:
        return None
    bic = node.one_of(_BIC)
    if bic:
        return "bic", bic
    clearing = node.value("FinInstnId", "ClrSysMmbId", "MmbId")
    if clearing:
        system = node.value("FinInstnId", "ClrSysMmbId", "ClrSysId", "Cd")
        return f"clearing:{system}" if system else "clearing", clearing
    other = node.value("FinInstnId", "Othr", "Id")
    return ("bank", other) if other else None


def identifier_of(reference: Reference | None) -> Identifier | None:
    """The canonical identifier. Raises ValueError for one that is too long."""
    return Identifier(scheme=reference[0], value=reference[1]) if reference else None


def fields_of(reference: Reference) -> Fields:
    """The fields of a canonical identifier."""
    return {"scheme": reference[0], "value": reference[1]}


def counterparty(transaction: Node, direction: Direction, own: Identifier) -> Fields | None:
    """Who the money came from (a credit) or went to (a debit).

    `direction` is that of the original transaction: a reversal names its parties in their
    original roles. So do some returns, without saying so; then the account in question is our
    `own`, and the counterparty is the other one.
    """
    found = _in_role(transaction, "Dbtr" if direction is Direction.CREDIT else "Cdtr")
    if found is None or found.get("account") != {"scheme": own.scheme, "value": own.value}:
        return found
    return _in_role(transaction, "Cdtr" if direction is Direction.CREDIT else "Dbtr")


def ultimate_counterparty(transaction: Node, direction: Direction) -> Fields | None:
    """The party behind the counterparty, where one is named."""
    role = "UltmtDbtr" if direction is Direction.CREDIT else "UltmtCdtr"
    node = transaction.first("RltdPties", role)
    return None if node is None else _party(node, None, None)


def _in_role(transaction: Node, role: str) -> Fields | None:
    party, account, agent = _ROLES[role]
    return _party(
        transaction.first("RltdPties", party),
        account_at(transaction.first("RltdPties", account)),
        bank_at(transaction.first("RltdAgts", agent)),
    )


def _party(node: Node | None, account: Reference | None, bank: Reference | None) -> Fields | None:
    found: Fields = {}
    identifiers: list[Reference] = []
    if node is not None:
        inner = node.first("Pty") or node.first("Agt", "FinInstnId") or node
        identifiers += _identifiers(inner)
        found = {"name": inner.value("Nm"), "address": _address(inner.first("PstlAdr"))}
    if bank is not None:
        identifiers.append(bank)
    if identifiers:
        found["identifiers"] = [fields_of(one) for one in identifiers]
    if account is not None:
        found["account"] = fields_of(account)
    return _told(found)


def _told(found: Fields) -> Fields | None:
    """What of these fields has a value; None where none has."""
    return {name: value for name, value in found.items() if value} or None


def _identifiers(node: Node) -> Iterator[Reference]:
    for paths in _PARTY_BICS:
        bic = node.one_of(paths)
        if bic:
            yield "bic", bic
    lei = node.value("Id", "OrgId", "LEI")
    if lei:
        yield "lei", lei
    for kind in ("OrgId", "PrvtId"):
        for one in node.all("Id", kind, "Othr"):
            value = one.value("Id")
            if value:
                yield (one.one_of(_SCHEME_OR_ISSUER) or "other")[:80], value


def _address(node: Node | None) -> Fields | None:
    if node is None:
        return None
    country = node.value("Ctry")
    lines = [
        *node.values(_LINES),
        " ".join(node.values(_STREET)),
        *(line.text.strip() for line in node.all("AdrLine")),
    ]
    is_code = country is not None and _COUNTRY.fullmatch(country) is not None
    if not is_code:
        lines.append(country or "")  # Kept as it was written: it is no code.
    return _told(
        {
            "lines": [line for line in lines if line],
            "city": node.value("TwnNm"),
            "region": node.value("CtrySubDvsn"),
            "postal_code": node.value("PstCd"),
            "country": country if is_code else None,
        }
    )
