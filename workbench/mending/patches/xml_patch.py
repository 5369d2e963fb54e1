"""XML by a rule: the text or an attribute of elements, the rest byte for byte."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr, unescape

from canonical.errors import Unsupported
from connectors.kit.xml import check
from workbench.failures.forms.lines import steps
from workbench.failures.forms.xml_form import Element, elements_at
from workbench.mending.patch_rules import Splice, XmlRule, spliced

_ENCODING = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
_UTF8 = frozenset({b"utf-8", b"us-ascii", b"ascii"})


def patch(rule: XmlRule, content: bytes) -> bytes:
    """The document changed. Raises Malformed for what is no XML, Unsupported without a match."""
    _check(content)
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or not _fits_encoding(rule, content):
        raise Unsupported("the document's encoding does not hold this text", code="rule_does_not_fit")  # fmt: skip  # noqa: E501
    splices = [
        splice
        for element in elements_at(content, steps(rule.path))
        for splice in _changes(rule, content, element)
    ]
    changed = spliced(content, splices)
    _check(changed)
    return changed


def _check(content: bytes) -> None:
    check(lambda: io.BytesIO(content))


def _fits_encoding(rule: XmlRule, content: bytes) -> bool:
    told = _ENCODING.match(content.removeprefix(b"\xef\xbb\xbf"))
    return told is None or told[1].lower() in _UTF8 or rule.value.isascii()


def _changes(rule: XmlRule, content: bytes, element: Element) -> Iterator[Splice]:
    if rule.attribute is not None:
        yield from _attribute(rule, rule.attribute, content, element)
        return
    inner = content[element.tag_end : element.inner_end]
    if b"<" in inner:
        return  # It has elements in it: its text is not one.
    if rule.old is not None and unescape(inner.decode("utf-8", "replace")).strip() != rule.old:
        return
    new = escape(rule.value).encode()
    if element.is_empty:
        opening = content[element.start : element.tag_end].removesuffix(b"/>").rstrip()
        name = opening[1:].split(None, 1)[0]
        yield Splice(element.start, element.tag_end, opening + b">" + new + b"</" + name + b">")
    elif inner != new:
        yield Splice(element.tag_end, element.inner_end, new)


def _attribute(rule: XmlRule, name: str, content: bytes, element: Element) -> Iterator[Splice]:
    tag = content[element.start : element.tag_end]
    found = re.search(rb"\s" + re.escape(name.encode()) + rb"\s*=\s*(\"[^\"]*\"|'[^']*')", tag)
    new = quoteattr(rule.value).encode()
    if found is None:
        if rule.old is None:
            end = element.tag_end - (2 if tag.endswith(b"/>") else 1)
            yield Splice(end, end, b" " + name.encode() + b"=" + new)
        return
    value = unescape(found[1][1:-1].decode("utf-8", "replace"), {"&quot;": '"', "&apos;": "'"})
    if rule.old in (None, value) and value != rule.value:
        yield Splice(element.start + found.start(1), element.start + found.end(1), new)
