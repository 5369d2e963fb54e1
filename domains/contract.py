"""What a domain is: the names it files facts under, and one pure function over them.

    facts (a set) + decisions of people + the time  →  records, findings, announcements, parked

Because the function sees the whole set in one canonical order, facts may come in any order, late,
in part and any number of times, and the end is the same. Nothing is ever half-applied: a fact a
rule refuses stays among the facts and is shown by a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from canonical.payload import Payload
from canonical.values import Identifier


class Owner(StrEnum):
    """Who a finding belongs to."""

    SALES = "sales"
    """Order accuracy, price, disputes."""
    OPERATIONS = "operations"
    """Stock, delivery, root cause."""
    FINANCE = "finance"
    """Invoice, matching, collection."""
    IT = "it"
    """Integration, data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Under which names a fact is filed; made by the functions of `domains.names`.

    Facts that share a `strong` name are of one cluster, and so are those that share one with any
    of these. A fact that is only reached by a `weak` name is shown to that cluster as `nearby`,
    and leads no further; a weak name that more than twenty facts have shows nothing. Every fact
    has the strong name `fact:<id>` besides.
    """

    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A canonical message as a domain keeps it."""

    id: str
    """The CloudEvents id; the same fact has the same one."""
    type: str
    source: str
    """`/shopify/acme`."""
    key: str
    """Its idempotency key in readable form."""
    occurred_at: datetime
    """When it happened by the sender's account, in UTC."""
    arrived_at: datetime
    """When the domain was told first. Only deadlines may depend on it."""
    version: str | None
    """Sorts in the order of the entity's versions; only on snapshots."""
    receipt: str
    """`rcp_…`: the raw payload behind it."""
    correlation: str = ""
    """The order-to-cash chain as far as the report knew it."""
    data: Payload

    @property
    def connector(self) -> str:
        return self.source.removeprefix("/").partition("/")[0]

    @property
    def account(self) -> str:
        return self.source.removeprefix("/").partition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person decided about a record; a fact like the others, with a name to it."""

    id: str
    at: datetime
    by: str
    action: str
    """`resolve`, or an action the domain names, e.g. `apply`, `reverse`, `write_off`, `release`."""
    record: str
    """The key of the record it is about."""
    subject: str = ""
    """What of the record it is about, e.g. the key of a finding or of an allocation plan."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """JSON; amounts as strings."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a domain says of one thing: an order, a shipment, an invoice, a receipt …"""

    kind: str
    """`order`, `shipment`, `delivery`, `invoice`, `candidate`, `payment`, `payout` …"""
    key: str
    """Unique within the domain, e.g. `order/shopify/acme/4507`. `Key.of(...)`'s text."""
    label: str
    """The number people use for it."""
    status: str
    """The one word lists show."""
    state: Mapping[str, Any]
    """JSON (texts, numbers, lists, mappings); amounts and quantities as strings in plain digits."""
    facts: frozenset[str]
    """Ids of the facts it rests on."""
    rows: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    """Rows of the domain's own tables by the table's name, without their `record_key`."""
    names: tuple[Identifier, ...] = ()
    """By which it can be searched and traced."""
    disturbs: frozenset[str] = frozenset()
    """Names whose clusters borrow this record: they are derived again when it changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An exception as it stands now (domain page §5). It is open as long as it is derived."""

    kind: str
    """A stable slug, e.g. `cancelled_after_shipment`."""
    record: str
    """The key of the record it hangs on; a fact's id where there is no record yet."""
    owner: Owner
    explanation: str
    """One sentence for a person: which rule, what to look at. No personal data."""
    subject: str = ""
    """Tells findings of one kind on one record apart, e.g. a line id."""
    involved: tuple[str, ...] = ()
    """Keys of other records, and references such as invoice numbers."""
    facts: frozenset[str] = frozenset()
    expected: str | None = None
    received: str | None = None
    balance: str | None = None
    """Plain digits with a unit or currency behind them: `120.00 EUR`, `3 EA`."""
    since: datetime | None = None
    """When what is wrong happened, by the facts."""
    within: timedelta = timedelta(days=2)
    """The service level: how long its owner has."""

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.record}" + (f"#{self.subject}" if self.subject else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """A fact that waits for another one. It is released by itself when its cause arrives."""

    fact: str
    awaits: str
    """The name it waits for, e.g. `order:4507`."""
    kind: str
    """The slug of the finding it becomes when it has waited too long, e.g. `unknown_order`."""
    owner: Owner
    explanation: str
    patience: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What a domain tells the others: published when its data changed, each time as a revision."""

    subject: str
    """What it is about, unique for its type, e.g. the key of the record."""
    data: Payload
    """One of `canonical.chain`."""
    correlation: str
    """The correlation of a fact it rests on."""
    occurred_at: datetime
    """When what it tells came about, by the facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a company sets: deadlines and tolerances of all domains."""

    patience: timedelta = timedelta(hours=24)
    """How long a fact waits for its cause before people are asked."""
    shipment_due: timedelta = timedelta(hours=48)
    """Captured, and no shipment after so long."""
    invoice_due: timedelta = timedelta(hours=24)
    """Shipped and allowed, and no invoice after so long."""
    delivery_due: timedelta = timedelta(days=7)
    """Shipped, and neither delivered nor failed after so long."""
    bank_due: timedelta = timedelta(days=5)
    """Captured or paid out, and no bank entry after so long."""
    answer_due: timedelta = timedelta(days=2)
    """An e-invoice was submitted, and the network says nothing for so long."""
    without_invoices: frozenset[str] = frozenset()
    """Channels and accounts whose orders get no invoice here, e.g. `amazon/acme`: the marketplace
    issues it, or nobody does."""
    tolerance: Mapping[str, str] = field(default_factory=dict)
    """Currency → the largest difference that is written off by itself, e.g. `EUR` → `0.05`."""


NO_RULES_CHANGED: Final = Rules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """All facts that belong together, as the domain's function is given them."""

    facts: tuple[Fact, ...]
    """In canonical order: by time, version and key. Corrected ones are replaced already."""
    nearby: tuple[Fact, ...] = ()
    """Facts that are only reached by a weak name; records about them are another cluster's."""
    decisions: tuple[Decision, ...] = ()
    """By time."""
    borrowed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """States of records of other clusters the domain asked for by `borrows`."""
    rules: Rules = NO_RULES_CHANGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What a domain says about a cluster."""

    records: tuple[Record, ...] = ()
    findings: tuple[Finding, ...] = ()
    announcements: tuple[Announcement, ...] = ()
    parked: tuple[Parked, ...] = ()
    wake_at: datetime | None = None
    """When time alone may change the answer: the nearest deadline still ahead."""


def borrows_nothing(_cluster: Cluster) -> frozenset[str]:
    """Of a domain whose clusters stand for themselves."""
    return frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """One of the four."""

    name: str
    """`order`, `shipment`, `billing` or `cash`; the subscriber is `domain-<name>`."""
    listens: Mapping[str, Callable[[Any], Names]]
    """Message type → the names its facts are filed under, from the payload."""
    derive: Callable[[Cluster, datetime], Derived]
    """Pure: the same cluster and time give the same answer, to the letter."""
    borrows: Callable[[Cluster], frozenset[str]] = borrows_nothing
    """Keys of this domain's records in other clusters that `derive` needs to see."""
    actions: Mapping[str, Callable[[Mapping[str, Any]], None]] = field(default_factory=dict)
    """What people may decide beside `resolve`: action → a check of its values, which raises
    Malformed."""
    money_actions: frozenset[str] = frozenset()
    """Those of the actions that move money: whoever asks for one does not approve it."""
