"""Accounts, banks and parties; parties are wrapped in `Pty` or `Agt` from version 08 on."""

from __future__ import annotations

import re

from canonical.values import Address, Direction, Identifier, Party
from connectors.camt.node import Node

_COUNTRY = re.compile(r"[A-Z]{2}")
_LINES = ("Dept", "SubDept")
_STREET = ("StrtNm", "BldgNb", "BldgNm", "Flr", "PstBx", "Room")


def account_at(node: Node | None) -> Identifier | None:
    """An account's identifier: its IBAN, or another id under the scheme it names.

    An IBAN is kept without spaces and in capitals; its check digits are not judged here.
    """
    if node is None:
        return None
    iban = node.value("Id", "IBAN")
    if iban:
        return Identifier(scheme="iban", value="".join(iban.split()).upper())
    # Version 01 named the kinds of account ids by elements of their own.
    for name in ("BBAN", "UPIC"):
        value = node.value("Id", name)
        if value:
            return Identifier(scheme=name.lower(), value=value)
    other = node.first("Id", "Othr") or node.first("Id", "PrtryAcct")
    value = other.value("Id") if other else None
    if other is None or value is None:
        return None
    scheme = other.value("SchmeNm", "Cd") or other.value("SchmeNm", "Prtry")
    return Identifier(scheme=scheme.lower()[:80] if scheme else "account", value=value)


def bank_at(node: Node | None) -> Identifier | None:
    """A bank (`FinInstnId`): its BIC, else a clearing id or another id."""
    found = node.first("FinInstnId") if node else None
    if found is None:
        return None
    bic = found.value("BICFI") or found.value("BIC")
    if bic:
        return Identifier(scheme="bic", value=bic)
    clearing = found.value("ClrSysMmbId", "MmbId")
    if clearing:
        system = found.value("ClrSysMmbId", "ClrSysId", "Cd")
        return Identifier(scheme=f"clearing:{system}" if system else "clearing", value=clearing)
    other = found.value("Othr", "Id")
    return Identifier(scheme="bank", value=other) if other else None


def counterparty(transaction: Node, direction: Direction, own: Identifier) -> Party | None:
    """Who the money came from (a credit) or went to (a debit).

    `direction` is that of the original transaction: a reversal names its parties in their
    original roles. So do some returns, without saying so; then the account in question is our
    `own`, and the counterparty is the other one.
    """
    found = _in_role(transaction, "Dbtr" if direction is Direction.CREDIT else "Cdtr")
    if found is None or found.account != own:
        return found
    return _in_role(transaction, "Cdtr" if direction is Direction.CREDIT else "Dbtr")


def ultimate_counterparty(transaction: Node, direction: Direction) -> Party | None:
    """The party behind the counterparty, where one is named."""
    role = "UltmtDbtr" if direction is Direction.CREDIT else "UltmtCdtr"
    return _party(transaction.first("RltdPties", role), None, None)


def _in_role(transaction: Node, role: str) -> Party | None:
    related = transaction.first("RltdPties")
    return _party(
        related.first(role) if related else None,
        account_at(related.first(f"{role}Acct")) if related else None,
        bank_at(transaction.first("RltdAgts", f"{role}Agt")),
    )


def _party(node: Node | None, account: Identifier | None, bank: Identifier | None) -> Party | None:
    inner = node
    if node is not None:
        inner = node.first("Pty") or node.first("Agt", "FinInstnId") or node
    found = Party(
        name=inner.value("Nm") if inner else None,
        identifiers=(*(_identifiers(inner) if inner else ()), *((bank,) if bank else ())),
        address=_address(inner.first("PstlAdr")) if inner else None,
        account=account,
    )
    return None if found == Party() else found


def _identifiers(node: Node) -> list[Identifier]:
    found = []
    for name in ("AnyBIC", "BICOrBEI", "BICFI", "BIC"):
        value = node.value("Id", "OrgId", name) or node.value(name)
        if value:
            found.append(Identifier(scheme="bic", value=value))
    lei = node.value("Id", "OrgId", "LEI")
    if lei:
        found.append(Identifier(scheme="lei", value=lei))
    for kind in ("OrgId", "PrvtId"):
        found += [_other(one) for one in node.all("Id", kind, "Othr") if one.value("Id")]
    return found


def _other(node: Node) -> Identifier:
    scheme = node.value("SchmeNm", "Cd") or node.value("SchmeNm", "Prtry") or node.value("Issr")
    return Identifier(scheme=(scheme or "other")[:80], value=node.value("Id") or "")


def _address(node: Node | None) -> Address | None:
    if node is None:
        return None
    street = " ".join(filter(None, (node.value(name) for name in _STREET)))
    country = node.value("Ctry")
    lines = [
        *(node.value(name) for name in _LINES),
        street,
        *(line.text.strip() for line in node.all("AdrLine")),
    ]
    is_code = country is not None and _COUNTRY.fullmatch(country) is not None
    if not is_code:
        lines.append(country)  # Kept as it was written: it is no code.
    found = Address(
        lines=tuple(line for line in lines if line),
        city=node.value("TwnNm"),
        region=node.value("CtrySubDvsn"),
        postal_code=node.value("PstCd"),
        country=country if is_code else None,
    )
    return None if found == Address() else found
