"""The families and the facts in each: four that systems report, and what the domains decide."""

from __future__ import annotations

from canonical import billing, cash, chain, order, shipment
from canonical.payload import Payload

FAMILIES: dict[str, tuple[type[Payload], ...]] = {
    "order": order.FACTS,
    "shipment": shipment.FACTS,
    "billing": billing.FACTS,
    "cash": cash.FACTS,
    "chain": chain.FACTS,
}

FAMILY_OF: dict[str, str] = {
    fact.TYPE: family for family, facts in FAMILIES.items() for fact in facts
}
"""Message type → family, e.g. `o2c.refund.issued` → `cash`."""

FACT_OF: dict[str, type[Payload]] = {
    fact.TYPE: fact for facts in FAMILIES.values() for fact in facts
}
