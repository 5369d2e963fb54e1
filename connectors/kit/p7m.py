"""Signed envelopes (`.p7m`): the content of a CMS SignedData; the signature is not verified.

The envelope may be BER or DER, raw, as base64 text or as PEM, and envelopes may lie in one
another. RFC 5652 (Cryptographic Message Syntax), ITU-T X.690 (BER and DER), RFC 7468 (PEM).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from canonical.errors import Malformed, TooLarge

MAX_LAYERS = 5
"""Text encodings and envelopes around one content; double base64 of an envelope is three."""
MAX_CONTENT_BYTES = 32 * 1024 * 1024
MAX_PARTS = 200_000
"""Elements that are looked at; writers of segments use about a thousand bytes a segment."""
MAX_DEPTH = 16

_SEQUENCE, _SET, _OID, _INTEGER, _OCTETS, _OCTETS_IN_PARTS = 0x30, 0x31, 0x06, 0x02, 0x04, 0x24
_CONTEXT_0 = 0xA0
_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_SIGNED_DATA_START = bytes((_OID, len(_SIGNED_DATA))) + _SIGNED_DATA
_PEM_LABELS = (b"PKCS7", b"CMS", b"PKCS #7 SIGNED DATA")
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9# ]{1,30})-----")
_BASE64_TEXT = re.compile(rb"[A-Za-z0-9+/=\s]+")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_HEAD = 160


def is_enveloped(start: bytes) -> bool:
    """Whether a payload that starts so (160 bytes are enough) is a signed envelope."""
    return _opener_of(start) is not None


def unwrap(body: bytes, *, max_bytes: int = MAX_CONTENT_BYTES) -> bytes:
    """The content inside all envelopes; a body that is none comes back as it is.

    Raises Malformed: `truncated`, `bad_envelope` for what is no BER or no SignedData,
    `bad_base64`, `detached_signature` for an envelope without content, `too_many_envelopes`;
    TooLarge for content over `max_bytes`. An envelope is read to its end before its content is
    given out.
    """
    for _ in range(MAX_LAYERS):
        opener = _opener_of(body)
        if opener is None:
            return body
        body = opener(body)
        if len(body) > max_bytes:
            raise TooLarge(f"the signed content has {len(body)} bytes")
    if is_enveloped(body):
        raise Malformed("too many envelopes in one another", code="too_many_envelopes")
    return body


def _opener_of(body: bytes, depth: int = 0) -> Callable[[bytes], bytes] | None:
    start = body[:_HEAD].removeprefix(_BYTE_ORDER_MARK).lstrip(_SPACE)
    if start[:1] == bytes((_SEQUENCE,)) and _SIGNED_DATA_START in start[:20]:
        return _content
    label = _PEM.match(start)
    if label and label.group(1) in _PEM_LABELS:
        return _from_pem
    if depth < MAX_LAYERS and _BASE64_TEXT.fullmatch(start):
        packed = start.translate(None, _SPACE)
        try:
            inner = base64.b64decode(packed[: len(packed) // 4 * 4], validate=True)
        except binascii.Error:
            return None
        return _from_base64 if _opener_of(inner, depth + 1) else None
    return None


def _from_pem(body: bytes) -> bytes:
    _, _, rest = body.partition(b"-----BEGIN ")
    packed, end, _ = rest.partition(b"-----")[2].partition(b"-----END ")
    if not end:
        raise Malformed("the envelope has no end", code="truncated")
    return _from_base64(packed)


def _from_base64(body: bytes) -> bytes:
    packed = body.removeprefix(_BYTE_ORDER_MARK).translate(None, _SPACE)
    if len(packed) % 4:
        raise Malformed("the base64 text breaks off", code="truncated")
    try:
        return base64.b64decode(packed, validate=True)
    except binascii.Error:
        raise Malformed("not readable as base64", code="bad_base64") from None


def _content(body: bytes) -> bytes:
    ber = _Ber(body.removeprefix(_BYTE_ORDER_MARK).lstrip(_SPACE))
    info = ber.part(0, len(ber.data), _SEQUENCE)
    # The whole envelope first: half a delivery has no content, wherever it broke off.
    if ber.data[ber.behind(info) :].strip(_SPACE + b"\0"):
        raise _bad("something stands behind the envelope")
    kind = ber.part(info.start, info.limit, _OID)
    if ber.octets(kind) != _SIGNED_DATA:
        raise _bad("not signed data")
    wrapper = ber.part(ber.behind(kind), info.limit, _CONTEXT_0)
    signed = ber.part(wrapper.start, wrapper.limit, _SEQUENCE)
    at = signed.start
    for tag in (_INTEGER, _SET):  # version, digestAlgorithms
        at = ber.behind(ber.part(at, signed.limit, tag))
    inside = ber.part(at, signed.limit, _SEQUENCE)
    at = ber.behind(ber.part(inside.start, inside.limit, _OID))
    if ber.is_over(inside, at):
        raise Malformed("the signed content is not in the envelope", code="detached_signature")
    wrapper = ber.part(at, inside.limit, _CONTEXT_0)
    return b"".join(ber.segments(ber.part(wrapper.start, wrapper.limit)))


@dataclass(frozen=True, slots=True)
class _Part:
    """One element; the positions are those of its content."""

    tag: int
    start: int
    end: int | None
    """None: of indefinite length, up to two zero octets."""
    limit: int
    """What its content may reach at most."""


class _Ber:
    """Reads elements at positions, within the element around them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._seen = 0

    def part(self, at: int, limit: int, tag: int | None = None) -> _Part:
        """The element at a position, of the given tag. Raises Malformed."""
        self._seen += 1
        if self._seen > MAX_PARTS:
            raise _bad("the envelope has too many parts")
        self._need(at + 2, limit)
        found, length = self.data[at], self.data[at + 1]
        if found & 0x1F == 0x1F or found == 0 or tag not in (None, found):
            raise _bad("the envelope is not built as it should be")
        start = at + 2
        if length == 0x80 and found & 0x20:
            return _Part(found, start, None, limit)
        if length >= 0x80:
            start, length = self._long_length(start, length & 0x7F, limit)
        self._need(start + length, limit)
        return _Part(found, start, start + length, start + length)

    def is_over(self, part: _Part, at: int) -> bool:
        """Whether a position is the end of an element's content."""
        if part.end is not None:
            return at >= part.end
        return self.data[at : min(at + 2, part.limit)] == b"\0\0"

    def behind(self, part: _Part, depth: int = 0) -> int:
        """The position behind an element."""
        if part.end is not None:
            return part.end
        if depth > MAX_DEPTH:
            raise _bad("the envelope is nested too deeply")
        at = part.start
        while not self.is_over(part, at):
            at = self.behind(self.part(at, part.limit), depth + 1)
        return at + 2

    def octets(self, part: _Part) -> bytes:
        """The content of an element of definite length."""
        return self.data[part.start : part.end] if part.end is not None else b""

    def segments(self, part: _Part, depth: int = 0) -> Iterator[bytes]:
        """The content of an octet string, in one piece or in many."""
        if part.tag == _OCTETS:
            yield self.octets(part)
        elif part.tag == _OCTETS_IN_PARTS:
            if depth > MAX_DEPTH:
                raise _bad("the envelope is nested too deeply")
            at = part.start
            while not self.is_over(part, at):
                child = self.part(at, part.limit)
                yield from self.segments(child, depth + 1)
                at = self.behind(child, depth + 1)
        else:
            raise _bad("the signed content is no octet string")

    def _long_length(self, at: int, count: int, limit: int) -> tuple[int, int]:
        if not 1 <= count <= 4:
            raise _bad("a length in the envelope is not readable")
        self._need(at + count, limit)
        return at + count, int.from_bytes(self.data[at : at + count], "big")

    def _need(self, end: int, limit: int) -> None:
        if end <= limit:
            return
        if limit == len(self.data):
            raise Malformed("the envelope ends in the middle", code="truncated")
        raise _bad("a part of the envelope reaches beyond the one around it")


def _bad(message: str) -> Malformed:
    return Malformed(message, code="bad_envelope")
