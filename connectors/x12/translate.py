"""From a file to items: set by set, so that a bad one leaves the others alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from canonical.errors import GatewayError
from canonical.message import Ignored, Item, Problem
from connectors.contract import Identity
from connectors.kit.archives import Member, is_archive, members
from connectors.kit.x12 import Event, Fault, Interchange, TransactionSet, events
from connectors.raw import RawMessage
from connectors.x12.acknowledged import functional_acknowledgement
from connectors.x12.delivery import shipment_status
from connectors.x12.invoices import invoice
from connectors.x12.orders import purchase_order, shipping_order
from connectors.x12.reading import Document
from connectors.x12.recognise import is_interchange, kind_of
from connectors.x12.remittances import remittance_advice
from connectors.x12.responses import order_response
from connectors.x12.settings import Settings
from connectors.x12.shipments import ship_notice
from connectors.x12.warehouse import shipping_advice

TRANSLATORS: dict[str, Callable[[Document], Iterator[Item]]] = {
    "850": purchase_order,
    "855": order_response,
    "856": ship_notice,
    "940": shipping_order,
    "945": shipping_advice,
    "810": invoice,
    "820": remittance_advice,
    "214": shipment_status,
    "997": functional_acknowledgement,
}


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the sets being read come from."""

    raw: RawMessage
    settings: Settings
    place: str
    """Name of the archive member with `!`; else empty."""


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
    """What the sets of a file say, in memory bounded by the largest of them.

    A set that cannot be read, or whose envelope leaves its content in doubt, is a Problem. Raises
    Unsupported for options that are not understood; what a broken gzip file raises comes through,
    a broken member of a zip file is a Problem.
    """
    del identity  # Each set says itself what it is.
    settings = Settings.of(raw.options)
    if not is_archive(raw):
        for member in members(raw):
            yield from _stream(member, _Source(raw, settings, ""))
        return
    for member in members(raw):
        yield from _member(member, _Source(raw, settings, f"{member.name}!"))


def items_of(
    event: Event, source_place: str, raw: RawMessage, settings: Settings
) -> Iterator[Item]:
    """What one event of the stream becomes."""
    if isinstance(event, Fault) and event.doubtful:
        yield _problem(event, source_place)
    elif isinstance(event, Interchange) and event.is_test and settings.ignores_tests:
        yield Ignored(reason="a test interchange (ISA15 = T)", at=source_place + event.at)
    elif isinstance(event, TransactionSet):
        if event.interchange.is_test and settings.ignores_tests:
            return
        doubts = [fault for fault in event.faults if fault.doubtful]
        if doubts:
            yield _problem(doubts[0], source_place)
        else:
            yield from _translated(Document(event, raw.account, settings, source_place))


def _stream(member: Member, source: _Source) -> Iterator[Item]:
    with member.open() as stream:
        for event in events(stream, source.settings.encoding):
            yield from items_of(event, source.place, source.raw, source.settings)


def _member(member: Member, source: _Source) -> Iterator[Item]:
    try:
        if is_interchange(member):
            yield from _stream(member, source)
        else:
            message = "this file is no X12 interchange"
            yield Problem(code="foreign_member", message=message, at=member.name)
    except GatewayError as error:
        yield Problem(code=error.code, message=str(error), path=error.path, at=member.name)


def _translated(document: Document) -> Iterator[Item]:
    kind = kind_of(document.whole)
    translator = TRANSLATORS.get(kind)
    if translator is None:
        message = f"transaction set {document.whole.kind[:10]!r} is not known here"
        yield Problem(code="unknown_kind", message=message, path="ST01", at=document.at)
        return
    try:
        yield from translator(document)
    except GatewayError as error:
        yield Problem(code=error.code, message=str(error), path=error.path, at=document.at)
    except ValueError:
        # The canonical model refused a value; what it was may be anybody's name.
        message = "a value is too long or not of its kind"
        yield Problem(code="invalid_value", message=message, at=document.at)


def _problem(fault: Fault, place: str) -> Problem:
    return Problem(code=fault.code, message=fault.message, at=place + fault.at)
