"""Signed envelopes: what is inside comes out whole, or not at all."""

from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canonical.errors import GatewayError, Malformed, TooLarge
from connectors.kit.p7m import is_enveloped, unwrap

DATA = bytes.fromhex("06092a864886f70d010701")
SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
ENVELOPED_DATA = bytes.fromhex("06092a864886f70d010703")
VERSION = b"\x02\x01\x01"
CONTENT = b"<?xml version='1.0'?><a>" + b"x" * 300 + b"</a>"


def definite(tag: int, *parts: bytes) -> bytes:
    inner = b"".join(parts)
    if len(inner) < 0x80:
        return bytes((tag, len(inner))) + inner
    octets = len(inner).to_bytes((len(inner).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + inner


def indefinite(tag: int, *parts: bytes) -> bytes:
    return bytes((tag, 0x80)) + b"".join(parts) + b"\0\0"


Builder = Callable[..., bytes]


def envelope(
    content: bytes | None, *, wrap: Builder = definite, kind: bytes = SIGNED_DATA, eci: bytes = b""
) -> bytes:
    """A SignedData around an encoded octet string (None: detached), with a signer after it."""
    octets = [wrap(0xA0, content)] if content is not None else []
    inside = wrap(0x30, DATA, *octets, eci)
    algorithms, signers = definite(0x31), definite(0x31, definite(0x30, VERSION))
    return wrap(0x30, kind, wrap(0xA0, wrap(0x30, VERSION, algorithms, inside, signers)))


def octets(content: bytes) -> bytes:
    return definite(0x04, content)


def in_parts(content: bytes, size: int, wrap: Builder = indefinite) -> bytes:
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    return wrap(0x24, *map(octets, pieces))


DER = envelope(octets(CONTENT))
BER = envelope(in_parts(CONTENT, 100), wrap=indefinite)


def pem(body: bytes, label: str = "PKCS7") -> bytes:
    text = base64.encodebytes(body).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n".encode()


def code_of(body: bytes) -> str:
    with pytest.raises(Malformed) as caught:
        unwrap(body)
    return caught.value.code


@pytest.mark.parametrize(
    "body",
    [
        DER,
        BER,
        envelope(in_parts(CONTENT, 7, definite)),
        envelope(indefinite(0x24, in_parts(CONTENT, 50), octets(b""))),
        base64.b64encode(DER),
        base64.encodebytes(BER),
        base64.b64encode(DER).replace(b"A", b"A\r\n"),
        base64.b64encode(base64.b64encode(DER)),
        b"\xef\xbb\xbf" + base64.b64encode(DER),
        pem(DER),
        pem(BER, "CMS"),
        envelope(octets(DER)),
        envelope(octets(base64.b64encode(envelope(octets(DER))))),
        DER + b"\r\n",
    ],
)
def test_the_content_comes_out_of_every_kind_of_envelope(body: bytes) -> None:
    assert is_enveloped(body)
    assert unwrap(body) == CONTENT


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a/>",
        CONTENT,
        b"0123456789",
        b"MIIAAAAA",
        b"QUJD" * 100,
        envelope(octets(CONTENT), kind=ENVELOPED_DATA),
        b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        b"%PDF-1.7",
    ],
)
def test_what_is_no_envelope_comes_back_as_it_is(body: bytes) -> None:
    assert not is_enveloped(body)
    assert unwrap(body) is body


def test_an_empty_content_is_a_content() -> None:
    assert unwrap(envelope(octets(b""))) == b""


@pytest.mark.parametrize("body", [DER, BER, base64.b64encode(DER), pem(BER)])
def test_half_an_envelope_has_no_content(body: bytes) -> None:
    for end in range(60, len(body.rstrip()) - 30):
        assert code_of(body[:end]) == "truncated"


def test_a_ber_envelope_that_lacks_only_its_end_is_truncated() -> None:
    assert code_of(BER[:-1]) == "truncated"
    assert code_of(BER[:-2]) == "truncated"


def test_a_signature_apart_from_its_content_is_told() -> None:
    assert code_of(envelope(None)) == "detached_signature"
    assert code_of(envelope(None, wrap=indefinite)) == "detached_signature"


@pytest.mark.parametrize(
    "body",
    [
        DER + b"more",
        envelope(definite(0x0C, b"text")),
        envelope(definite(0x24, definite(0x0C, b"text"))),
        definite(0x30, SIGNED_DATA, definite(0xA1, b"")),
        definite(0x30, SIGNED_DATA, definite(0xA0, definite(0x30, DATA))),
        # A length that reaches out of the element around it, and ones that are not readable.
        definite(0x30, SIGNED_DATA, b"\xa0\x02\x30\x7f") + b"\0" * 200,
        definite(0x30, SIGNED_DATA, b"\xa0\x85\1\1\1\1\1") + b"\0" * 200,
        definite(0x30, SIGNED_DATA, b"\x84\x80") + b"\0" * 200,
        definite(0x30, SIGNED_DATA, b"\xbf\x81\x01\x00") + b"\0" * 200,
    ],
)
def test_what_is_not_built_like_one_is_refused(body: bytes) -> None:
    assert code_of(body) in {"bad_envelope", "truncated"}


def test_base64_with_other_characters_is_told() -> None:
    packed = base64.b64encode(DER)
    assert code_of(packed[:200] + b"!!!!" + packed[204:]) == "bad_base64"


def test_depth_parts_layers_and_size_are_bounded() -> None:
    deep = octets(b"x")
    for _ in range(40):
        deep = indefinite(0x24, deep)
    assert code_of(envelope(deep)) == "bad_envelope"
    assert code_of(envelope(definite(0x24, octets(b"") * 200_001))) == "bad_envelope"
    body = CONTENT
    for _ in range(6):
        body = envelope(octets(body))
    assert code_of(body) == "too_many_envelopes"
    with pytest.raises(TooLarge):
        unwrap(DER, max_bytes=100)


@given(content=st.binary(max_size=400), size=st.integers(1, 150), text=st.integers(0, 2))
def test_whatever_is_signed_comes_out_byte_for_byte(content: bytes, size: int, text: int) -> None:
    content = b"<" + content  # Markup, so that the content itself is no envelope.
    body = envelope(in_parts(content, size), wrap=indefinite)
    for _ in range(text):
        body = base64.b64encode(body)
    assert unwrap(body) == content


@given(
    body=st.sampled_from([DER, BER, base64.b64encode(DER), pem(DER)]),
    at=st.integers(0, 10_000),
    other=st.binary(min_size=1, max_size=4),
)
def test_damage_is_an_error_of_ours_or_harmless(body: bytes, at: int, other: bytes) -> None:
    place = at % len(body)
    with suppress(GatewayError):
        unwrap(body[:place] + other + body[place + len(other) :])


@given(st.binary(max_size=300))
def test_any_bytes_give_an_error_of_ours_or_themselves(tail: bytes) -> None:
    for body in (tail, DER[:17] + tail, b"\x30\x80" + SIGNED_DATA + tail):
        with suppress(GatewayError):
            unwrap(body)
