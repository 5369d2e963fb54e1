"""The checker: what was promised, held against what the senders were told and what is there.

It knows nothing of the gateway's inside: only the plan, the answers, the streams, the subscriber's
table and the audit's sums.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from chaos.evidence import Entry, Evidence
from chaos.plan import Delivery, Plan
from chaos.subscriber import temper

FORESEEN = {"good": {200, 503}, "bad": {200, 503}, "forged": {401, 503}}
ORDER_PROMISED = frozenset({"sqlite", "postgresql"})
"""Stores on which the versions of an entity are published in their order, whatever happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a check found."""

    violations: list[str]
    published: int
    """Facts on the streams."""
    copies: int
    """Entries beyond the first of their id: allowed, and the price of a crash."""
    stale: int
    overtaken: int
    """Entries behind a newer version of their entity, where the order is not promised."""
    not_refilled: int
    """Facts no subscriber will see, because the server lost them and nothing refills it yet."""

    @classmethod
    def of_nothing(cls, violation: str) -> Findings:
        """Of a round that could not be played."""
        return cls(
            violations=[violation], published=0, copies=0, stale=0, overtaken=0, not_refilled=0
        )


class Checker:
    """One round's check."""

    def __init__(self, plan: Plan, evidence: Evidence) -> None:
        self._plan = plan
        self._seen = evidence
        self._by_number = {one.number: one for one in plan.deliveries}
        self._accepted = self._told({200})
        # A 503 says that nothing was accepted. Over a network the store's own yes may get lost.
        self._perhaps = self._told({None} if plan.store == "sqlite" else {None, 503})
        self._firsts = _first_of_each_id(evidence.entries)
        self._on_streams = {one.fact for one in evidence.entries}

    def check(self) -> Findings:
        """Everything that does not hold."""
        overtaken = list(self._overtaken())
        violations = [
            *self._seen.troubles,
            *self._unforeseen_answers(),
            *self._other_receipts(),
            *self._lost(),
            *self._invented(),
            *self._two_names(),
            *self._wrong_content(),
            *self._files_left(),
            *self._audit(),
            *self._doubled_effects(),
            *self._missing_effects(),
            *(overtaken if self._order_is_promised else ()),
        ]
        return Findings(
            violations=violations,
            published=len(self._firsts),
            copies=len(self._seen.entries) - len(self._firsts),
            stale=len(self.missing),
            overtaken=0 if self._order_is_promised else len(overtaken),
            not_refilled=len(self._not_refilled()),
        )

    @property
    def missing(self) -> list[str]:
        """Facts accepted for sure that are on no stream: they have to be stale."""
        told = {one.fact for one in self._accepted if one.fact}
        return sorted(told - self._on_streams)

    @property
    def _order_is_promised(self) -> bool:
        # Leases of a dead process run out while others publish: see docs/reliability.md.
        return self._plan.store in ORDER_PROMISED

    # ── what senders were told ───────────────────────────────────────────────────────────────────

    def _told(self, statuses: Collection[int | None]) -> list[Delivery]:
        """The deliveries that heard one of these, as often as they heard it."""
        return [self._by_number[one.number] for one in self._seen.told if one.status in statuses]

    def _unforeseen_answers(self) -> Iterator[str]:
        for one in self._seen.told:
            told = self._by_number[one.number]
            if one.status is not None and one.status not in self._foreseen(told):
                yield f"delivery {one.number} ({told.kind}) was answered {one.status}"

    def _foreseen(self, told: Delivery) -> Collection[int]:
        # Stripe's signatures are good for some minutes, by the clock of whoever looks at them.
        stale = {401} if told.door == "stripe" and self._plan.moves_clocks else set[int]()
        return FORESEEN[told.kind] | stale

    def _other_receipts(self) -> Iterator[str]:
        """A delivery sent again hears the first receipt."""
        receipts: dict[object, set[str]] = defaultdict(set)
        for one in self._seen.told:
            if one.receipt is not None:
                receipts[self._by_number[one.number].identity].add(one.receipt)
        for found in receipts.values():
            if len(found) > 1:
                yield f"one delivery heard several receipts: {sorted(found)}"

    # ── facts ────────────────────────────────────────────────────────────────────────────────────

    def _lost(self) -> Iterator[str]:
        newest: dict[str, str] = {}
        for fact in self._on_streams:
            entity, _, version = fact.partition("@")
            newest[entity] = max(newest.get(entity, ""), version)
        for fact in self.missing:
            entity, _, version = fact.partition("@")
            if not version or newest.get(entity, "") <= version:
                yield f"lost: {fact} was acknowledged and is on no stream"
        for drop in self._plan.drops:
            for fact in drop.facts:
                if drop.name in self._seen.archived and fact not in self._on_streams:
                    yield f"lost: {fact} of {drop.name} is on no stream"

    def _invented(self) -> Iterator[str]:
        known = {one.fact for one in (*self._accepted, *self._perhaps) if one.fact}
        known |= {fact for drop in self._plan.drops for fact in drop.facts}
        for fact in sorted(self._on_streams - known):
            yield f"invented: {fact or 'an entry'} is on a stream and nobody was told so"

    def _two_names(self) -> Iterator[str]:
        """One fact, one key, one id; and nothing else under them."""
        names: dict[tuple[str, str], set[str]] = defaultdict(set)
        for one in self._seen.entries:
            names["key of fact", one.fact].add(one.key)
            names["id of key", one.key].add(one.id)
            names["key of id", one.id].add(one.key)
            names["content of id", one.id].add(one.data)
        for (what, of), found in names.items():
            if len(found) > 1:
                yield f"several: {what} {of}: {sorted(found)[:3]}"

    def _wrong_content(self) -> Iterator[str]:
        contents = {
            (one.fact, one.content) for one in (*self._accepted, *self._perhaps) if one.fact
        }
        for one in self._firsts:
            if one.fact.startswith("order/") and (one.fact, one.content) not in contents:
                yield f"content: nobody said {one.content} of {one.fact}"

    def _overtaken(self) -> Iterator[str]:
        newest: dict[str, str] = {}
        for one in self._firsts:
            if not one.fact.startswith("order/"):
                continue
            if one.version < newest.get(one.partition, ""):
                yield f"order: {one.fact} stands behind a newer version"
            newest[one.partition] = max(newest.get(one.partition, ""), one.version)

    def _files_left(self) -> Iterator[str]:
        for drop in self._plan.drops:
            if drop.name not in self._seen.archived:
                yield f"file: {drop.name} was never taken"

    # ── the audit ────────────────────────────────────────────────────────────────────────────────

    def _audit(self) -> Iterator[str]:
        if not self._seen.audit.get("balanced"):
            yield f"audit: not balanced: {self._seen.audit}"
            return
        receipts = self._seen.audit["all"]["receipts"]
        messages = self._seen.audit["all"]["messages"]
        files = len(self._plan.drops)
        # A file is one delivery; a crash before it was moved makes it another.
        yield from _outside(
            "webhooks accepted",
            receipts["accepted"] - self._file_receipts(),
            len(self._accepted),
            len(self._accepted) + len(self._perhaps),
        )
        yield from _outside("files accepted", self._file_receipts(), files, None)
        published = len(self._firsts)
        yield from _outside("published", messages["published"], published, published)
        unsure = {one.fact for one in self._perhaps if one.fact} - self._on_streams
        yield from _outside(
            "stale",
            messages["stale"],
            len(self.missing),
            len(unsure | set(self.missing)),
        )
        yield from self._audit_of_bad(receipts["dead"])
        for side in (receipts, messages):
            if side["pending"]:
                yield f"audit: {side['pending']} pending"

    def _audit_of_bad(self, dead: int) -> Iterator[str]:
        sure = {one.identity for one in self._accepted if one.kind == "bad"}
        unsure = {one.identity for one in self._perhaps if one.kind == "bad"}
        yield from _outside("dead receipts", dead, len(sure), len(sure | unsure))

    def _file_receipts(self) -> int:
        connector = self._seen.audit["connectors"].get("camt")
        return int(connector["receipts"]["accepted"]) if connector else 0

    # ── the subscriber ───────────────────────────────────────────────────────────────────────────

    def _doubled_effects(self) -> Iterator[str]:
        ids = {one.id for one in self._firsts}
        for message_id, count in self._seen.subscribed.effects.items():
            if count > 1:
                yield f"effect: {message_id} had {count} effects"
            if message_id not in ids:
                yield f"effect: of {message_id}, which was on no stream"

    def _missing_effects(self) -> Iterator[str]:
        """What is on the streams had its effect, or lies on the workbench because it may."""
        done, given_up = self._seen.subscribed.effects, self._seen.subscribed.given_up
        for one in self._firsts:
            if one.id in done and one.id in given_up:
                yield f"effect: {one.fact} had one and is a dead letter too"
            if one.id in self._seen.last and one.id not in done and one.id not in given_up:
                yield f"effect: {one.fact} had none"
            if one.id in given_up and not self._may_fail(one):
                yield f"effect: {one.fact} was given up: {given_up[one.id]}"

    def _may_fail(self, one: Entry) -> bool:
        poisoned = bool(self._plan.poison) and one.fact.startswith(f"{self._plan.poison}@")
        return temper(one.id) == "never" or poisoned

    def _not_refilled(self) -> set[str]:
        done = self._seen.subscribed.effects.keys() | self._seen.subscribed.given_up.keys()
        return {one.id for one in self._firsts} - self._seen.last - done


def _first_of_each_id(entries: Sequence[Entry]) -> list[Entry]:
    seen: dict[tuple[str, str], Entry] = {}
    for one in entries:
        seen.setdefault((one.stream, one.id), one)
    return list(seen.values())


def _outside(what: str, found: int, least: int, most: int | None) -> Iterator[str]:
    if found < least or (most is not None and found > most):
        expected = str(least) if most == least else f"{least} to {'any' if most is None else most}"
        yield f"audit: {what}: {found}, expected {expected}"
