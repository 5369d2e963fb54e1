"""The lines of a shipment: what of which product is in it.

Source: ShipBob API reference, Shipment.products and their inventory_items. ShipBob has no line
ids: a line is a product of the order and the inventory item that fills it (several for a bundle).
An item taken from several lots is one line.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from canonical.errors import Malformed
from canonical.shipment import ShipmentLine
from canonical.values import Identifier, Quantity
from connectors.kit.json_body import as_list, join, required_text, text
from connectors.kit.records import Record, count, objects
from connectors.shipbob.reading import identifiers


@dataclass(slots=True)
class _Line:
    product_id: str
    inventory_id: str
    sku: str | None
    description: str | None
    reference_id: str | None
    pieces: int = 0
    lots: list[str] = field(default_factory=list)
    serials: list[str] = field(default_factory=list)


def shipment_lines(shipment: Record) -> tuple[ShipmentLine, ...]:
    """Every line with pieces in it. Raises Malformed when one cannot be read.

    All or nothing: a shipment with an unreadable line is not told in part, as it will be told
    again whole.
    """
    lines: dict[tuple[str, str], _Line] = {}
    for path, product in objects(shipment, "products"):
        _add(lines, product, path)
    return tuple(_finished(line) for line in lines.values() if line.pieces)


def _add(lines: dict[tuple[str, str], _Line], product: Record, path: str) -> None:
    product_id = required_text(product, "id", path)
    items = list(objects(product, "inventory_items", path))
    if not items:
        raise Malformed(
            "how many pieces is not told",
            code="missing_field",
            path=join(path, "inventory_items"),
        )
    for where, item in items:
        inventory_id = required_text(item, "id", where)
        line = lines.setdefault(
            (product_id, inventory_id),
            _Line(
                product_id=product_id,
                inventory_id=inventory_id,
                sku=text(product, "sku", path),
                description=text(item, "name", where) or text(product, "name", path),
                reference_id=text(product, "reference_id", path),
            ),
        )
        line.pieces += count(item, "quantity", where)
        line.lots += [lot for lot in [text(item, "lot", where)] if lot]
        line.serials += _serials(item, where)


def _serials(item: Record, path: str) -> list[str]:
    where = join(path, "serial_numbers")
    listed = as_list(item.get("serial_numbers"), where)
    return [
        required_text({"serial": serial}, "serial", join(where, index))
        for index, serial in enumerate(listed)
        if serial not in (None, "")
    ]


def _finished(line: _Line) -> ShipmentLine:
    lots = set(line.lots)
    return ShipmentLine(
        line_id=f"{line.product_id}-{line.inventory_id}",
        sku=line.sku,
        product=_product(line),
        description=line.description,
        shipped=Quantity(value=line.pieces),
        # Of several lots it is not told which pieces are of which once they are one line.
        lot=lots.pop() if len(lots) == 1 else None,
        serials=tuple(line.serials),
    )


def _product(line: _Line) -> tuple[Identifier, ...]:
    return identifiers(
        [
            ("product", line.product_id),
            ("inventory", line.inventory_id),
            ("product_reference", line.reference_id),
        ]
    )
