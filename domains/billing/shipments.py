"""What was shipped, by shipment and line, and which reports of two systems are one shipment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from canonical.chain import Gate, GateLine, InvoiceGateDecided
from canonical.keys import Key
from canonical.shipment import ShipmentConfirmed, ShipmentReversed
from domains.billing.goods import NOTHING, by_item, by_order_line
from domains.billing.names import SHIPMENT_ENDINGS, ShipmentFact, order_tokens
from domains.billing.orders import Mentioned, Orders, ordered_quantity, told
from domains.billing.shipped_lines import ShippedLine, folded_lines, turn
from domains.contract import Cluster, Fact
from domains.names import bare, folded, referenced

_OPENNESS: Final = {Gate.ALLOWED: 0, Gate.PARTIAL: 1, Gate.PENDING: 2, Gate.BLOCKED: 3}


@dataclass(slots=True, kw_only=True)
class Shipment:
    """A shipment as one system reports it."""

    system: str
    account: str
    shipment_id: str
    order_id: str | None
    shipped_at: datetime
    fact: Fact
    """The first confirmation."""
    mentioned: Mentioned
    tokens: frozenset[str]
    """All it may be called, folded."""
    tracking: frozenset[str]
    lines: tuple[ShippedLine, ...]
    is_whole: bool
    """Its sender names no lines."""
    reversed: bool
    facts: frozenset[str]
    refused: tuple[Fact, ...] = ()
    """Reports with a negative quantity: not applied."""
    gate_fact: Fact | None = None
    gate: InvoiceGateDecided | None = None
    twins: list[Shipment] = field(default_factory=list)
    """Other systems' reports of the same shipment."""

    @property
    def name(self) -> str:
        return Key.of(self.system, self.account, self.shipment_id).text

    @property
    def key(self) -> str:
        return f"candidate/{self.name}"

    @property
    def correlation(self) -> str:
        return self.fact.correlation

    def named_by(self, deliveries: frozenset[str]) -> bool:
        tokens = self.tokens.union(*(twin.tokens for twin in self.twins))
        return bool(tokens & deliveries)

    def shares_order(self, orders: frozenset[str]) -> bool:
        own = self.mentioned.orders.union(*(twin.mentioned.orders for twin in self.twins))
        return bool(own & orders)


def shipments_of(cluster: Cluster, orders: Orders) -> tuple[Shipment, ...]:
    """All shipments, each once, in the order they left."""
    reports: dict[tuple[str, str, str], list[tuple[Fact, ShipmentFact]]] = {}
    for fact, data in told(cluster, ShipmentConfirmed, ShipmentReversed):
        name = (data.source_system, data.account, data.shipment_id)
        reports.setdefault(name, []).append((fact, data))
    gates = _gates(cluster)
    found = []
    for name, same in sorted(reports.items()):
        shipment = _shipment(name, same, orders)
        if shipment is not None:
            shipment.gate_fact, shipment.gate = gates.get(name, (None, None))
            _obey(shipment)
            found.append(shipment)
    chosen = _without_twins(found, orders)
    return tuple(sorted(chosen, key=lambda one: (one.shipped_at, one.name)))


def _gates(
    cluster: Cluster,
) -> dict[tuple[str, str, str], tuple[Fact | None, InvoiceGateDecided | None]]:
    newest: dict[tuple[str, str, str], tuple[Fact | None, InvoiceGateDecided | None]] = {}
    ordered = sorted(
        told(cluster, InvoiceGateDecided), key=lambda one: (one[1].revision, one[0].id)
    )
    for fact, data in ordered:
        newest[data.source_system, data.account, data.shipment_id] = (fact, data)
    return newest


def _obey(shipment: Shipment) -> None:
    """The shipment domain may know of a reversal in another way."""
    if shipment.gate is not None and shipment.gate.reversed:
        shipment.reversed = True
        for line in shipment.lines:
            line.quantity = NOTHING


def _shipment(
    name: tuple[str, str, str], reports: list[tuple[Fact, ShipmentFact]], orders: Orders
) -> Shipment | None:
    refused = tuple(fact for fact, data in reports if data.line and data.line.shipped.value < 0)
    good = [(fact, data) for fact, data in reports if fact not in refused]
    good.sort(key=turn)
    confirmed = [one for one in good if isinstance(one[1], ShipmentConfirmed)]
    if not confirmed:
        return None
    lines, is_reversed = folded_lines(good)
    first = confirmed[0][0]
    order_id = next((data.order_id for _, data in confirmed if data.order_id), None)
    references = tuple(dict.fromkeys(one for _, data in good for one in data.references))
    tracking = bare("tracking", *(one for _, data in good for one in data.tracking_numbers))
    named = bare("shipment", name[2]) | referenced("shipment", references, *SHIPMENT_ENDINGS)
    tokens = order_tokens(order_id, references)
    return Shipment(
        system=name[0],
        account=name[1],
        shipment_id=name[2],
        order_id=order_id,
        shipped_at=first.occurred_at,
        fact=first,
        mentioned=orders.of_system(name[0], name[1], order_id, tokens),
        tokens=frozenset(one.partition(":")[2] for one in named),
        tracking=tracking,
        lines=lines,
        is_whole=not lines,
        reversed=is_reversed,
        facts=frozenset(fact.id for fact, _ in reports),
        refused=refused,
    )


def _without_twins(found: list[Shipment], orders: Orders) -> list[Shipment]:
    """Each shipment once. Who ships knows best: a report by the shop the order came from gives
    way to another system's; among equals the first by name stays."""
    channels = {one.name: _is_channels(one, orders) for one in found}
    chosen: list[Shipment] = []
    for shipment in sorted(found, key=lambda one: (channels[one.name], one.name)):
        same = next((one for one in chosen if _is_same(one, shipment, orders)), None)
        if same is None:
            chosen.append(shipment)
        else:
            same.twins.append(shipment)
    return chosen


def _is_channels(shipment: Shipment, orders: Orders) -> bool:
    named = orders.named(shipment.mentioned.orders)
    return any(order.channel == shipment.system for order in named)


def _is_same(chosen: Shipment, other: Shipment, orders: Orders) -> bool:
    if (chosen.system, chosen.account) == (other.system, other.account):
        return False
    if not chosen.mentioned.orders & other.mentioned.orders:
        return False
    if chosen.tracking & other.tracking or chosen.tokens & other.tokens:
        return True
    has_one = any(twin.system == other.system for twin in chosen.twins)
    return not has_one and _exceed_the_order(chosen, other, orders)


def _exceed_the_order(chosen: Shipment, other: Shipment, orders: Orders) -> bool:
    """The same goods, and together more than was ordered: they cannot both have left."""
    goods, others = _by_sku(chosen), _by_sku(other)
    if not goods or goods != others:
        return False
    for order in orders.named(chosen.mentioned.orders & other.mentioned.orders):
        for sku, amount in goods.items():
            ordered = ordered_quantity(order, bare("sku", sku))
            if ordered is not None and 2 * amount > ordered:
                return True
    return False


def _by_sku(shipment: Shipment) -> dict[str, Decimal]:
    if any(line.told.sku is None for line in shipment.lines):
        return {}
    found: dict[str, Decimal] = {}
    for line in shipment.lines:
        sku = folded(line.told.sku or "")
        found[sku] = found.get(sku, NOTHING) + line.confirmed
    return found


def gate_of(shipment: Shipment) -> tuple[Fact | None, InvoiceGateDecided | None]:
    """The gate's decision on a shipment, the most open one of its reports.

    The gate lets only one of two reports of the same goods through, and blocks the other.
    """
    reports = (shipment, *shipment.twins)
    told = [(one.gate_fact, one.gate) for one in reports if one.gate_fact and one.gate]
    if not told:
        return None, None
    return min(told, key=lambda one: (_OPENNESS[one[1].gate], one[1].source_system, one[0].id))


def allowed_of(shipment: Shipment, line: ShippedLine) -> Decimal:
    """How much of a line may be invoiced."""
    _, gate = gate_of(shipment)
    if gate is None or gate.gate in {Gate.BLOCKED, Gate.PENDING}:
        return NOTHING
    if gate.gate is Gate.ALLOWED:
        return line.quantity
    found = [one for one in gate.lines if _is_gates_line(one, line, gate.shipment_id, shipment)]
    return min(line.quantity, sum((one.allowed.value for one in found), NOTHING))


def _is_gates_line(
    decided: GateLine, line: ShippedLine, shipment_id: str, shipment: Shipment
) -> bool:
    if shipment_id == shipment.shipment_id:
        return decided.line_id == line.line_id
    is_ordered = bool(by_order_line(decided.order_line_id) & line.order_line)
    return is_ordered or bool(by_item(decided.sku) & line.item)
