"""Normalise: one receipt's payload → rows for the store (EIP: Normalizer). Pure but for ids."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from canonical.errors import GatewayError
from canonical.keys import message_id
from canonical.message import Ignored, Item, Message, Problem
from canonical.payload import schema_uri
from connectors import translation
from connectors.contract import Identity
from connectors.fetching import Fetch
from connectors.raw import RawMessage
from routing.accounts import Account
from routing.router import Router
from store.ids import IdSource
from store.records import FailedRecord, Failure, NewFetch, NewMessage, Translation

CHUNK = 200
"""Items of one payload that are translated and recorded together."""
THIN = "thin: the object is fetched"
"""Why a receipt is ignored that only names objects."""
LONGEST_OBJECT_ID = 500


@dataclass(slots=True, kw_only=True)
class Reading:
    """A payload being translated, chunk by chunk."""

    receipt_id: int
    account: Account
    raw: RawMessage
    identity: Identity | None
    traceparent: str | None
    spool: Path | None = None
    """A temporary copy of a large body, deleted when it has been read."""
    position: int = 0
    """The place of the next message or problem among all of this payload."""
    thin: bool = False
    """Whether it has named an object to fetch."""
    _items: Iterator[Item | Fetch] | None = None
    _ahead: list[Item | Fetch] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return self.identity.kind if self.identity else ""

    def drop_spool(self) -> None:
        """Delete the temporary copy, if there is one."""
        if self.spool:
            self.spool.unlink(missing_ok=True)

    def take(self) -> tuple[list[Item | Fetch], bool]:
        """The next chunk of items, and whether it is the last.

        Raises Malformed or Unsupported when the payload is beyond use.
        """
        connector = self.account.connector
        if self._items is None:
            self.identity = self.identity or translation.identify(connector, self.raw)
            self._items = iter(translation.items(connector, self.raw, self.identity))
        # One item more than a chunk is read: its absence says that this chunk is the last.
        items = [*self._ahead, *islice(self._items, CHUNK + 1 - len(self._ahead))]
        if len(items) <= CHUNK:
            return items, True
        self._ahead = items[CHUNK:]
        return items[:CHUNK], False


class Normaliser:
    """Turns readings into translations that the store can record."""

    def __init__(self, router: Router, ids: IdSource) -> None:
        self._router = router
        self._ids = ids

    def next_chunk(self, reading: Reading) -> Translation:
        """The next part of a payload; `final` on the last one.

        A payload that cannot be read at all gives one final translation with its failure.
        """
        try:
            items, final = reading.take()
        except GatewayError as error:
            reading.raw.forget_json()
            return self._failed(reading, error)
        if final:
            reading.raw.forget_json()
        return self._translation(reading, items, final=final)

    def _translation(
        self, reading: Reading, items: Sequence[Item | Fetch], *, final: bool
    ) -> Translation:
        messages: list[NewMessage] = []
        failures: list[FailedRecord] = []
        reasons: list[str] = []
        fetches: list[NewFetch] = []
        for item in items:
            match item:
                case Message():
                    messages.append(self._message(reading, item))
                case Problem():
                    failures.append(self._failure(reading, item))
                case Ignored():
                    reasons.append(item.reason)
                case Fetch() if 0 < len(item.object_id) <= LONGEST_OBJECT_ID:
                    fetches.append(self._fetch(item))
                case Fetch():
                    failures.append(self._failure(reading, _unfetchable(item)))
        reading.thin = reading.thin or bool(fetches)
        why = THIN if reading.thin else "".join(reasons[:1])
        nothing_else = final and reading.position == 0 and bool(why)
        return Translation(
            receipt_id=reading.receipt_id,
            connector=reading.account.connector.manifest.name,
            account=reading.account.name,
            kind=reading.kind,
            traceparent=reading.traceparent,
            messages=messages,
            failures=failures,
            ignored=len(reasons),
            final=final,
            failure=None,
            ignored_reason=why[:500] if nothing_else else None,
            fetches=fetches,
        )

    def _message(self, reading: Reading, message: Message) -> NewMessage:
        account = reading.account
        connector = account.connector.manifest.name
        data = message.data.json_data()
        content = message.data.content() if message.data.CONTEXT else data
        row = NewMessage(
            row_id=self._ids.next(),
            position=reading.position,
            message_id=message_id(message.key.digest),
            key=message.key.text,
            key_digest=message.key.digest,
            content_digest=hashlib.sha256(content.encode()).digest(),
            type=message.data.TYPE,
            source=account.source,
            subject=message.subject,
            occurred_at=message.occurred_at,
            entity=message.entity.text if message.entity else None,
            entity_digest=message.entity.digest if message.entity else None,
            version=message.version.text if message.version else None,
            correlation=message.correlation,
            partition_key=message.partition,
            schema_uri=schema_uri(type(message.data)),
            data=data,
            destinations=self._router.destinations(message, connector, account.name, data),
            references=tuple({(one.scheme, one.value): None for one in message.data.references}),
            at=message.at,
        )
        reading.position += 1
        return row

    def _failure(self, reading: Reading, problem: Problem) -> FailedRecord:
        row = FailedRecord(
            row_id=self._ids.next(),
            dead_letter_id=self._ids.next(),
            position=reading.position,
            code=problem.code,
            path=problem.path,
            at=problem.at,
            message=problem.message,
        )
        reading.position += 1
        return row

    def _fetch(self, wish: Fetch) -> NewFetch:
        return NewFetch(
            fetch_id=self._ids.next(), kind=wish.kind, object_id=wish.object_id, at=wish.at
        )

    def _failed(self, reading: Reading, error: GatewayError) -> Translation:
        return Translation(
            receipt_id=reading.receipt_id,
            connector=reading.account.connector.manifest.name,
            account=reading.account.name,
            kind=reading.kind,
            traceparent=reading.traceparent,
            messages=[],
            failures=[],
            ignored=0,
            final=True,
            failure=Failure(
                stage="translate", code=error.code, path=error.path, message=str(error)
            ),
            ignored_reason=None,
        )


def _unfetchable(wish: Fetch) -> Problem:
    return Problem(code="bad_object_id", message="an id too long or empty to fetch by", at=wish.at)
