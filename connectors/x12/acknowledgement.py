"""997 that goes out: the answer to what a partner sent, as bytes.

Source: ASC X12 997 Functional Acknowledgment, version 004010; elements 715, 717, 718.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from canonical.errors import Malformed
from canonical.message import Message, Problem
from connectors.kit.archives import is_archive
from connectors.kit.x12 import Event, Fault, Group, GroupEnd, Interchange, TransactionSet, events
from connectors.raw import RawMessage
from connectors.x12.recognise import kind_of
from connectors.x12.settings import Settings
from connectors.x12.translate import TRANSLATORS, items_of

_ELEMENT, _COMPONENT, _SEGMENT = "*", ">", "~\n"
_ACKNOWLEDGEMENTS = "FA"
"""GS01 of groups that are acknowledgements themselves; nobody answers them."""
_SYNTAX = {"truncated_set": "2", "set_control": "3"}
"""Envelope faults as errors of element 718; anything else is `5`, segments in error."""
_GROUP = {"group_trailer": "3", "group_control": "4", "group_count": "5"}
"""Envelope faults as errors of element 716."""
_NOT_SUPPORTED, _WRONG_COUNT, _IN_ERROR = "1", "4", "5"


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is said of one transaction set."""

    kind: str
    control: str
    code: str
    """`A` accepted, `E` accepted with errors noted, `R` rejected."""
    error: str = ""


@dataclass(slots=True)
class _Page:
    """The answers to one functional group."""

    group: Group
    answers: list[_Answer] = field(default_factory=list)
    declared: str = ""
    errors: list[str] = field(default_factory=list)


def acknowledge(raw: RawMessage) -> bytes:
    """One interchange with a 997 for each functional group received, in their order.

    A set is accepted when it could be translated (or was ignored on purpose), accepted with errors
    when something in it could not or its segment count is wrong, rejected when nothing of it
    could. Sender and receiver are swapped, control numbers are the received ones, the time is
    `received_at`: the same delivery gives the same answer. Groups of acknowledgements are not
    answered; empty bytes when no other group came. Raises Malformed for an archive, Unsupported
    for options that are not understood.
    """
    if is_archive(raw):
        raise Malformed("an archive of interchanges is not acknowledged", code="bad_archive")
    settings = Settings.of(raw.options)
    pages: list[_Page] = []
    with raw.open() as stream:
        for event in events(stream, settings.encoding):
            _note(event, pages, raw, settings)
    answered = [page for page in pages if page.group.header.get(1) != _ACKNOWLEDGEMENTS]
    return "".join(_interchanges(answered, raw)).encode("utf-8")


def _note(event: Event, pages: list[_Page], raw: RawMessage, settings: Settings) -> None:
    if isinstance(event, Group):
        pages.append(_Page(event))
    elif isinstance(event, Fault) and event.code in _GROUP:
        pages[-1].errors.append(_GROUP[event.code])
    elif isinstance(event, GroupEnd):
        pages[-1].declared = event.declared
    elif isinstance(event, TransactionSet) and event.group is not None:
        pages[-1].answers.append(_answer(event, raw, settings))


def _answer(whole: TransactionSet, raw: RawMessage, settings: Settings) -> _Answer:
    kind, control = whole.kind, whole.control
    if kind_of(whole) not in TRANSLATORS:
        return _Answer(kind, control, "R", _NOT_SUPPORTED)
    items = list(items_of(whole, "", raw, settings))
    problems = [one for one in items if isinstance(one, Problem)]
    if problems:
        error = _SYNTAX.get(problems[0].code, _IN_ERROR)
        told = any(isinstance(one, Message) for one in items)
        return _Answer(kind, control, "E" if told else "R", error)
    if any(fault.code == "segment_count" for fault in whole.faults):
        return _Answer(kind, control, "E", _WRONG_COUNT)
    return _Answer(kind, control, "A")


def _interchanges(pages: Sequence[_Page], raw: RawMessage) -> Iterator[str]:
    by_interchange: dict[int, list[_Page]] = {}
    for page in pages:
        by_interchange.setdefault(page.group.interchange.number, []).append(page)
    for own in by_interchange.values():
        yield from _interchange(own, raw)


def _interchange(pages: Sequence[_Page], raw: RawMessage) -> Iterator[str]:
    received = pages[0].group.interchange
    control = _digits(received.control, 9).rjust(9, "0")
    yield _header(received, control, raw)
    for page in pages:
        yield from _group(page, raw)
    yield _segment("IEA", str(len(pages)), control)


def _header(received: Interchange, control: str, raw: RawMessage) -> str:
    usage = "T" if received.is_test else "P"
    parts = (
        "ISA", "00", " " * 10, "00", " " * 10,
        _padded(received.get(7), 2), _padded(received.receiver, 15),
        _padded(received.get(5), 2), _padded(received.sender, 15),
        raw.received_at.strftime("%y%m%d"), raw.received_at.strftime("%H%M"),
        "U", "00401", control, "0", usage, _COMPONENT,
    )  # fmt: skip
    return _ELEMENT.join(parts) + _SEGMENT


def _group(page: _Page, raw: RawMessage) -> Iterator[str]:
    header = page.group.header
    control = _digits(header.get(6), 9) or "0"
    yield _segment(
        "GS", _ACKNOWLEDGEMENTS, header.get(3), header.get(2),
        raw.received_at.strftime("%Y%m%d"), raw.received_at.strftime("%H%M"),
        control, "X", "004010",
    )  # fmt: skip
    yield from _set(page)
    yield _segment("GE", "1", control)


def _set(page: _Page) -> Iterator[str]:
    header, answers = page.group.header, page.answers
    body = [_segment("AK1", header.get(1), header.get(6))]
    for answer in answers:
        body.append(_segment("AK2", answer.kind, answer.control))
        body.append(_segment("AK5", answer.code, answer.error))
    received = str(len(answers))
    accepted = sum(answer.code != "R" for answer in answers)
    declared = _digits(page.declared, 6) or received
    counts = (declared, received, str(accepted))
    body.append(_segment("AK9", _verdict(page), *counts, *page.errors))
    yield _segment("ST", "997", "0001")
    yield from body
    yield _segment("SE", str(len(body) + 2), "0001")


def _verdict(page: _Page) -> str:
    codes = {answer.code for answer in page.answers}
    if "R" in codes:
        return "R" if codes == {"R"} else "P"
    return "E" if "E" in codes or page.errors else "A"


def _segment(*parts: str) -> str:
    cleaned = [_clean(part) for part in parts]
    while len(cleaned) > 1 and not cleaned[-1]:
        cleaned.pop()
    return _ELEMENT.join(cleaned) + _SEGMENT


def _clean(text: str) -> str:
    """Without what would separate something in the answer."""
    return "".join(" " if mark in "*>~\r\n" else mark for mark in text).strip()


def _padded(text: str, width: int) -> str:
    return _clean(text)[:width].ljust(width)


def _digits(text: str, most: int) -> str:
    return "".join(mark for mark in text if mark.isascii() and mark.isdigit())[-most:]
