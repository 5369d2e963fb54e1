"""Seller, buyer and payee, and what identifies a seller."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from canonical.values import Address, Identifier, Party
from connectors.kit.xml import Element
from connectors.ubl.tree import content, every, first, only, value, values

SELLER: Final = "cac:AccountingSupplierParty/cac:Party"
BUYER: Final = "cac:AccountingCustomerParty/cac:Party"
PAYEE: Final = "cac:PayeeParty"
_ACCOUNT: Final = "cac:PaymentMeans/cac:PayeeFinancialAccount/cbc:ID"
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", re.ASCII)


def seller_identity(root: Element) -> Identifier | None:
    """Who invoices, for the key: the VAT id (BT-31), else the legal registration (BT-30), else
    the first seller identifier (BT-29), the three that BR-CO-26 accepts; None without any.

    White space and case do not count in it: senders write "DK 12345678" and "dk12345678".
    """
    seller = only(root, SELLER)
    found = list(_identifiers(seller)) if seller is not None else []
    for kind in ("vat", "legal", "party"):
        for one in found:
            if one.scheme.partition(":")[0] == kind:
                return Identifier(scheme=one.scheme, value="".join(one.value.split()).upper())
    return None


def parties_of(root: Element) -> dict[str, Party | None]:
    """Seller (BG-4), buyer (BG-7) and payee (BG-10); the account to pay to (BT-84) is that of the
    payee, or of the seller when there is no payee.
    """
    account = _account(next(values(root, _ACCOUNT), None))
    payee = party_of(only(root, PAYEE), account)
    return {
        "seller": party_of(only(root, SELLER), None if payee else account),
        "buyer": party_of(only(root, BUYER)),
        "payee": payee,
    }


def endpoint_of(element: Element | None) -> Identifier | None:
    """A party's electronic address (BT-34, BT-49) under its scheme."""
    found = None if element is None else first(element, "cbc:EndpointID")
    address = content(found)
    return None if found is None or not address else _identifier("endpoint", found, address)


def party_of(element: Element | None, account: Identifier | None = None) -> Party | None:
    """A party as UBL writes one, with the account it is paid to; None where nothing is told."""
    if element is None:
        return None
    found = Party(
        # The legal name (BT-27, BT-44) before the name of the shop; a payee has only the latter.
        name=value(element, "cac:PartyLegalEntity/cbc:RegistrationName")
        or value(element, "cac:PartyName/cbc:Name"),
        identifiers=tuple(dict.fromkeys(_identifiers(element))),
        email=value(element, "cac:Contact/cbc:ElectronicMail"),
        phone=value(element, "cac:Contact/cbc:Telephone"),
        address=_address(first(element, "cac:PostalAddress")),
        account=account,
    )
    return None if found == Party() else found


def _identifiers(party: Element) -> Iterator[Identifier]:
    for scheme in every(party, "cac:PartyTaxScheme"):
        identifier = value(scheme, "cbc:CompanyID")
        if identifier:
            system = (value(scheme, "cac:TaxScheme/cbc:ID") or "").upper()
            named = f"tax:{system.lower()}" if system else "tax"
            yield Identifier(scheme="vat" if system == "VAT" else named[:80], value=identifier)
    for kind, path in (
        ("legal", "cac:PartyLegalEntity/cbc:CompanyID"),
        ("party", "cac:PartyIdentification/cbc:ID"),
    ):
        for found in every(party, path):
            identifier = content(found)
            if identifier:
                yield _identifier(kind, found, identifier)
    endpoint = endpoint_of(party)
    if endpoint:
        yield endpoint


def _identifier(kind: str, element: Element, identifier: str) -> Identifier:
    """An identifier as `legal`, or `legal:0184` where the element names its scheme."""
    scheme = (element.get("schemeID") or "").strip().lower()
    return Identifier(scheme=f"{kind}:{scheme}"[:80] if scheme else kind, value=identifier)


def _account(number: str | None) -> Identifier | None:
    if not number:
        return None
    joined = "".join(number.split()).upper()
    if _IBAN.fullmatch(joined):
        return Identifier(scheme="iban", value=joined)
    return Identifier(scheme="account", value=number)


def _address(element: Element | None) -> Address | None:
    if element is None:
        return None
    street = " ".join(
        filter(None, (value(element, f"cbc:{name}") for name in ("StreetName", "BuildingNumber")))
    )
    country = value(element, "cac:Country/cbc:IdentificationCode")
    is_code = country is not None and _COUNTRY.fullmatch(country) is not None
    lines = (
        street,
        value(element, "cbc:AdditionalStreetName"),
        *values(element, "cac:AddressLine/cbc:Line"),
        value(element, "cbc:CitySubdivisionName"),
        None if is_code else country,  # Kept as it was written: it is no code.
    )
    found = Address(
        lines=tuple(line for line in lines if line),
        city=value(element, "cbc:CityName"),
        region=value(element, "cbc:CountrySubentity"),
        postal_code=value(element, "cbc:PostalZone"),
        country=country if is_code else None,
    )
    return None if found == Address() else found
