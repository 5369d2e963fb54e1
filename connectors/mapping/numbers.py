"""Numbers out of text, by the signs the mapping declares and no others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from canonical.errors import Malformed
from connectors.kit.decimals import decimal_of
from connectors.mapping.scopes import Value

_SPACES = "\u0020\u00a0\u2009\u202f"
GROUPINGS = frozenset({"", ".", ",", "'", "\u2019", " ", "_"})


@dataclass(frozen=True, slots=True)
class Signs:
    """How numbers are written: `decimal` before the fraction, `grouping` between the thousands."""

    decimal: str = "."
    grouping: str = ""


def exact(value: Value, signs: Signs, path: str) -> Decimal:
    """An exact decimal from a JSON number, or from text written with these signs.

    Groups are of three digits, or as in India of two with three at the end; nothing else counts
    as grouped, so `12,34` never becomes 1234. A minus may stand behind. Raises Malformed.
    """
    if not isinstance(value, str):
        return decimal_of(value, path)
    shown = value.strip().replace("\u2212", "-")
    if shown[-1:] in {"-", "+"} and shown[:1] not in {"-", "+"}:
        shown = shown[-1] + shown[:-1].rstrip()
    match = _pattern(signs).fullmatch(shown)
    if match is None:
        raise Malformed(f"{value[:40]!r} is not an amount", code="bad_amount", path=path)
    whole = re.sub("[^0-9]", "", match["whole"])
    fraction = match["fraction"] or ""
    number = decimal_of(f"{match['sign']}{whole}{'.' if fraction else ''}{fraction}", path)
    return number or number.copy_abs()


@lru_cache(maxsize=64)
def _pattern(signs: Signs) -> re.Pattern[str]:
    whole = "[0-9]+"
    if signs.grouping:
        mark = f"[{_SPACES}]" if signs.grouping == " " else re.escape(signs.grouping)
        western = rf"[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+"
        indian = rf"[0-9]{{1,2}}(?:{mark}[0-9]{{2}})+{mark}[0-9]{{3}}"
        whole = f"{western}|{indian}|{whole}"
    return re.compile(
        rf"(?P<sign>[+-]?)\s*(?P<whole>{whole})(?:{re.escape(signs.decimal)}(?P<fraction>[0-9]+))?",
        re.ASCII,
    )
