"""A notice: one item of a standard notification, together with how it was told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from canonical.errors import Malformed, Unsupported
from canonical.keys import Key, Version
from canonical.message import Message
from canonical.payload import Payload
from canonical.values import Identifier, Money
from connectors.adyen.amounts import amount_in
from connectors.kit.json_body import as_object, join, required_text, text
from connectors.kit.records import references
from connectors.kit.times import moment_of
from connectors.raw import RawMessage

# No colon: the signature joins the fields with colons and escapes none of them, so that only the
# merchant's own reference may have one.
_ID = re.compile(r"[A-Za-z0-9._-]{1,80}", re.ASCII)
_REFERENCE = re.compile(r"[^\x00-\x1f\x7f]{1,400}")
_FREE_TEXT_LIMIT = 4000


@dataclass(frozen=True, slots=True)
class Notice:
    """An item; paths are those inside it."""

    raw: RawMessage
    item: Mapping[str, Any]
    live: bool
    at: str

    @property
    def event(self) -> str:
        """The event code. Raises Malformed."""
        return required_text(self.item, "eventCode")

    @property
    def success(self) -> bool:
        """Whether what was tried succeeded. Raises Malformed or Unsupported."""
        return truth(self.item, "success")

    @property
    def number(self) -> str:
        """The PSP reference of what the event is about. Raises Malformed."""
        return self._required_id("pspReference")

    @property
    def original(self) -> str:
        """The PSP reference of the payment that was modified. Raises Malformed."""
        return self._required_id("originalReference")

    @property
    def original_or_own(self) -> str:
        """The payment's PSP reference; the item's own where it names no other."""
        return self._id("originalReference") or self.number

    @property
    def amount(self) -> Money:
        """Raises Malformed or Unsupported."""
        return amount_in(self.item)

    @property
    def occurred_at(self) -> datetime:
        """Raises Malformed."""
        return moment_of(required_text(self.item, "eventDate"), "eventDate")

    @property
    def reason(self) -> str | None:
        """Raises Malformed."""
        return self._text(self.item, "reason")

    def additional(self, name: str) -> str | None:
        """A field of `additionalData`, which is not signed. Raises Malformed."""
        more = self.item.get("additionalData")
        return self._text({} if more is None else as_object(more, "additionalData"), name)

    def additional_moment(self, name: str) -> datetime | None:
        """A time in `additionalData`. Raises Malformed."""
        value = self.additional(name)
        return None if value is None else moment_of(value, join("additionalData", name))

    def unmapped(self, field: str, value: str) -> Unsupported:
        """The error for a value that would change the meaning and is not known."""
        return Unsupported(
            f"{value[:40]!r} is not known for {self.event[:40]}", code="unmapped_code", path=field
        )

    def shared(self, payment_id: str) -> dict[str, Any]:
        """The fields that all payment facts have."""
        return {
            "gateway": "adyen",
            "account": self.raw.account,
            "payment_id": payment_id,
            "event_id": self.number,
            "amount": self.amount,
            "occurred_at": self.occurred_at,
            "method": self._text(self.item, "paymentMethod"),
            "references": self._references(payment_id),
            "test": not self.live,
        }

    def order_id(self) -> str | None:
        """What the merchant named the payment by. Raises Malformed."""
        value = text(self.item, "merchantReference")
        if value is not None and not _REFERENCE.fullmatch(value):
            raise Malformed("not a reference", code="bad_id", path="merchantReference")
        return value

    def key(self, *more: str) -> Key:
        """PSP reference, event and success: what Adyen itself tells repetitions by."""
        success = "true" if self.success else "false"
        parts = ("payment", "adyen", self.raw.account, self.number, self.event, success)
        return Key.of(*parts, *more)

    def message(
        self,
        data: Payload,
        payment_id: str,
        *more: str,
        entity: Key | None = None,
        rank: int = 0,
    ) -> Message:
        """A message about a payment; `more` extends the key, `rank` is the entity's version."""
        chain = f"adyen/{self.raw.account}/payment/{payment_id}"
        return Message(
            key=self.key(*more),
            data=data,
            occurred_at=self.occurred_at,
            subject=f"payment/{payment_id}",
            correlation=chain,
            partition=chain,
            entity=entity,
            version=Version.number(rank) if entity else None,
            at=self.at,
        )

    def _references(self, payment_id: str) -> tuple[Identifier, ...]:
        named = {
            "payment": payment_id,
            "psp_reference": self.number,
            "merchant_account": self._required_id("merchantAccountCode"),
            "merchant_reference": self.order_id(),
        }
        return references("adyen", named.items())

    def _required_id(self, field: str) -> str:
        found = self._id(field)
        if found is None:
            raise Malformed(f"{field} is missing", code="missing_field", path=field)
        return found

    def _id(self, field: str) -> str | None:
        value = text(self.item, field)
        if value is not None and not _ID.fullmatch(value):
            raise Malformed("not an id", code="bad_id", path=field)
        return value

    def _text(self, record: Mapping[str, Any], field: str) -> str | None:
        value = text(record, field)
        return value[:_FREE_TEXT_LIMIT] if value else None


def truth(record: Mapping[str, Any], field: str) -> bool:
    """`"true"` or `"false"`, which Adyen sends as text. Raises Malformed or Unsupported."""
    value = record.get(field)
    if isinstance(value, bool):
        return value
    word = required_text(record, field)
    if word not in ("true", "false"):
        raise Unsupported(f"{word[:40]!r} is no truth value", code="unmapped_code", path=field)
    return word == "true"
