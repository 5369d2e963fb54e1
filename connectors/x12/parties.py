"""Parties and places: N1 loops."""

from __future__ import annotations

import re
from collections.abc import Iterable

from canonical.values import Address, Identifier, Party
from connectors.kit.x12 import Segment
from connectors.x12.reading import element, identifier

_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_SCHEMES = {"1": "duns", "9": "duns+4", "UL": "gln"}
"""Qualifiers of element 66 that have a name of their own; others are `x12:<qualifier>`."""
_INSIDE = frozenset({"N2", "N3", "N4", "PER"})


def parties(segments: Iterable[Segment]) -> dict[str, Party]:
    """Parties by their entity code (`BY`, `ST` …); of several with one code the first."""
    found: dict[str, list[Segment]] = {}
    current: list[Segment] | None = None
    for segment in segments:
        if segment.tag == "N1":
            current = [segment]
            found.setdefault(segment.get(1), current)
        elif current is not None and segment.tag in _INSIDE:
            current.append(segment)
    return {code: _party(loop) for code, loop in found.items()}


def first_of(found: dict[str, Party], *codes: str) -> Party | None:
    """The party of the first code that occurs."""
    return next((found[code] for code in codes if code in found), None)


def sender_party(sender: str) -> Party:
    """A party of which only its interchange id is known."""
    return Party(identifiers=identifier("x12:ISA06", sender))


def address_of(city: str | None, region: str | None, country: str | None) -> Address | None:
    """A place named by its city, state and country; None where none is."""
    if not (city or region or country):
        return None
    return Address(city=city, region=region, country=_country(country))


def _party(loop: list[Segment]) -> Party:
    name, extra = loop[0], [one for one in loop if one.tag == "N2"]
    words = [name.get(2), *(part for one in extra for part in one.elements)]
    # Partners repeat the name in N2.
    kept = list(dict.fromkeys(word for word in words if word))
    return Party(
        name=" ".join(kept) or None,
        identifiers=_identifiers(name),
        email=_contact(loop, "EM"),
        phone=_contact(loop, "TE"),
        address=_address(loop),
    )


def _identifiers(name: Segment) -> tuple[Identifier, ...]:
    code = name.get(3)
    return identifier(_SCHEMES.get(code, f"x12:{code or 'N104'}"), element(name, 4))


def _contact(loop: list[Segment], kind: str) -> str | None:
    for segment in loop:
        if segment.tag == "PER":
            for position in (3, 5, 7):
                if segment.get(position) == kind:
                    return element(segment, position + 1)
    return None


def _address(loop: list[Segment]) -> Address | None:
    lines = [part for one in loop if one.tag == "N3" for part in one.elements if part]
    place = next((one for one in loop if one.tag == "N4"), None)
    if not lines and place is None:
        return None
    return Address(
        lines=tuple(lines),
        city=element(place, 1),
        region=element(place, 2),
        postal_code=element(place, 3),
        country=_country(element(place, 4)),
    )


def _country(code: str | None) -> str | None:
    return code if code and _COUNTRY.fullmatch(code) else None
