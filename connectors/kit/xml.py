"""XML, read safely: no entity, no network, no DOCTYPE, nothing recovered, memory bounded.

`check` proves a document of any size well-formed to its end without building a tree; `elements`
then streams its records; `read_xml` reads a small document whole. All of them raise Malformed with
`empty`, `truncated`, `bad_xml`, `doctype`, `html_page` or `too_many_attributes`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any, BinaryIO, Final, Literal

from lxml import etree
from lxml.etree import _Element

from canonical.errors import Malformed, TooLarge
from connectors.kit.xml_plain import is_plain

Element = _Element
Opener = Callable[[], BinaryIO]
Event = Literal["start", "end"]

MAX_ATTRIBUTES = 200
MAX_BYTES_BETWEEN_RECORDS = 64 * 1024 * 1024
MAX_WHOLE_DOCUMENT_BYTES = 32 * 1024 * 1024
MAX_PROLOG_BYTES = 1024 * 1024
_CHUNK = 64 * 1024

_SAFELY: Final[dict[str, Any]] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "huge_tree": False,
    "recover": False,
}


def root_of(open_stream: Opener) -> str:
    """The root element's name in Clark notation, `{namespace}local`, from the document's start.

    What is behind the root's start tag is not judged. Raises Malformed when there is none within
    the first megabyte.
    """
    watch = _Watch()
    parser = _watching(watch)
    with open_stream() as stream:
        for _ in range(MAX_PROLOG_BYTES // 4096):
            chunk = stream.read(4096)
            if not chunk:
                _finish(parser, watch)
            try:
                _feed(parser, watch, chunk)
            except Malformed:
                if not watch.root:
                    raise
            if watch.root:
                return watch.root
    raise Malformed("no element within the first megabyte", code="bad_xml")


def check(
    open_stream: Opener,
    *,
    records: Collection[str] = (),
    one_namespace: bool = False,
    open_content: Collection[str] = (),
) -> str:
    """Read a whole document without keeping it, and return its root's name in Clark notation.

    Nothing may be taken from a document before this has passed: a transfer that broke off in the
    middle is refused here as a whole (`truncated`). With `one_namespace`, an element of another
    namespace than the root's is `foreign_namespace`, save below elements with one of the local
    names in `open_content`, where a standard lets anything stand. With `records` (local names),
    more than 64 MiB without the end of a record is `record_too_large`.
    """
    root = _plain_root(open_stream, records) if one_namespace else None
    if root is not None:
        return root
    watch = _Watch(records, one_namespace, open_content)
    parser = _watching(watch)
    with open_stream() as stream:
        since_record = 0
        while chunk := stream.read(_CHUNK):
            _feed(parser, watch, chunk)
            since_record = 0 if watch.record_ended() else since_record + len(chunk)
            if records and since_record > MAX_BYTES_BETWEEN_RECORDS:
                raise Malformed("one record is too large to hold", code="record_too_large")
        _finish(parser, watch)
    return watch.root


def elements(
    open_stream: Opener, container: str, records: Collection[str]
) -> Iterator[tuple[Event, Element]]:
    """Stream the records of a document that `check` has passed; names in Clark notation.

    Yields `("start", container)`, `("end", record)` for each child of a container that is one of
    `records`, and `("end", container)`. When a container starts, what stands before it is
    complete; when a record ends, its earlier siblings are. A yielded record, and everything
    before it, is emptied when the next one is asked for: memory stays bounded by the largest
    record. Raises Malformed.
    """
    parser = etree.XMLPullParser(events=("start", "end"), tag=[container, *records], **_SAFELY)
    with open_stream() as stream:
        while chunk := stream.read(_CHUNK):
            _feed_tree(parser, chunk)
            yield from _records_read(parser, container)
        _feed_tree(parser, None)
        yield from _records_read(parser, container)


def read_xml(body: bytes, *, max_bytes: int = MAX_WHOLE_DOCUMENT_BYTES) -> Element:
    """The root element of a document that is small enough to hold.

    Raises TooLarge over `max_bytes`, Malformed for anything `check` would refuse.
    """
    if len(body) > max_bytes:
        raise TooLarge(f"a document of {len(body)} bytes is too large to hold at once")
    check(lambda: io.BytesIO(body))
    parser: etree.XMLParser[Element] = etree.XMLParser(**_SAFELY)
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise _not_well_formed(error) from None


def local(element: Element) -> str:
    """An element's name without its namespace; empty for a comment or processing instruction."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def namespace(element: Element) -> str:
    """An element's namespace; empty when it has none."""
    tag = element.tag if isinstance(element.tag, str) else ""
    return tag[1:].partition("}")[0] if tag.startswith("{") else ""


def text(element: Element) -> str:
    """An element's own text, joined across comments and processing instructions.

    Raises Malformed (`mixed_content`) when text and child elements are mixed.
    """
    if not len(element):
        return element.text or ""
    pieces = [element.text or "", *(child.tail or "" for child in element)]
    joined = "".join(pieces)
    if joined.strip() and any(isinstance(child.tag, str) for child in element):
        raise Malformed("text and elements are mixed", code="mixed_content", path=local(element))
    return joined


def child(element: Element, path: str, within: str | None = None) -> Element | None:
    """The first element at a path of local names, `A/B`, in the namespace `within`.

    `within` is the element's own namespace when it is not given. A step may name its namespace
    itself in Clark notation. Only children are followed: nothing deeper is found by accident.
    """
    return element.find(_qualified(namespace(element) if within is None else within, path))


def children(element: Element, path: str, within: str | None = None) -> list[Element]:
    """All elements at a path; see `child`."""
    return element.findall(_qualified(namespace(element) if within is None else within, path))


def child_text(element: Element, path: str, within: str | None = None) -> str | None:
    """The stripped text at a path; None where there is no such element or it is blank."""
    found = child(element, path, within)
    return None if found is None else text(found).strip() or None


def _plain_root(open_stream: Opener, records: Collection[str]) -> str | None:
    """The root of a document that is known to be sound without watching each of its elements."""
    try:
        root = root_of(open_stream)
    except Malformed:
        return None
    is_sound = is_plain(
        open_stream,
        root=root,
        records=records,
        most_bytes_between=MAX_BYTES_BETWEEN_RECORDS,
        options=_SAFELY,
    )
    return root if is_sound else None


class _Watch:
    """A parser target that builds nothing: it watches names, attributes and depth."""

    def __init__(
        self,
        records: Collection[str] = (),
        one_namespace: bool = False,
        open_content: Collection[str] = (),
    ) -> None:
        self.root = ""
        self.depth = 0
        self.is_blank = True
        self._one_namespace = one_namespace
        self._open_names = open_content
        self._record_names = records
        self._prefix = ""
        self._open_tags: frozenset[str] = frozenset()
        self._record_tags: frozenset[str] = frozenset()
        self._open_depth = 0
        self._ended = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self.depth += 1
        if len(attributes) > MAX_ATTRIBUTES:
            raise Malformed("an element has too many attributes", code="too_many_attributes")
        if not self.root:
            self._begin(tag)
        if self._open_depth:
            return
        if tag in self._open_tags:
            self._open_depth = self.depth
        elif self._one_namespace and not tag.startswith(self._prefix):
            raise Malformed("an element of a foreign namespace", code="foreign_namespace")

    def end(self, tag: str) -> None:
        if self.depth == self._open_depth:
            self._open_depth = 0
        self.depth -= 1
        if tag in self._record_tags:
            self._ended = True

    def doctype(self, name: str, public_id: str | None, system_url: str | None) -> None:
        del public_id, system_url
        if name.lower() == "html":
            raise _html_page()
        raise Malformed("a DOCTYPE is not accepted", code="doctype")

    def close(self) -> None:
        return None

    def record_ended(self) -> bool:
        """Whether a record has ended since this was last asked."""
        ended, self._ended = self._ended, False
        return ended

    def _begin(self, tag: str) -> None:
        if tag.rpartition("}")[2].lower() == "html":
            raise _html_page()
        self.root = tag
        self._prefix = tag[: tag.rfind("}") + 1]
        self._open_tags = frozenset(self._prefix + name for name in self._open_names)
        self._record_tags = frozenset(self._prefix + name for name in self._record_names)


def _watching(watch: _Watch) -> Any:
    # Any: the stubs know no target that builds nothing.
    target: Any = watch
    return etree.XMLParser(target=target, **_SAFELY)


def _feed(parser: Any, watch: _Watch, chunk: bytes) -> None:
    watch.is_blank = watch.is_blank and not chunk.strip()
    try:
        parser.feed(chunk)
    except etree.XMLSyntaxError as error:
        raise _not_well_formed(error) from None
    except (ValueError, LookupError):
        raise Malformed("not readable as XML", code="bad_xml") from None


def _finish(parser: Any, watch: _Watch) -> None:
    """End the document; an error that shows only now means that the rest of it is missing."""
    try:
        parser.close()
    except etree.XMLSyntaxError as error:
        if watch.is_blank:
            raise Malformed("there is no document in it", code="empty") from None
        if watch.depth or not watch.root:
            raise Malformed("the document ends in the middle", code="truncated") from None
        raise _not_well_formed(error) from None


def _feed_tree(parser: etree.XMLPullParser[Any], chunk: bytes | None) -> None:
    try:
        if chunk is None:
            parser.close()
        else:
            parser.feed(chunk)
    except etree.XMLSyntaxError as error:
        raise _not_well_formed(error) from None


def _records_read(
    parser: etree.XMLPullParser[Any], container: str
) -> Iterator[tuple[Event, Element]]:
    for event, element in parser.read_events():
        if event == "start":
            if element.tag == container:
                _refuse_doctype(element)
                yield "start", element
        elif element.tag == container or _is_record(element, container):
            yield "end", element
            _forget(element)


def _is_record(element: Element, container: str) -> bool:
    parent = element.getparent()
    return parent is not None and parent.tag == container


def _forget(element: Element) -> None:
    # The tail belongs to what the parser may still be reading, so it is left alone.
    element.clear(keep_tail=True)
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def _refuse_doctype(element: Element) -> None:
    if element.getroottree().docinfo.internalDTD is not None:
        raise Malformed("a DOCTYPE is not accepted", code="doctype")


def _html_page() -> Malformed:
    return Malformed("a web page, not a document", code="html_page")


def _not_well_formed(error: etree.XMLSyntaxError) -> Malformed:
    line, column = error.position
    return Malformed(f"not well-formed at line {line}, column {column}", code="bad_xml")


@lru_cache(maxsize=4096)
def _qualified(uri: str, path: str) -> str:
    """`A/B` as `{uri}A/{uri}B`; steps that name their namespace keep it."""
    steps: list[str] = []
    waiting = path
    while waiting:
        end = waiting.index("}") if waiting.startswith("{") else 0
        cut = waiting.find("/", end)
        step, waiting = (waiting, "") if cut < 0 else (waiting[:cut], waiting[cut + 1 :])
        steps.append(step if step.startswith("{") or not uri else f"{{{uri}}}{step}")
    return "/".join(steps)
