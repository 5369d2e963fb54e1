"""A report: one Stripe object together with how and when it was told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from canonical.errors import Malformed, Unsupported
from canonical.keys import Key, Version
from canonical.message import Message
from canonical.payload import Payload
from canonical.values import Address, Identifier, Party
from connectors.kit.json_body import integer, join, text
from connectors.kit.records import child
from connectors.kit.times import moment_of_epoch
from connectors.raw import RawMessage

_ID = re.compile(r"[!-~]{1,255}", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_FREE_TEXT_LIMIT = 4000
_LONGEST_IDENTIFIER = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """An object and the circumstances of its report; an object from a file has no event."""

    raw: RawMessage
    body: Mapping[str, Any]
    path: str = ""
    """Where the object stands in the payload."""
    at: str = ""
    event_id: str | None = None
    event_type: str = ""
    told_at: datetime | None = None
    previous: Mapping[str, Any] = field(default_factory=dict)
    """`previous_attributes` of the event: what the change replaced."""
    stripe_account: str | None = None
    """The connected account an event of a platform is about."""
    event_livemode: bool | None = None

    @property
    def account(self) -> str:
        return self.raw.account

    @property
    def livemode(self) -> bool | None:
        """Which mode this is of; None when nothing says so (a refund in a file)."""
        for said in (self.event_livemode, self.body.get("livemode"), flag(self.raw, "livemode")):
            if isinstance(said, bool):
                return said
        return None

    @property
    def test(self) -> bool:
        return self.livemode is False

    @property
    def occurred_at(self) -> datetime:
        """When the event was created; without an event, when the object was.

        Raises Malformed when neither is known.
        """
        return self.told_at or self.moment("created")

    def key(self, *parts: str | int) -> Key:
        """A key of a fact of the payment family."""
        return Key.of("payment", "stripe", self.account, *parts)

    def id(self, name: str = "id") -> str:
        """A required id, or the id of an object expanded in its place. Raises Malformed."""
        return required_ref(self.body, name, self.path)

    def ref(self, name: str) -> str | None:
        """An id, or the id of an object expanded in its place; None when absent."""
        return ref(self.body, name, self.path)

    def moment(self, name: str) -> datetime:
        """A required time field. Raises Malformed."""
        found = self.moment_or_none(name)
        if found is None:
            raise Malformed(f"{name} is missing", code="missing_field", path=join(self.path, name))
        return found

    def moment_or_none(self, name: str) -> datetime | None:
        """A time field; None when absent or null. Raises Malformed."""
        return moment_in(self.body, name, self.path)

    def child(self, name: str) -> Mapping[str, Any]:
        """A nested object; an empty one when absent or null. Raises Malformed for another type."""
        return child(self.body, name, self.path)

    def message(
        self,
        data: Payload,
        key: Key,
        topic: str,
        number: str,
        *,
        entity: Key | None = None,
        rank: int = 0,
    ) -> Message:
        """A message about `topic` (payment, payout …) `number`; `rank` is the entity's version."""
        chain = f"stripe/{self.account}/{topic}/{number}"
        return Message(
            key=key,
            data=data,
            occurred_at=self.occurred_at,
            subject=f"{topic}/{number}",
            correlation=chain,
            partition=chain,
            entity=entity,
            version=Version.number(rank) if entity else None,
            at=self.at,
        )

    def order_id(self) -> str | None:
        """The merchant's order id from the metadata field the account names."""
        name = self.raw.options.get("order_id_metadata", "order_id")
        value = self.child("metadata").get(name) if isinstance(name, str) else None
        return value if isinstance(value, str) and _ID.fullmatch(value) else None


def flag(raw: RawMessage, name: str) -> bool | None:
    """An account option that is true, false or not set. Raises Unsupported for anything else."""
    value = raw.options.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise Unsupported(f"option {name} must be true or false", code="bad_option", path=name)


def ref(record: Mapping[str, Any], name: str, path: str = "") -> str | None:
    """An id, or the id of an object expanded in its place; None when absent, null or empty.

    Raises Malformed for what cannot be an id.
    """
    value, where = record.get(name), join(path, name)
    if isinstance(value, dict):
        value, where = value.get("id"), join(where, "id")
    if value is None or value == "":
        return None
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise Malformed("not an id", code="bad_id", path=where)
    return value


def required_ref(record: Mapping[str, Any], name: str, path: str = "") -> str:
    """Like `ref`, but raises Malformed when there is nothing."""
    found = ref(record, name, path)
    if found is None:
        raise Malformed(f"{name} is missing", code="missing_field", path=join(path, name))
    return found


def expanded(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object expanded in the place of its id; an empty one when only the id is there."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def rows(record: Mapping[str, Any], name: str, path: str = "") -> list[Any]:
    """The `data` of an embedded API list; empty when absent. Raises Malformed."""
    listed = child(record, name, path)
    data = listed.get("data")
    if data is None:
        return []
    if not isinstance(data, list):
        where = join(join(path, name), "data")
        raise Malformed("expected an array", code="unexpected_type", path=where)
    return data


def moment_in(record: Mapping[str, Any], name: str, path: str = "") -> datetime | None:
    """A time field (seconds since 1970); None when absent or null. Raises Malformed."""
    value = integer(record, name, path)
    return None if value is None else moment_of_epoch(value, join(path, name))


def free_text(record: Mapping[str, Any], name: str, path: str = "") -> str | None:
    """Text people wrote, cut at 4000 characters (Stripe allows 5000). Raises Malformed."""
    value = text(record, name, path)
    return value[:_FREE_TEXT_LIMIT] if value else None


def references(*named: tuple[str, str | None]) -> tuple[Identifier, ...]:
    """Identifiers of those that are there and short enough to be one, each once."""
    found = {
        scheme: value for scheme, value in named if value and len(value) <= _LONGEST_IDENTIFIER
    }
    return tuple(
        Identifier(scheme=f"stripe:{scheme}", value=value) for scheme, value in found.items()
    )


def party(
    details: Mapping[str, Any], path: str = "", *, customer: str | None = None, prefix: str = ""
) -> Party | None:
    """Who is named in `name`, `email`, `phone` and `address`; None when nobody is.

    Invoices write the same fields with the prefix `customer_`. Raises Malformed.
    """
    found = Party(
        name=free_text(details, f"{prefix}name", path),
        email=free_text(details, f"{prefix}email", path),
        phone=free_text(details, f"{prefix}phone", path),
        address=address(child(details, f"{prefix}address", path), join(path, f"{prefix}address")),
        identifiers=references(("customer", customer)),
    )
    return None if found == Party() else found


def address(record: Mapping[str, Any], path: str = "") -> Address | None:
    """A postal address; None when it is empty. Raises Malformed."""
    lines = (free_text(record, "line1", path), free_text(record, "line2", path))
    country = text(record, "country", path)
    found = Address(
        lines=tuple(line for line in lines if line),
        city=free_text(record, "city", path),
        region=free_text(record, "state", path),
        postal_code=free_text(record, "postal_code", path),
        # Older accounts may hold free text here; only a code is one.
        country=country if country and _COUNTRY.fullmatch(country) else None,
    )
    return None if found == Address() else found
