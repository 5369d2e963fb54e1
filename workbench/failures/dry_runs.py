"""Dry runs: today's connector on these bytes, beside what is known; nothing is stored.

What a replay would do is found out by the pipeline's own normaliser, so it is what a replay does.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from routing.normalise import Normaliser, Reading
from store.database import Connection
from store.log.known_facts import KnownFact, known_facts, known_versions
from store.records import FailedRecord, Failure, NewFetch, NewMessage, ReceiptRow, Translation
from workbench.bench import Bench
from workbench.failures.differences import Difference, document, message_differences
from workbench.failures.payload_bytes import content_of, raw_message

MOST_FACTS: Final = 200

Expected = Literal["new", "same", "differs", "stale"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedFact:
    """A message that would come out, and what is known under its key."""

    message: NewMessage
    expected: Expected
    """new and stale as the verdicts; same: published already, nothing happens; differs: it would
    be a conflict."""
    known: KnownFact | None
    differences: tuple[Difference, ...]
    """Against what is known under the key; empty for what is new or the same."""

    @property
    def document(self) -> dict[str, Any]:
        """The message as a CloudEvent, as far as it is known before it is stored."""
        return message_document(self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What would become of a payload."""

    outcome: Literal["translated", "ignored", "dead"]
    kind: str
    facts: tuple[TriedFact, ...]
    problems: tuple[FailedRecord, ...]
    ignored: int
    ignored_reason: str | None
    failure: Failure | None
    """Why the whole payload would be dead."""
    fetches: tuple[NewFetch, ...]
    more: bool
    """Whether the payload holds more than was looked at."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Facts by what is expected of them, and `problems`."""
        counted = Counter[str](one.expected for one in self.facts)
        return counted | Counter({"problems": len(self.problems)})

    @property
    def succeeds(self) -> bool:
        """Whether nothing of it would fail, as far as was looked."""
        return self.failure is None and not self.problems

    @property
    def documents(self) -> list[dict[str, Any]]:
        """All messages, as `four_eyes` compares them."""
        return [one.document for one in self.facts]


async def dry_run(bench: Bench, receipt: ReceiptRow, *, most: int = MOST_FACTS) -> DryRun:
    """What a replay of a receipt would do. Raises GatewayError when its bytes are gone."""
    async with content_of(bench.database, receipt) as content:
        return await try_content(bench, receipt, content, most=most)


async def try_content(
    bench: Bench, receipt: ReceiptRow, content: bytes | Path, *, most: int = MOST_FACTS
) -> DryRun:
    """What would become of these bytes, had they come as this receipt did."""
    parts = await asyncio.to_thread(_translate, bench, receipt, content, most)
    messages = [message for part in parts for message in part.messages][:most]
    tried = await bench.database.read(lambda connection: try_messages(connection, messages))
    last = parts[-1]
    return DryRun(
        outcome=_outcome(last),
        kind=last.kind,
        facts=tuple(tried),
        problems=tuple(problem for part in parts for problem in part.failures)[:most],
        ignored=sum(part.ignored for part in parts),
        ignored_reason=last.ignored_reason,
        failure=last.failure,
        fetches=tuple(wish for part in parts for wish in part.fetches)[:most],
        more=not last.final or sum(len(part.messages) for part in parts) > most,
    )


def _outcome(last: Translation) -> Literal["translated", "ignored", "dead"]:
    if last.failure is not None:
        return "dead"
    return "ignored" if last.ignored_reason is not None else "translated"


def _translate(
    bench: Bench, receipt: ReceiptRow, content: bytes | Path, most: int
) -> list[Translation]:
    reading = reading_of(bench, receipt, content)
    if reading is None:
        return [Translation.of_failure(receipt, NO_ACCOUNT)]
    normaliser = Normaliser(bench.router, bench.ids)
    parts = [normaliser.next_chunk(reading)]
    while not parts[-1].final and sum(_size(part) for part in parts) < most:
        parts.append(normaliser.next_chunk(reading))
    return parts


NO_ACCOUNT: Final = Failure(
    stage="translate",
    code="unknown_account",
    path="",
    message="its account is no longer configured",
)


def reading_of(bench: Bench, receipt: ReceiptRow, content: bytes | Path) -> Reading | None:
    """A payload to be translated as this receipt is today; None without its account."""
    account = bench.accounts.find(receipt.connector, receipt.account)
    if account is None:
        return None
    return Reading(
        receipt_id=receipt.receipt_id,
        account=account,
        raw=raw_message(receipt, account, content),
        identity=None,
        traceparent=receipt.traceparent,
    )


def _size(part: Translation) -> int:
    return len(part.messages) + len(part.failures) + part.ignored


def try_messages(connection: Connection, messages: Sequence[NewMessage]) -> list[TriedFact]:
    """What each message would be by what is known now, the ones before it counted in."""
    known = known_facts(connection, (one.key_digest for one in messages))
    entities = (one.entity_digest for one in messages if one.entity_digest is not None)
    versions = known_versions(connection, entities)
    contents = {digest: fact.content_digest for digest, fact in known.items()}
    return [_tried(one, known.get(one.key_digest), contents, versions) for one in messages]


def _tried(
    message: NewMessage,
    known: KnownFact | None,
    contents: dict[bytes, bytes],
    versions: dict[bytes, str],
) -> TriedFact:
    expected = _expected(message, contents, versions)
    contents.setdefault(message.key_digest, message.content_digest)
    changed: Iterable[Difference] = ()
    if expected == "differs" and known is not None:
        before = known.message.data if known.message else None
        changed = message_differences(message.type, before, message.data)
    return TriedFact(message=message, expected=expected, known=known, differences=tuple(changed))


def _expected(
    message: NewMessage, contents: Mapping[bytes, bytes], versions: dict[bytes, str]
) -> Expected:
    content = contents.get(message.key_digest)
    if content is not None:
        return "same" if content == message.content_digest else "differs"
    if message.entity_digest is not None and message.version is not None:
        if message.version < versions.get(message.entity_digest, ""):
            return "stale"
        versions[message.entity_digest] = message.version
    return "new"


def message_document(message: NewMessage) -> dict[str, Any]:
    """A message that is not stored yet, as a CloudEvent without an id."""
    return {
        "type": message.type,
        "subject": message.subject,
        "time": message.occurred_at.isoformat(),
        "idempotencykey": message.key,
        "correlationid": message.correlation,
        "partitionkey": message.partition_key,
        "entityversion": message.version,
        "destinations": list(message.destinations),
        "at": message.at,
        "data": document(message.data),
    }
