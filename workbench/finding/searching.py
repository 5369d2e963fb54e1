"""Search: from what a person remembers to messages, newest first, within a budget of time.

One box and some filters. What was found by name (an id, a key, a reference) comes apart, because
it is certain; the rest is looked for block by block (`store.finding.search`), until the page is
full, the store is at its end, or the time is up: then it is said how far back the search has come.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any, Final

import orjson

from canonical.errors import Malformed
from canonical.families import FAMILIES
from store.database import Connection, Database
from store.finding import search, trace
from store.finding.search import Block, Filters
from store.ids import MESSAGE, first_id_at, made_at_s, parse_id, show_id
from store.records import MessageRow
from workbench.finding.search_blocks import AmountRange, Term, Wanted, may_hold
from workbench.finding.words import folded, scaled, wholes_in

BUDGET_S: Final = 1.5
FILTERS: Final = ("connector", "account", "domain", "type", "state")
NEWEST: Final = (1 << 63) - 1
_BLOCKS_AT_ONCE: Final = 32
_ROWS_AT_ONCE: Final = 500
_LISTED_AT_ONCE: Final = 4000
_NAMED: Final = 20
_SHORTEST_BEGINNING: Final = 3
_LONGEST_TEXT: Final = 200
_LAG_COUNTED: Final = 10_000
_AMOUNT = re.compile(r"\d+,\d{1,4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is looked for."""

    text: str = ""
    connector: str = ""
    account: str = ""
    domain: str = ""
    type: str = ""
    state: str = ""
    since: datetime | None = None
    until: datetime | None = None
    amounts: AmountRange | None = None

    @property
    def types(self) -> tuple[str, ...]:
        """The types that fit: the one that is named, or those of the domain."""
        if self.type:
            return (self.type,)
        return tuple(fact.TYPE for fact in FAMILIES.get(self.domain, ()))

    @property
    def filters(self) -> Filters:
        """What the store filters by."""
        one = {name: getattr(self, name) for name in ("connector", "account", "state")}
        return {"type": self.types} | {name: (value,) for name, value in one.items() if value}

    @property
    def wanted(self) -> Wanted:
        """What blocks and messages are held against."""
        return Wanted(
            terms=terms_of(self.text),
            amounts=self.amounts,
            connector=self.connector or None,
            account=self.account or None,
            types=self.types,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A message that was found, and what it is recognised by."""

    message: MessageRow
    amount: str
    currency: str
    party: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What bears the very name that was typed."""

    messages: Sequence[Hit] = ()
    receipts: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of what was found."""

    hits: Sequence[Hit]
    named: Named
    back_to: datetime | None
    """How far back the search has come; None: to the beginning."""
    next: str | None
    """Where the next page begins; None: there is nothing more."""
    not_in_blocks: int
    """Messages that search has to read one by one, because they are not summed up yet."""


def query_of(
    *,
    text: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    amount_from: str = "",
    amount_to: str = "",
    currency: str = "",
    **filters: str,
) -> Query:
    """A query as a form or an address gives it. Raises Malformed (`bad_query`)."""
    if len(text) > _LONGEST_TEXT:
        raise Malformed("the text is too long to look for", code="bad_query", path="q")
    lowest, highest = _bound(amount_from, "amount_from"), _bound(amount_to, "amount_to")
    currency = currency.strip().upper()
    amounts = None
    if lowest is not None or highest is not None or currency:
        unbounded = AmountRange()
        amounts = AmountRange(
            lowest=0 if lowest is None else lowest,
            highest=unbounded.highest if highest is None else highest,
            currency=currency or None,
        )
    chosen = {name: filters.get(name, "").strip() for name in FILTERS}
    return Query(text=text.strip(), since=since, until=until, amounts=amounts, **chosen)


def _bound(text: str, path: str) -> int | None:
    """An end of a range of amounts; a decimal comma is a point."""
    plain = text.strip().replace(" ", "").replace(",", ".")
    if not plain:
        return None
    made = scaled(plain)
    if made is None or plain.count(".") > 1:
        raise Malformed(f"{text[:40]!r} is not an amount", code="bad_query", path=path)
    return made


def terms_of(text: str) -> tuple[Term, ...]:
    """The words of a query: all must be there; in quotes exactly, else longer ones count too."""
    terms: dict[Term, None] = {}
    for number, part in enumerate(text.split('"')):
        exact = number % 2 == 1
        for piece in part.split():
            plain = piece.replace(",", ".") if _AMOUNT.fullmatch(piece) else piece
            for word in wholes_in(plain):
                begins = not exact and len(word) >= _SHORTEST_BEGINNING and plain is piece
                terms[Term(word=word, begins=begins)] = None
    return tuple(terms)


async def find(
    database: Database,
    query: Query,
    *,
    after: str | None = None,
    limit: int = 50,
    budget_s: float = BUDGET_S,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """A page of what fits the query. Raises Malformed for a bad mark, Unavailable."""
    named = Named()
    if after is None and query.text:
        named = await _named(database, query)
    walk = _Walk(
        database=database,
        wanted=query.wanted,
        filters=query.filters,
        before=_beginning(query, after),
        floor=0 if query.since is None else first_id_at(query.since),
        limit=limit,
        until=clock() + budget_s,
        clock=clock,
    )
    await walk.go()
    lag = await database.read(_lag)
    rows = walk.hits[:limit]
    more = len(walk.hits) > limit
    next_id = rows[-1].row_id if more else walk.reached
    return Found(
        hits=await asyncio.to_thread(lambda: [hit_of(one) for one in rows]),
        named=named,
        back_to=None if walk.reached is None or more else _time_of(walk.reached),
        next=None if next_id is None else show_id(MESSAGE, next_id),
        not_in_blocks=lag,
    )


async def mentioning(
    database: Database, names: Sequence[str], *, limit: int, budget_s: float
) -> list[int]:
    """The newest messages that have one of these words in them, as far back as the time allows."""
    walk = _Walk(
        database=database,
        wanted=Wanted(one_of=tuple(Term(word=folded(one)) for one in names)),
        filters={},
        before=NEWEST,
        floor=0,
        limit=limit,
        until=time.monotonic() + budget_s,
        clock=time.monotonic,
    )
    await walk.go()
    return [one.row_id for one in walk.hits[:limit]]


def _lag(connection: Connection) -> int:
    end = search.newest_block_end(connection)
    return search.not_in_blocks(connection, end, _LAG_COUNTED)


def _beginning(query: Query, after: str | None) -> int:
    before = NEWEST if after is None else parse_id(MESSAGE, after)
    return before if query.until is None else min(before, first_id_at(query.until))


def _time_of(row_id: int) -> datetime:
    return datetime.fromtimestamp(made_at_s(row_id), UTC)


async def _named(database: Database, query: Query) -> Named:
    """Receipts and messages by id, key, delivery key, correlation or reference."""
    text = query.text

    def look(connection: Connection) -> tuple[list[MessageRow], tuple[int, ...]]:
        trail = trace.find(connection, text)
        newest = sorted(trail.message_row_ids, reverse=True)[:_NAMED]
        rows = search.load_messages(connection, newest)
        if not rows and len(text) >= _SHORTEST_BEGINNING:
            rows = search.by_reference(connection, text)[:_NAMED]
        return rows, trail.receipt_ids

    rows, receipt_ids = await database.read(look)
    fitting = [one for one in rows if _fits(one, query)]
    return Named(messages=[hit_of(one) for one in fitting], receipts=receipt_ids[:_NAMED])


def _fits(message: MessageRow, query: Query) -> bool:
    return all(
        not values or getattr(message, name) in values for name, values in query.filters.items()
    )


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One search on its way back through the store."""

    database: Database
    wanted: Wanted
    filters: Filters
    before: int
    floor: int
    limit: int
    until: float
    clock: Callable[[], float]
    hits: list[MessageRow] = field(default_factory=list)
    reached: int | None = None
    """The last message that was looked at; None at the end of the store."""

    def _is_over(self) -> bool:
        return len(self.hits) > self.limit or self.clock() >= self.until

    async def go(self) -> None:
        """Until the page is full, the time is up, or there is nothing more."""
        end = await self.database.read(search.newest_block_end)
        wanted = self.wanted
        by_blocks = wanted.reads_content or any((wanted.connector, wanted.account, wanted.types))
        self.reached = self.before
        if not await self._windows(wanted, end + 1 if by_blocks else 0) or not by_blocks:
            return
        await self._blocks(wanted)

    async def _windows(self, wanted: Wanted, floor: int) -> bool:
        """Look at messages one by one, down to `floor`; whether it came that far."""
        floor = max(floor, self.floor)
        while self.reached is not None and self.reached > floor:
            look = partial(
                search.window,
                before=self.reached,
                floor=floor,
                rows=_ROWS_AT_ONCE if wanted.reads_content else _LISTED_AT_ONCE,
                filters=self.filters,
            )
            found = await self.database.read(look)
            await self._keep(found.rows, wanted)
            self.reached = found.lowest
            if found.lowest is not None and self._is_over():
                return False
        # Behind this come the blocks, or nothing.
        self.reached = min(self.before, floor) if floor > self.floor else None
        return True

    async def _blocks(self, wanted: Wanted) -> None:
        while self.reached is not None:
            before = self.reached
            blocks = await self.database.read(
                partial(
                    search.blocks_before, before=before, floor=self.floor, limit=_BLOCKS_AT_ONCE
                )
            )
            if not blocks:
                self.reached = None
                return
            if await self._look_into(blocks, wanted, before):
                return

    async def _look_into(self, blocks: Sequence[Block], wanted: Wanted, before: int) -> bool:
        """Whether it is over."""
        likely = await asyncio.to_thread(lambda: [may_hold(one, wanted) for one in blocks])
        for block, worth_it in zip(blocks, likely, strict=True):
            if worth_it:
                await self._keep(await self._rows_of(block, before), wanted)
            self.reached = block.first_id
            if self._is_over():
                return True
        return False

    async def _rows_of(self, block: Block, before: int) -> list[MessageRow]:
        first, last = max(block.first_id, self.floor), min(block.last_id, before - 1)
        return await self.database.read(
            lambda connection: search.messages_between(connection, first, last, self.filters)
        )

    async def _keep(self, rows: Sequence[MessageRow], wanted: Wanted) -> None:
        if not wanted.reads_content:
            self.hits += rows
        elif rows:
            self.hits += await asyncio.to_thread(lambda: [one for one in rows if wanted.fits(one)])


_PARTIES: Final = (
    "buyer", "bill_to", "ship_to", "payer", "counterparty", "ultimate_counterparty", "customer",
    "consignee", "recipient", "payee", "seller", "supplier",
)  # fmt: skip
_TOTALS: Final = (
    ("totals", "total"), ("totals", "payable"), ("amount",), ("net",), ("total",), ("gross",),
)  # fmt: skip


def hit_of(message: MessageRow) -> Hit:
    """A message with the amount and the party it is recognised by."""
    data = {} if message.data is None else orjson.loads(message.data)
    amount, currency = _amount_of(data)
    return Hit(message=message, amount=amount, currency=currency, party=_party_of(data))


def _amount_of(data: dict[str, Any]) -> tuple[str, str]:
    for path in _TOTALS:
        value: Any = data
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, dict) and "amount" in value and "currency" in value:
            return _shown(str(value["amount"])), str(value["currency"])
    return "", ""


def _shown(amount: str) -> str:
    """An amount with at least two digits behind the point."""
    try:
        number = Decimal(amount)
    except InvalidOperation:
        return amount
    exponent = number.as_tuple().exponent
    return f"{number:.2f}" if isinstance(exponent, int) and exponent > -2 else f"{number:f}"


def _party_of(data: dict[str, Any]) -> str:
    return next(filter(None, (_name_in(data.get(one)) for one in _PARTIES)), "")


def _name_in(value: Any) -> str:
    return str(value.get("name") or "") if isinstance(value, dict) else ""
