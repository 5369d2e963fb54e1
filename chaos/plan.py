"""The plan of a round: what is sent and which harm is done when. All of it follows from the seed.

What the seed does not decide is how the processes interleave: the same plan may meet another race.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

from chaos import payloads

Store = Literal["sqlite", "postgresql"]
Roles = tuple[str, ...]
"""Those of one gateway; none named: it has all."""
LANES = 8
SLOTS = 1000
"""Places in time at which a lane's deliveries are put; only their order counts."""
PATIENCE = 400
"""Tries after which a sender that wants its 2xx gives up all the same."""

SQLITE_HARMS = (
    ("kill gateway", 5), ("stop gateway", 2), ("freeze gateway", 1), ("jump clock", 2),
    ("kill with clock off", 1), ("kill streams", 2), ("flush streams", 1), ("lose streams", 1),
    ("full disk", 2), ("full disk, log too", 1), ("kill subscriber", 1), ("freeze subscriber", 1),
)  # fmt: skip
POSTGRESQL_HARMS = (
    ("kill gateway", 5), ("stop gateway", 2), ("freeze gateway", 3), ("jump clock", 2),
    ("kill with clock off", 1), ("kill streams", 2), ("flush streams", 1), ("lose streams", 1),
    ("restart postgresql", 3), ("kill subscriber", 1), ("freeze subscriber", 2),
)  # fmt: skip
LAYOUTS: tuple[tuple[tuple[Roles, ...], int], ...] = (
    (((), ()), 3),
    (((), (), ()), 2),
    ((("ingest",), ("worker",), ("relay",)), 2),
    ((("ingest",), ("ingest",), ("worker",), ("relay",)), 1),
    ((("ingest",), ("worker", "relay"), ("worker", "relay")), 1),
    ((("ingest", "worker"), ("relay",), ("relay",)), 1),
    ((("ingest",), ("worker",), ("worker",), ("relay",), ("relay",)), 1),
    (((), ("ingest",), ("worker",), ("relay",)), 1),
)
"""Who shares the work on PostgreSQL, with how often."""
CLOCK_HARMS = ("jump clock", "kill with clock off")
JUMPS_S = (30.0, 7200.0)
"""How far a clock jumps, at least and at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook, to be sent until it is acknowledged or its sender gives up."""

    number: int
    door: Literal["shopify", "stripe"]
    kind: Literal["good", "bad", "forged"]
    """`bad` is signed but unreadable, `forged` is not signed with the secret."""
    fact: str
    """What it tells; empty when it tells nothing."""
    content: str
    body: bytes
    topic: str
    event: str
    tries: int

    @property
    def identity(self) -> tuple[str, str, str, bytes]:
        """What makes two deliveries the same one, sent again."""
        return self.door, self.topic, self.event, self.body


@dataclass(frozen=True, slots=True)
class Drop:
    """A file put into the watched folder after so many answers."""

    after: int
    name: str
    body: bytes
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """Something bad, after so many answers were heard."""

    after: int
    kind: str
    member: int
    delay: float
    """Seconds from that answer on: so that it strikes anywhere, not only between two answers."""
    seconds: float
    """How long it lasts, where it lasts."""
    jump: float = 0.0
    """Seconds by which a clock is off while it lasts."""

    def __str__(self) -> str:
        return f"{self.kind} @{self.after}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a round does."""

    seed: int
    store: Store
    gateways: tuple[Roles, ...]
    subscribers: int
    lanes: tuple[tuple[Delivery, ...], ...]
    drops: tuple[Drop, ...]
    harms: tuple[Harm, ...]
    poison: str
    """The subject whose message kills every subscriber that handles it; empty for none."""

    @property
    def deliveries(self) -> list[Delivery]:
        return [one for lane in self.lanes for one in lane]

    @property
    def moves_clocks(self) -> bool:
        """Whether a gateway's clock is off for a while."""
        return any(harm.kind in CLOCK_HARMS for harm in self.harms)

    @property
    def members(self) -> str:
        """The gateways in words."""
        return ", ".join("+".join(roles) or "all roles" for roles in self.gateways)

    def described(self) -> list[str]:
        """The schedule in words."""
        return [
            f"seed {self.seed}, {self.store}",
            f"gateways: {self.members}; {self.subscribers} subscriber(s)",
            f"{len(self.deliveries)} deliveries in {LANES} lanes, {len(self.drops)} files",
            *(
                f"after answer {one.after} and {one.delay:.3f} s: {one.kind}"
                f" (gateway {one.member}, {one.seconds:.2f} s, off by {one.jump:.0f} s)"
                for one in self.harms
            ),
            f"poison: {self.poison or 'none'}",
        ]


def make_plan(
    seed: int, store: Store, gateways: int | None = None, only: str | None = None
) -> Plan:
    """The plan of this seed.

    With `gateways` so many have all roles; with `only` all harms are of this kind.
    """
    chance = Random(f"{store}/{seed}")  # noqa: S311 - a schedule, not a secret
    layouts, weights = zip(*LAYOUTS, strict=True)
    drawn: tuple[Roles, ...] = chance.choices(layouts, weights)[0] if store != "sqlite" else ((),)
    members = ((),) * gateways if gateways else drawn
    lanes = _Traffic(chance).lanes()
    answers = sum(len(lane) for lane in lanes)
    poison = chance.random() < 0.12
    return Plan(
        seed=seed,
        store=store,
        gateways=members,
        subscribers=chance.choice((1, 2)) if store != "sqlite" else 1,
        lanes=lanes,
        drops=tuple(_drops(chance, answers)),
        harms=tuple(_harms(chance, kinds_of(store, only), answers, len(members))),
        poison=f"order/{payloads.FIRST_ORDER + 900}" if poison else "",
    )


class _Traffic:
    """Invents the deliveries and deals them to the lanes."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._number = 0
        self._slots: list[list[tuple[float, Delivery]]] = [[] for _ in range(LANES)]

    def lanes(self) -> tuple[tuple[Delivery, ...], ...]:
        """Every lane's deliveries in the order in which it sends them."""
        for number in range(self._chance.randint(25, 50)):
            self._order(number)
        self._order(900, versions=1)
        for number in range(self._chance.randint(12, 30)):
            self._payment(number)
        for number in range(self._chance.randint(2, 5)):
            self._nonsense(number)
        return tuple(
            tuple(one for _, one in sorted(lane, key=lambda placed: placed[0]))
            for lane in self._slots
        )

    def _order(self, number: int, versions: int | None = None) -> None:
        """An order's versions: told in order by one lane, or scattered over all of them."""
        told = [
            one
            for version in range(versions or self._chance.choice((1, 1, 2, 3, 5)))
            for one in self._version(number, version)
        ]
        slots: list[float] = [self._chance.randrange(SLOTS) for _ in told]
        if self._chance.random() < 0.5:
            lane = self._chance.randrange(LANES)
            for slot, one in zip(sorted(slots), told, strict=True):
                self._put(lane, slot, one)
        else:
            for slot, one in zip(slots, told, strict=True):
                self._put(self._chance.randrange(LANES), slot, one)
        self._repeat(told)

    def _version(self, number: int, version: int) -> Iterator[Delivery]:
        """One version, told by one to three events; now and then they contradict."""
        total = f"{100 + version}.00"
        for telling in range(self._chance.choice((1, 1, 2, 3))):
            contradicts = telling and self._chance.random() < 0.1
            content = f"{total[:-1]}7" if contradicts else total
            # Never `orders/create`: placed and changed at one moment is a contradiction of its own.
            yield self._delivery(
                door="shopify",
                fact=f"order/{payloads.FIRST_ORDER + number}@{version:02d}",
                content=content,
                body=payloads.order_body(number, version, content),
                topic=self._chance.choice(("orders/updated", "orders/paid")),
                event=f"evt-{number}-{version}-{telling}",
            )

    def _payment(self, number: int) -> None:
        cents = self._chance.randrange(100, 90_000)
        told = [
            self._delivery(
                door="stripe",
                fact=f"payment/pi_{number}",
                content=str(cents),
                body=make(number, cents),
                topic="",
                event="",
            )
            for make in (payloads.charge_body, payloads.intent_body)
        ]
        if self._chance.random() < 0.5:
            told.pop()
        # Twins: the same moment, different lanes.
        slot = self._chance.randrange(SLOTS)
        for lane, one in zip(self._chance.sample(range(LANES), len(told)), told, strict=True):
            self._put(lane, slot, one)
        self._repeat(told)

    def _nonsense(self, number: int) -> None:
        kind: Literal["bad", "forged"] = self._chance.choice(("bad", "forged"))
        readable = payloads.order_body(5000 + number, 0, "1.00")
        one = self._delivery(
            door="shopify",
            kind=kind,
            fact="",
            content="",
            body=readable[: len(readable) // 2] if kind == "bad" else readable,
            topic="orders/updated",
            event=f"evt-nonsense-{number}",
        )
        self._put(self._chance.randrange(LANES), self._chance.randrange(SLOTS), one)

    def _repeat(self, told: list[Delivery]) -> None:
        """Redeliveries: some of it again, at any time, also at the same time."""
        for one in told:
            if self._chance.random() < 0.3:
                again = self._delivery(
                    door=one.door, fact=one.fact, content=one.content, body=one.body,
                    topic=one.topic, event=one.event,
                )  # fmt: skip
                self._put(self._chance.randrange(LANES), self._chance.randrange(SLOTS), again)

    def _delivery(
        self,
        *,
        door: Literal["shopify", "stripe"],
        fact: str,
        content: str,
        body: bytes,
        topic: str,
        event: str,
        kind: Literal["good", "bad", "forged"] = "good",
    ) -> Delivery:
        self._number += 1
        impatient = self._chance.random() < 0.08
        return Delivery(
            number=self._number, door=door, kind=kind, fact=fact, content=content, body=body,
            topic=topic, event=event, tries=1 if impatient else PATIENCE,
        )  # fmt: skip

    def _put(self, lane: int, slot: float, one: Delivery) -> None:
        # The number keeps apart what was put at one place.
        self._slots[lane].append((slot + one.number / 1e6, one))


def _drops(chance: Random, answers: int) -> Iterator[Drop]:
    """Statements that overlap, and one that comes twice byte for byte."""
    references = [f"REF{number:03d}" for number in range(chance.randint(4, 30))]
    bodies = []
    for number in range(chance.randint(1, 4)):
        start = chance.randrange(len(references))
        part = tuple(references[start : start + chance.randint(1, 20)])
        bodies.append((payloads.statement_body(part, message=f"M{number}"), part))
    if chance.random() < 0.5:
        bodies.append(bodies[0])
    if chance.random() < 0.3:
        # Larger than what is kept in memory: its parts are stored one by one.
        many = tuple(f"REF-LARGE-{number:03d}" for number in range(250))
        large = payloads.statement_body(many, message="LARGE", padding=5000)
        bodies.append((large, many))
    for number, (body, part) in enumerate(bodies):
        facts = tuple(f"bank/{one}" for one in part)
        yield Drop(chance.randrange(1, answers), f"statement-{number}.xml", body, facts)


def kinds_of(store: Store, only: str | None = None) -> tuple[tuple[str, int], ...]:
    """The harms a store's gateways may meet, with how often."""
    if only:
        return ((only, 1),)
    return SQLITE_HARMS if store == "sqlite" else POSTGRESQL_HARMS


def _harms(
    chance: Random, choices: tuple[tuple[str, int], ...], answers: int, gateways: int
) -> Iterator[Harm]:
    kinds, weights = zip(*choices, strict=True)
    drawn = chance.choices(kinds, weights, k=chance.choice((1, 2, 2, 3, 4)))
    moments = sorted(chance.randrange(1, int(answers * 0.9)) for _ in drawn)
    for kind, after in zip(drawn, moments, strict=True):
        yield Harm(
            after=after,
            kind=kind,
            member=chance.randrange(gateways),
            delay=chance.choice((0.0, chance.uniform(0, 0.02), chance.uniform(0, 0.3))),
            seconds=0.1 + chance.random(),
            jump=chance.choice((-1, 1)) * chance.uniform(*JUMPS_S) if kind in CLOCK_HARMS else 0.0,
        )
