"""What ShipBob's shipments and returns write alike.

Source: ShipBob API reference, objects Shipment and Return.
"""

from __future__ import annotations

from functools import partial

from canonical.errors import Unsupported
from connectors.kit.records import references

identifiers = partial(references, "shipbob")
"""References in scheme `shipbob:<name>`; pairs without a value and repeats are left out."""


def unmapped(value: str, path: str) -> Unsupported:
    """The error for a status that ShipBob does not document."""
    return Unsupported(f"{value[:40]!r} is not a known status", code="unmapped_code", path=path)
