"""Sellers and buyers, as the ordinary and the simplified invoice name them."""

from __future__ import annotations

import re

from canonical.values import Address, Identifier, Party
from connectors.fatturapa.fields import identifiers, part, required, value
from connectors.kit.xml import Element

_COUNTRY = re.compile(r"[A-Z]{2}")
_NO_OFFICE = frozenset({"0000000", "XXXXXXX", "999999"})
"""`CodiceDestinatario` of recipients that have no code."""


def seller_tax_number(header: Element, place: str) -> str:
    """The seller's VAT number with its country. Raises Malformed (`missing_field`)."""
    number = f"{place}/IdFiscaleIVA"
    return required(header, f"{number}/IdPaese") + required(header, f"{number}/IdCodice")


def seller(header: Element) -> Party:
    """`CedentePrestatore` of an ordinary invoice."""
    return _party(header, "CedentePrestatore/DatiAnagrafici", "CedentePrestatore")


def buyer(header: Element) -> Party:
    """`CessionarioCommittente` of an ordinary invoice, with its office's code."""
    place = "CessionarioCommittente"
    return _party(header, f"{place}/DatiAnagrafici", place, _office(header))


def simplified_seller(header: Element) -> Party:
    """`CedentePrestatore` of a simplified invoice."""
    place = "CedentePrestatore"
    return Party(
        name=_name(header, place),
        identifiers=_tax_ids(header, place),
        address=_address(header, f"{place}/Sede"),
    )


def simplified_buyer(header: Element) -> Party:
    """`CessionarioCommittente` of a simplified invoice; only its tax ids are always there."""
    place = "CessionarioCommittente"
    return Party(
        name=_name(header, f"{place}/AltriDatiIdentificativi"),
        identifiers=_tax_ids(header, f"{place}/IdentificativiFiscali") + _office(header),
        address=_address(header, f"{place}/AltriDatiIdentificativi/Sede"),
    )


def _party(header: Element, person: str, place: str, more: tuple[Identifier, ...] = ()) -> Party:
    return Party(
        name=_name(header, f"{person}/Anagrafica"),
        identifiers=_tax_ids(header, person) + more,
        email=value(header, f"{place}/Contatti/Email"),
        phone=value(header, f"{place}/Contatti/Telefono"),
        address=_address(header, f"{place}/Sede"),
    )


def _name(header: Element, place: str) -> str | None:
    company = value(header, f"{place}/Denominazione")
    names = (value(header, f"{place}/Nome"), value(header, f"{place}/Cognome"))
    return company or " ".join(name for name in names if name) or None


def _tax_ids(header: Element, place: str) -> tuple[Identifier, ...]:
    code = value(header, f"{place}/IdFiscaleIVA/IdCodice")
    country = value(header, f"{place}/IdFiscaleIVA/IdPaese") or ""
    return identifiers(
        ("vat", country + code if code else None),
        ("it:codice_fiscale", value(header, f"{place}/CodiceFiscale")),
    )


def _office(header: Element) -> tuple[Identifier, ...]:
    code = value(header, "DatiTrasmissione/CodiceDestinatario")
    return identifiers(("sdi:CodiceDestinatario", None if code in _NO_OFFICE else code))


def _address(header: Element, place: str) -> Address | None:
    if part(header, place) is None:
        return None
    street = (value(header, f"{place}/Indirizzo"), value(header, f"{place}/NumeroCivico"))
    country = value(header, f"{place}/Nazione") or ""
    return Address(
        lines=tuple([line for line in [" ".join(one for one in street if one)] if line]),
        city=value(header, f"{place}/Comune"),
        region=value(header, f"{place}/Provincia"),
        postal_code=value(header, f"{place}/CAP"),
        country=country if _COUNTRY.fullmatch(country) else None,
    )
