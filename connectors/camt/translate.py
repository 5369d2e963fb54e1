"""From a file to messages: each document is proven whole first, then streamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from canonical.errors import GatewayError, Malformed
from canonical.message import Item, Problem
from connectors.camt.entries import entry_of, movement_of
from connectors.camt.formats import Format, format_of, kind_of
from connectors.camt.keys import Occurrences
from connectors.camt.messages import balance_message, entry_messages
from connectors.camt.node import NOTHING, Node, Written, node_of
from connectors.camt.settings import Settings
from connectors.camt.statements import Head, balance_of, head_of
from connectors.camt.totals import Chain, Tally
from connectors.contract import Identity
from connectors.kit.archives import Member, each_member
from connectors.kit.xml import Element, Opener, check, elements, local, root_of
from connectors.raw import RawMessage


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
    """What a file says, in memory bounded by its largest entry.

    A document that is not well-formed to its end yields nothing: of a single one Malformed or
    Unsupported is raised; in a zip file it is a Problem at the member's name, and the other
    members go on.
    """
    del identity  # Each document says itself what it is.
    settings = Settings.of(raw.options)
    yield from each_member(raw, lambda member: _told(member, raw, settings))


def _told(member: Member, raw: RawMessage, settings: Settings) -> Iterator[Item]:
    if not member.name:
        yield from _document(member.open, raw, settings, "")
    elif kind_of(member.open) is None:
        raise Malformed("this file is no camt report", code="foreign_member")
    else:
        yield from _document(member.open, raw, settings, f"{member.name}!")


def _document(
    open_stream: Opener, raw: RawMessage, settings: Settings, place: str
) -> Iterator[Item]:
    form = format_of(root_of(open_stream))
    check(
        open_stream,
        records=("Ntry", "Bal", form.record),
        one_namespace=True,
        open_content=("SplmtryData",),
    )
    reader = _Reader(form, raw, settings, place)
    container, entry, balance = (form.prefix + name for name in (form.record, "Ntry", "Bal"))
    for event, element in elements(open_stream, container, (entry, balance)):
        if event == "start":
            reader.begin(element)
        elif element.tag == container:
            yield from reader.finish(element)
        else:
            reader.absorb(element.itersiblings(preceding=True))
            node = node_of(element)
            yield from reader.entry(node) if element.tag == entry else reader.balance(node)
    if not reader.number:
        raise Malformed(f"the document has no {form.record}", code="no_statement")


@dataclass(slots=True)
class _Progress:
    """Where in the report at hand the reader is."""

    at: str
    between: Written = field(default_factory=Written)
    """What stands between the records; what stands before the first one is the head."""
    head: Head | None = None
    is_bad: bool = False
    entries: int = 0
    balances: int = 0


class _Reader:
    """Turns the records of one document, in their order, into items."""

    def __init__(self, form: Format, raw: RawMessage, settings: Settings, place: str) -> None:
        self.number = 0
        self._form = form
        self._raw = raw
        self._settings = settings
        self._place = place
        self._group: Node | None = None
        self._chain = Chain()
        self._seen = Occurrences()
        self._tally = Tally()
        self._statement: tuple[str, ...] = ()
        self._now = _Progress("")

    def begin(self, container: Element) -> None:
        """A report starts; the group header stands before the first one."""
        if self._group is None:
            header = container.getparent()
            tag = f"{self._form.prefix}GrpHdr"
            found = header.find(tag) if header is not None else None
            self._group = NOTHING if found is None else node_of(found)
        self.number += 1
        self._now = _Progress(f"{self._place}{self._form.record}[{self.number}]")

    def absorb(self, siblings: Iterable[Element]) -> None:
        """Take what stands between the records into the head."""
        for sibling in siblings:
            if local(sibling) not in {"Ntry", "Bal", ""}:
                self._now.between.add(sibling)

    def entry(self, node: Node) -> Iterator[Item]:
        """The messages of an entry, or its Problem."""
        yield from self._open_head()
        now = self._now
        now.entries += 1
        if now.head is None:
            return
        at = f"{now.at}/Ntry[{now.entries}]"
        readable = False
        try:
            movement = movement_of(node, self._settings.status_when_absent)
            self._tally.add(movement)
            readable = True
            entry = entry_of(node, movement, self._settings.zone)
            found = list(
                entry_messages(
                    entry,
                    now.head,
                    account=self._raw.account,
                    cash_from=self._settings.cash_from,
                    seen=self._seen,
                    received_at=self._raw.received_at,
                    at=at,
                )
            )
        except (GatewayError, ValueError) as error:
            self._tally.is_readable = self._tally.is_readable and readable
            yield _problem(error, at)
        else:
            yield from found

    def balance(self, node: Node) -> Iterator[Item]:
        """The message of a balance, or its Problem."""
        yield from self._open_head()
        now = self._now
        now.balances += 1
        if now.head is None:
            return
        at = f"{now.at}/Bal[{now.balances}]"
        try:
            balance = balance_of(node, self._settings.zone)
            self._tally.add_balance(balance)
            yield balance_message(
                balance, now.head, account=self._raw.account, seen=self._seen, at=at
            )
        except (GatewayError, ValueError) as error:
            yield _problem(error, at)

    def finish(self, container: Element) -> Iterator[Item]:
        """A report ends: what does not agree in it."""
        self.absorb(container)
        yield from self._open_head()
        now = self._now
        if now.head is not None:
            summary = now.between.node().first("TxsSummry")
            yield from self._tally.problems(now.head, summary, now.at)
            yield from self._chain.problems(now.head, self._tally, now.at)

    def _open_head(self) -> Iterator[Item]:
        """Read the head once all of it has passed; without one nothing of the report is told."""
        now = self._now
        if now.head is not None or now.is_bad:
            return
        try:
            node, group = now.between.node(), self._group or NOTHING
            now.head = head_of(node, group, self._form.kind, self._settings.zone)
        except (GatewayError, ValueError) as error:
            now.is_bad = True
            yield _problem(error, now.at)
            return
        if not self._is_next_page(now.head):
            self._statement = now.head.identity
            self._seen = Occurrences()
            self._tally = Tally()
        if now.head.page is not None:
            self._tally.pages.add(now.head.page)

    def _is_next_page(self, head: Head) -> bool:
        # A statement that stands twice in a file is a copy: counted anew, its lines are the same.
        is_same = head.identity == self._statement
        return is_same and head.page is not None and head.page not in self._tally.pages


def _problem(error: GatewayError | ValueError, at: str) -> Problem:
    if isinstance(error, GatewayError):
        return Problem(code=error.code, message=str(error), path=error.path, at=at)
    # The canonical model refused a value; what it was may be anybody's name.
    return Problem(code="invalid_value", message="a value is too long or not of its kind", at=at)
