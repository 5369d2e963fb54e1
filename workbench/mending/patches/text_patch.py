"""Text and segments by a rule: literal, and only where the rule says."""

from __future__ import annotations

import re
from collections.abc import Iterator

from canonical.errors import Malformed
from workbench.failures.forms.segments import is_edifact, is_x12, segments, separators
from workbench.mending.patch_rules import SegmentRule, Splice, TextRule, spliced

_LINE = re.compile(rb"[^\r\n]+")


def patch_text(rule: TextRule, content: bytes) -> bytes:
    """The text changed, line by line. Raises Unsupported without a match."""
    old, new, prefix = (text.encode() for text in (rule.old, rule.new, rule.prefix))
    return spliced(content, list(_replaced(content, old, new, prefix)))


def _replaced(content: bytes, old: bytes, new: bytes, prefix: bytes) -> Iterator[Splice]:
    for line in _LINE.finditer(content):
        if not content.startswith(prefix, line.start()):
            continue
        place = content.find(old, line.start(), line.end())
        while place >= 0:
            yield Splice(place, place + len(old), new)
            place = content.find(old, place + len(old), line.end())


def patch_segments(rule: SegmentRule, content: bytes) -> bytes:
    """The interchange changed. Raises Malformed for anything else or a value that would break it.

    The elements of an ISA keep their width.
    """
    if not (is_x12(content) or is_edifact(content)):
        raise Malformed("this is no interchange of segments", code="rule_does_not_fit")
    new = rule.value.encode()
    if any(one in new for one in separators(content)):
        raise Malformed("the value holds a separator", code="bad_rule", path="value")
    return spliced(content, list(_set(rule, content, new)))


def _set(rule: SegmentRule, content: bytes, new: bytes) -> Iterator[Splice]:
    for segment in segments(content):
        if segment.tag != rule.tag:
            continue
        missing = rule.element - len(segment.elements)
        if missing > 0:
            if rule.old in (None, ""):
                element = separators(content)[0]
                yield Splice(segment.end, segment.end, element * missing + new)
            continue
        start, end = segment.elements[rule.element - 1]
        standing = content[start:end]
        fitted = new.ljust(len(standing)) if rule.tag == "ISA" else new
        if rule.old is not None and standing.decode("utf-8", "replace").strip() != rule.old:
            continue
        if standing != fitted:
            yield Splice(start, end, fitted)
