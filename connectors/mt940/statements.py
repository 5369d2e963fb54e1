"""What a message says before its entries: which report it is, of which account."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from canonical.cash import StatementPosition
from canonical.errors import GatewayError, Malformed, Unsupported
from canonical.values import Identifier
from connectors.mt940.accounts import account_of
from connectors.mt940.fields import Field
from connectors.mt940.figures import day_of
from connectors.mt940.records import MT940, MT942, Opened
from connectors.mt940.text import decoded

_NUMBER = re.compile(r"(?P<number>[^/\s]{1,20})(?:/(?P<page>[^\s]{1,20}))?")
_FLOOR = re.compile(r"(?P<currency>[A-Z]{3})[CD]?[0-9]")
_SUPPORTED = frozenset({None, "940", "942"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of a message."""

    account: Identifier
    servicer: Identifier | None
    currency: str | None
    """Where no balance names it: the floor limit's, or the one behind the account."""
    statement_id: str | None
    """The statement number, else the sender's reference."""
    number: str | None
    page: str | None
    day: date | None
    """Date of `:13D:`."""
    report: str
    position: StatementPosition


def head_of(opened: Opened, encoding: str | None) -> Head:
    """The head of a message.

    Raises Malformed when the account is missing or the whole may be a text (`ambiguous_message`),
    Unsupported (`unknown_message_type`) when the
    envelope names another type.
    """
    if opened.message_type not in _SUPPORTED:
        raise Unsupported(
            f"message type {opened.message_type!r} is no MT940 or MT942",
            code="unknown_message_type",
            path="{2:",
        )
    if opened.is_in_doubt:
        raise Malformed(
            "this message starts inside a text, before the closing balance of another one",
            code="ambiguous_message",
            path=":20:",
        )
    given = opened.fields
    account = account_of(_texts(given.get("25") or given.get("25P"), ":25:", encoding))
    message = _first(given.get("20"), ":20:", encoding)
    shown = _first(given.get("28C") or given.get("28"), ":28C:", encoding)
    match = _NUMBER.fullmatch(shown or "")
    number, page = (match["number"], match["page"]) if match else (shown, None)
    report = MT942 if opened.is_interim else MT940
    statement_id = number or message
    return Head(
        account=account.identifier,
        servicer=account.servicer,
        currency=_floor_currency(given.get("34F"), encoding) or account.currency,
        statement_id=statement_id,
        number=number,
        page=page,
        day=_day(given.get("13D") or given.get("13"), encoding),
        report=report,
        position=StatementPosition(
            message=message,
            statement_id=statement_id,
            sequence=number,
            page=page,
            report=report,
        ),
    )


def _texts(field: Field | None, path: str, encoding: str | None) -> list[str]:
    if field is None:
        raise Malformed(f"{path} is missing", code="missing_field", path=path)
    return [decoded(line, encoding, path) for line in field.lines]


def _first(field: Field | None, path: str, encoding: str | None) -> str | None:
    if field is None or not field.lines:
        return None
    return decoded(field.lines[0], encoding, path).strip() or None


def _floor_currency(field: Field | None, encoding: str | None) -> str | None:
    match = _FLOOR.match(_first(field, ":34F:", encoding) or "")
    return match["currency"] if match else None


def _day(field: Field | None, encoding: str | None) -> date | None:
    """The report's own date, which only helps with the year of entry dates."""
    shown = (_first(field, ":13D:", encoding) or "")[:6]
    try:
        return day_of(shown, ":13D:") if shown.isascii() and shown.isdecimal() else None
    except GatewayError:
        return None
