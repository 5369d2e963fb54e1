"""The names facts are filed under, and how one system's name for a thing meets another's.

A name is `<what>:<value>`. Systems name the same order by an id of their own, by the number
people use, with a `#` before it or in another case: `bare` names are folded so that they meet.
Two orders of two shops with one number meet as well; a domain tells them apart by the qualified
name (`order:shopify/acme/4507`), and asks a person where that does not decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from canonical.keys import Key
from canonical.values import Identifier, Money, Party

LONGEST: Final = 200
"""Longer texts are no names."""


def folded(value: str) -> str:
    """A number as people write it, without what they write differently: case, `#`, blanks."""
    return "".join(value.split()).lstrip("#").casefold()


def bare(what: str, *values: str | None) -> frozenset[str]:
    """`<what>:<folded value>` of each value that is there."""
    names = (folded(value) for value in values if value)
    return frozenset(f"{what}:{name}" for name in names if name and len(name) <= LONGEST)


def qualified(what: str, *parts: str) -> str:
    """`<what>:<system>/<account>/<id>`: the name only one thing has."""
    return f"{what}:{Key.of(*parts)}"


def order_names(system: str, account: str, order_id: str | None) -> frozenset[str]:
    """An order as a system names it: by its own id there, and by the bare text."""
    if not order_id:
        return frozenset()
    return bare("order", order_id) | {qualified("order", system, account, order_id)}


def amount_name(money: Money) -> str:
    """`amount:EUR:119.00`, the same for 119 and 119.00: for weak names only."""
    return f"amount:{money.currency}:{money.amount.normalize():f}"


def referenced(what: str, references: Iterable[Identifier], *endings: str) -> frozenset[str]:
    """Bare names from those references whose scheme ends so, e.g. `order` of `shopify:order`."""
    return bare(
        what, *(one.value for one in references if one.scheme.rpartition(":")[2] in endings)
    )


def party_name(party: Party | None) -> str:
    """How a party is named in keys: its first identifier, else its name, folded; else nothing."""
    if party is None:
        return ""
    if party.identifiers:
        return folded(party.identifiers[0].value)
    return folded(party.name or "")
