"""Names of time zones as Adyen's reports write them, where a name has one meaning only.

Source: Adyen documentation, "Settlement detail report structure": an ISO code of up to four
letters for the zone set on the account (BST, CET, CEST). The rest are the abbreviations of the
IANA time zone database for places with Adyen accounts. Names with several meanings (CST, IST, AST,
GST …) are not here: the account's option `report_utc_offset` says what they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta, timezone
from types import MappingProxyType

from canonical.errors import Unsupported
from connectors.raw import RawMessage

_OFFSETS: Mapping[str, str] = MappingProxyType(
    {
        "UTC": "+00:00", "GMT": "+00:00", "Z": "+00:00", "WET": "+00:00", "WEST": "+01:00",
        "BST": "+01:00", "CET": "+01:00", "CEST": "+02:00", "EET": "+02:00", "EEST": "+03:00",
        "MSK": "+03:00", "EST": "-05:00", "EDT": "-04:00", "CDT": "-05:00", "MST": "-07:00",
        "MDT": "-06:00", "PST": "-08:00", "PDT": "-07:00", "AKST": "-09:00", "AKDT": "-08:00",
        "HST": "-10:00", "BRT": "-03:00", "SGT": "+08:00", "HKT": "+08:00", "JST": "+09:00",
        "KST": "+09:00", "AEST": "+10:00", "AEDT": "+11:00", "ACST": "+09:30", "ACDT": "+10:30",
        "AWST": "+08:00", "NZST": "+12:00", "NZDT": "+13:00", "SAST": "+02:00",
    }
)  # fmt: skip
_OFFSET = re.compile(r"([+-])([01][0-9]):([0-5][0-9])", re.ASCII)


def zone_of(name: str, raw: RawMessage) -> timezone:
    """The zone of this name, or the one the account's option says.

    Raises Unsupported with `unknown_zone`, or `bad_option` for an option that is no offset.
    """
    offset = _OFFSETS.get(name)
    if offset is None:
        offset = raw.options.get("report_utc_offset")
        if offset is None:
            raise Unsupported(
                f"time zone {name[:10]!r} is not known, or not unique: set report_utc_offset",
                code="unknown_zone",
                path="TimeZone",
            )
    return _fixed(offset)


def _fixed(offset: object) -> timezone:
    match = _OFFSET.fullmatch(offset) if isinstance(offset, str) else None
    if match is None:
        raise Unsupported(
            "option report_utc_offset is not like +05:30", code="bad_option", path="TimeZone"
        )
    sign, hours, minutes = match.groups()
    east = timedelta(hours=int(hours), minutes=int(minutes))
    return timezone(east if sign == "+" else -east)
