"""Receive: verify, identify, make durable; only then acknowledge.

Whatever a sender proved to have sent is kept, readable or not: a refusal would only make it send
the same bytes for ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from time import perf_counter
from typing import NamedTuple

from canonical.errors import GatewayError, Rejected
from connectors import translation
from connectors.contract import Identity
from connectors.raw import RawMessage
from connectors.secret import Secret
from routing.accounts import Account
from routing.group_commit import GroupCommit
from routing.metrics import Metrics
from routing.spans import NO_SPANS, Spans
from store.database import Database
from store.ids import IdSource
from store.intake import inbox, refusals
from store.records import Accepted, Delivery, Failure, Refusal

NEVER_STORED = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "x-callback-token"}
)
"""Headers that carry credentials; a connector's manifest may name more."""


class Received(NamedTuple):
    """A delivery that is durable, and what it takes to go on with it."""

    accepted: Accepted
    account: Account
    raw: RawMessage
    identity: Identity | None
    claimed: bool
    """Whether this process holds the receipt's lease and will translate it."""
    traceparent: str | None

    @property
    def first_receipt_id(self) -> int:
        """The receipt a sender is told: a redelivery gets the first one again."""
        return self.accepted.first_receipt_id or self.accepted.receipt_id


class Receiver:
    """The hub's one door behind every transport."""

    def __init__(
        self,
        database: Database,
        ids: IdSource,
        metrics: Metrics,
        *,
        owner: str,
        lease: timedelta,
        room: Callable[[], bool],
        hand_over: Callable[[Received], None],
        max_waiting: int,
        spans: Spans = NO_SPANS,
    ) -> None:
        self._database = database
        self._ids = ids
        self._metrics = metrics
        self._spans = spans
        self._owner = owner
        self._lease = lease
        self._room = room
        self._hand_over = hand_over
        self._commits: GroupCommit[Delivery, Accepted] = GroupCommit(
            self._commit, max_waiting=max_waiting
        )
        self._refusals: GroupCommit[Refusal, None] = GroupCommit(self._refuse, max_waiting=1000)

    async def verify(self, account: Account, raw: RawMessage, remote: str) -> Secret:
        """The secret that matched. Raises Rejected, after the refusal was logged."""
        try:
            return translation.verify(account.connector, raw, account.secrets)
        except Rejected as error:
            await self._log_refusal(account, raw, remote, error)
            raise

    async def accept(
        self,
        account: Account,
        raw: RawMessage,
        *,
        transport: str,
        secret: Secret | None,
        receipt_id: int | None = None,
        traceparent: str | None = None,
    ) -> Received:
        """Make a delivery durable and hand it to the normaliser.

        `receipt_id` is given when the body was already written in parts under it. Raises
        Unavailable when the store cannot take it; then nothing was accepted.
        """
        begun = self._spans.begin(raw, traceparent)
        if begun is not None:
            traceparent = begun.traceparent
        identity, failure = _identified(account, raw)
        # A body in parts is read back from the store: its file may be moved the moment it is safe.
        claimed = failure is None and receipt_id is None and self._room()
        delivery = Delivery(
            receipt_id=self._ids.next() if receipt_id is None else receipt_id,
            connector=account.connector.manifest.name,
            account=account.name,
            kind=identity.kind if identity else "",
            delivery_key=identity.delivery_key if identity else raw.digest.hex(),
            transport=transport,
            received_at=raw.received_at,
            headers=_storable(raw.headers, account),
            filename=raw.filename,
            digest=raw.digest,
            size=raw.size,
            body=raw.body if receipt_id is None else None,
            secret_name=secret.name if secret else None,
            traceparent=traceparent,
            failure=failure,
            ignored_reason=None,
            claimed_by=self._owner,
            # Without a lease the receipt is anybody's at once: the next sweep takes it.
            claimed_until=raw.received_at + self._lease if claimed else None,
        )
        accepted = await self._commits.submit(delivery)
        if begun is not None:
            self._spans.received(begun, delivery, accepted)
        received = Received(accepted, account, raw, identity, claimed, traceparent)
        if accepted.first_receipt_id is None and claimed:
            self._hand_over(received)
        return received

    async def drain(self) -> None:
        """Wait for commits in flight."""
        await self._commits.drain()
        await self._refusals.drain()

    async def _commit(self, deliveries: Sequence[Delivery]) -> Sequence[Accepted]:
        begun = perf_counter()
        accepted = await self._database.write(
            lambda connection: inbox.accept(connection, deliveries)
        )
        self._metrics.committed("receive", begun)
        self._metrics.commit_size.observe(len(deliveries))
        self._count(zip(deliveries, accepted, strict=True))
        return accepted

    async def _refuse(self, batch: Sequence[Refusal]) -> Sequence[None]:
        await self._database.write(lambda connection: refusals.record_refusals(connection, batch))
        return [None] * len(batch)

    async def _log_refusal(
        self, account: Account, raw: RawMessage, remote: str, error: Rejected
    ) -> None:
        name = account.connector.manifest.name
        self._metrics.refused.labels(name, account.name, error.code).inc()
        refusal = Refusal(
            id=self._ids.next(),
            at=raw.received_at,
            connector=name,
            account=account.name,
            code=error.code,
            body_digest=raw.digest,
            size=raw.size,
            remote=remote,
        )
        try:
            await self._refusals.submit(refusal)
        except GatewayError:
            # The log is a courtesy: a store that is down must not turn a 401 into anything else.
            return

    def _count(self, committed: Iterable[tuple[Delivery, Accepted]]) -> None:
        counted = Counter(
            (one.connector, one.account, _outcome(one, answer)) for one, answer in committed
        )
        for labels, number in counted.items():
            self._metrics.receipts.labels(*labels).inc(number)


def _outcome(delivery: Delivery, accepted: Accepted) -> str:
    if accepted.first_receipt_id is not None:
        return "redelivered"
    return "dead" if delivery.failure else "accepted"


def _identified(account: Account, raw: RawMessage) -> tuple[Identity | None, Failure | None]:
    try:
        return translation.identify(account.connector, raw), None
    except GatewayError as error:
        return None, Failure(stage="identify", code=error.code, path=error.path, message=str(error))


def _storable(headers: Mapping[str, str], account: Account) -> Mapping[str, str]:
    hidden = account.connector.manifest.secret_headers
    return {
        name: value
        for name, value in headers.items()
        if name not in NEVER_STORED and name not in hidden
    }
