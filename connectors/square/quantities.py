"""Quantities of order lines in UN/ECE Recommendation 20 units.

Source: Square API reference, OrderQuantityUnit and MeasurementUnit.
"""

from __future__ import annotations

from canonical.errors import Malformed, Unsupported
from canonical.values import Quantity
from connectors.kit.decimals import decimal_of
from connectors.kit.json_body import join, required_text, text
from connectors.kit.records import Record, child

_UNITS = {
    "UNIT": "EA",
    "IMPERIAL_WEIGHT_OUNCE": "ONZ",
    "IMPERIAL_POUND": "LBR",
    "IMPERIAL_STONE": "STI",
    "METRIC_MILLIGRAM": "MGM",
    "METRIC_GRAM": "GRM",
    "METRIC_KILOGRAM": "KGM",
    "GENERIC_FLUID_OUNCE": "OZA",
    "GENERIC_CUP": "G21",
    "GENERIC_PINT": "PTL",
    "GENERIC_QUART": "QTL",
    "GENERIC_GALLON": "GLL",
    "IMPERIAL_CUBIC_INCH": "INQ",
    "IMPERIAL_CUBIC_FOOT": "FTQ",
    "IMPERIAL_CUBIC_YARD": "YDQ",
    "METRIC_MILLILITER": "MLT",
    "METRIC_LITER": "LTR",
    "IMPERIAL_INCH": "INH",
    "IMPERIAL_FOOT": "FOT",
    "IMPERIAL_YARD": "YRD",
    "IMPERIAL_MILE": "SMI",
    "METRIC_MILLIMETER": "MMT",
    "METRIC_CENTIMETER": "CMT",
    "METRIC_METER": "MTR",
    "METRIC_KILOMETER": "KMT",
    "IMPERIAL_ACRE": "ACR",
    "IMPERIAL_SQUARE_INCH": "INK",
    "IMPERIAL_SQUARE_FOOT": "FTK",
    "IMPERIAL_SQUARE_YARD": "YDK",
    "IMPERIAL_SQUARE_MILE": "MIK",
    "METRIC_SQUARE_CENTIMETER": "CMK",
    "METRIC_SQUARE_METER": "MTK",
    "METRIC_SQUARE_KILOMETER": "KMK",
    "GENERIC_MILLISECOND": "C26",
    "GENERIC_SECOND": "SEC",
    "GENERIC_MINUTE": "MIN",
    "GENERIC_HOUR": "HUR",
    "GENERIC_DAY": "DAY",
}
_FIELDS = (
    "generic_unit",
    "weight_unit",
    "volume_unit",
    "length_unit",
    "area_unit",
    "time_unit",
)
_LONGEST = 20


def quantity_of_line(line: Record, path: str) -> Quantity:
    """How much of a line was ordered.

    A seller's own unit, and one of Square's without a UN/ECE code, is kept as it is. Raises
    Malformed for a quantity that is missing, negative, or in a unit that is not told.
    """
    value = decimal_of(required_text(line, "quantity", path), join(path, "quantity"))
    if value < 0:
        raise Malformed(f"a quantity of {value}", code="bad_quantity", path=join(path, "quantity"))
    return Quantity(value=value, unit=_unit(line, path))


def _unit(line: Record, path: str) -> str:
    if line.get("quantity_unit") is None:
        return "EA"
    where = join(path, "quantity_unit")
    measured = child(child(line, "quantity_unit", path), "measurement_unit", where)
    where = join(where, "measurement_unit")
    custom = child(measured, "custom_unit", where)
    named = [text(measured, field, where) for field in _FIELDS]
    named.append(text(custom, "abbreviation", where) or text(custom, "name", where))
    unit = next((name for name in named if name), None)
    if unit is None:
        raise Malformed("the unit is not told", code="missing_field", path=where)
    unit = _UNITS.get(unit, unit)
    if len(unit) > _LONGEST:
        raise Unsupported(f"{unit[:40]!r} is not a known unit", code="unmapped_code", path=where)
    return unit
