"""Purchase orders by which Amazon itself buys from a vendor.

Source: Selling Partner API model Vendor Orders v1 (getPurchaseOrders, getPurchaseOrder).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from canonical.errors import Malformed
from canonical.message import Item
from canonical.order import OrderChanged, OrderLine, OrderPlaced
from canonical.values import Party, Quantity
from connectors.amazon.orders import OrderFact, snapshot_message
from connectors.amazon.reading import address, identifiers, money, required_time, unmapped
from connectors.kit.json_body import as_object, integer, join, required_text, text
from connectors.kit.records import Record, first_time, objects, optional_object, pieces
from connectors.raw import RawMessage

_DETAILS = "orderDetails"
_STATES = frozenset(("New", "Acknowledged", "Closed"))


def order(raw: RawMessage, record: Record, at: str) -> Iterator[Item]:
    """A purchase order: placed while it has not changed, changed otherwise.

    Raises Unsupported with `unmapped_code` for a state that is not documented.
    """
    number = required_text(record, "purchaseOrderNumber")
    state = text(record, "purchaseOrderState")
    if state is not None and state not in _STATES:
        raise unmapped(state, "purchaseOrderState")
    details = as_object(record.get(_DETAILS), _DETAILS)
    placed_at = required_time(details, "purchaseOrderDate", _DETAILS)
    updated_at = _updated_at(details, placed_at)
    lines = tuple(_line(item, path) for path, item in objects(details, "items", _DETAILS))
    kind = OrderPlaced if updated_at == placed_at else OrderChanged
    fact: OrderFact = kind(
        order_id=number,
        channel="amazon",
        account=raw.account,
        currency=_currency(lines),
        placed_at=placed_at,
        updated_at=updated_at,
        buyer=_party(details, "buyingParty"),
        bill_to=_party(details, "billToParty"),
        ship_to=_party(details, "shipToParty"),
        lines=lines,
        fulfilment_status=state,
        payment_terms=text(details, "paymentMethod", _DETAILS),
        references=identifiers(
            [("purchase_order", number), ("deal", text(details, "dealCode", _DETAILS))]
        ),
    )
    yield snapshot_message(fact, updated_at, at)


def _updated_at(details: Record, placed_at: datetime) -> datetime:
    changes = (
        first_time(details, field, path=_DETAILS)
        for field in ("purchaseOrderChangedDate", "purchaseOrderStateChangedDate")
    )
    return max([placed_at, *(change for change in changes if change is not None)])


def _currency(lines: tuple[OrderLine, ...]) -> str | None:
    found = {line.unit_price.currency for line in lines if line.unit_price}
    return found.pop() if len(found) == 1 else None


def _party(details: Record, field: str) -> Party | None:
    party, where = optional_object(details, field, _DETAILS), join(_DETAILS, field)
    if party is None:
        return None
    place = optional_object(party, "address", where)
    return Party(
        name=text(place, "name", join(where, "address")) if place else None,
        identifiers=identifiers([("party", text(party, "partyId", where))]),
        address=address(place, join(where, "address")),
    )


def _line(item: Record, path: str) -> OrderLine:
    return OrderLine(
        line_id=required_text(item, "itemSequenceNumber", path),
        sku=text(item, "vendorProductIdentifier", path),
        product=identifiers([("asin", text(item, "amazonProductIdentifier", path))]),
        quantity=_eaches(item, path),
        unit_price=money(item, "netCost", path),
    )


def _eaches(item: Record, path: str) -> Quantity:
    """The quantity in single pieces, in which prices are stated, too; cases are multiplied out."""
    where = join(path, "orderedQuantity")
    ordered = as_object(item.get("orderedQuantity"), where)
    amount = pieces(ordered, "amount", where)
    unit = required_text(ordered, "unitOfMeasure", where)
    if unit == "Eaches":
        return amount
    if unit != "Cases":
        raise unmapped(unit, join(where, "unitOfMeasure"))
    size = integer(ordered, "unitSize", where)
    if size is None or size < 1:
        raise Malformed("cases of unknown size", code="missing_field", path=join(where, "unitSize"))
    return Quantity(value=amount.value * size)
