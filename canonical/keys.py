"""Idempotency keys and entity versions.

A key names one business fact. It is built from parts, and the boundaries between the parts are
part of the key: `("ab", "c")` and `("a", "bc")` are different facts and different keys.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from canonical.errors import Malformed

_SPECIAL = re.compile(r"[%/\n\r\0]")
_ESCAPES = str.maketrans({"%": "%25", "/": "%2F", "\n": "%0A", "\r": "%0D", "\0": "%00"})


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key; `text` is its readable and only form.

    Parts are joined by `/`; a `/` or `%` inside a part is percent-encoded, so that different
    parts never give the same text.
    """

    text: str

    @classmethod
    def of(cls, *parts: str | int) -> Key:
        """Build a key from its parts. Empty parts count: they hold their place."""
        if not parts:
            raise ValueError("a key needs at least one part")
        return cls(_joined(parts))

    def extended(self, *parts: str | int) -> Key:
        """This key with more parts behind it."""
        if not parts:
            raise ValueError("a key is extended by at least one part")
        return Key(f"{self.text}/{_joined(parts)}")

    @property
    def digest(self) -> bytes:
        """The first 16 bytes of the SHA-256 of the text: what uniqueness is decided on."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).digest()[:16]

    def __str__(self) -> str:
        return self.text


def _joined(parts: Iterable[str | int]) -> str:
    texts = [str(part) for part in parts]
    # Most parts have nothing to escape, and finding that out of all is cheaper than translating.
    if _SPECIAL.search("".join(texts)):
        texts = [text.translate(_ESCAPES) for text in texts]
    return "/".join(texts)


def message_id(digest: bytes) -> str:
    """The CloudEvents id of the message with this key digest: a UUID of version 8 (RFC 9562).

    The same fact has the same id whenever and by whomever it is published.
    """
    raw = bytearray(digest)
    raw[6] = (raw[6] & 0x0F) | 0x80
    raw[8] = (raw[8] & 0x3F) | 0x80
    return str(UUID(bytes=bytes(raw)))


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version of an entity, as text that sorts in the order of the versions."""

    text: str

    @classmethod
    def at(cls, moment: datetime) -> Version:
        """The version a sender marks by a time of change (aware; compared in UTC)."""
        if moment.tzinfo is None:
            raise Malformed("a version time needs a zone", code="time_without_zone")
        # isoformat, because strftime does not pad years before 1000 everywhere.
        shown = moment.astimezone(UTC).isoformat("T", "microseconds")
        return cls(f"{shown[: -len('+00:00')]}Z")

    @classmethod
    def number(cls, value: int) -> Version:
        """The version a sender counts (0 … 10^20 − 1)."""
        if not 0 <= value < 10**20:
            raise Malformed(f"version {value} is out of range", code="bad_version")
        return cls(f"{value:020d}")

    def __str__(self) -> str:
        return self.text
