"""The bytes as they came: in parts of at most 1 MiB, so that no size needs memory in one piece."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import lz4.frame
from sqlalchemy import Connection, delete, exists, select

from canonical.errors import GatewayError
from store.retained import BODIES, marked
from store.statements import upsert
from store.tables import raw_payloads, receipts

PART_BYTES = 1 << 20
_WORTH_COMPRESSING = 512


PART = ("receipt_id", "part", "encoding", "body")
Part = tuple[int, int, str, bytes]


def part_values(receipt_id: int, body: bytes) -> Iterator[Part]:
    """The rows of a body, as tuples in the order of `PART`; an empty body is one empty part."""
    for part, start in enumerate(range(0, max(len(body), 1), PART_BYTES)):
        yield _part(receipt_id, part, body[start : start + PART_BYTES])


def _part(receipt_id: int, part: int, body: bytes) -> Part:
    encoding = "identity"
    if len(body) > _WORTH_COMPRESSING:
        packed = lz4.frame.compress(body)
        if len(packed) < len(body):
            encoding, body = "lz4", packed
    return receipt_id, part, encoding, body


def write_part(connection: Connection, receipt_id: int, part: int, body: bytes) -> None:
    """Keep one part (0, 1, …) of a body before its receipt exists; writing it again is harmless."""
    row = dict(zip(PART, _part(receipt_id, part, body), strict=True))
    upsert(connection, raw_payloads, row)


def read_part(connection: Connection, receipt_id: int, part: int) -> bytes | None:
    """One part of a receipt's body, or None past the last.

    A redelivered receipt answers with the bytes of the first, which are the same. Raises
    GatewayError (`body_retained`) instead of the first part where retention has dropped it.
    """
    holder = _holder(connection, receipt_id)
    found = connection.execute(
        select(raw_payloads.c.encoding, raw_payloads.c.body).where(
            raw_payloads.c.receipt_id == holder, raw_payloads.c.part == part
        )
    ).first()
    if found is not None:
        return _unpacked(found.encoding, found.body)
    if part == 0:
        _refuse_retained(connection, holder)
    return None


def read_body(connection: Connection, receipt_id: int) -> bytes:
    """A receipt's whole body.

    Raises GatewayError: `body_retained` when retention has dropped the bytes, `body_missing` when
    there is no such receipt or none of its bytes are left, `digest_mismatch` when they are not the
    bytes that were received.
    """
    holder = _holder(connection, receipt_id)
    parts = connection.execute(
        select(raw_payloads.c.part, raw_payloads.c.encoding, raw_payloads.c.body)
        .where(raw_payloads.c.receipt_id == holder)
        .order_by(raw_payloads.c.part)
    ).all()
    digest = connection.scalar(select(receipts.c.digest).where(receipts.c.id == receipt_id))
    if not parts or parts[0].part:
        _refuse_retained(connection, holder)
    if not parts or digest is None:
        raise GatewayError("the receipt's bytes are not there", code="body_missing")
    body = b"".join([_unpacked(one.encoding, one.body) for one in parts])
    if hashlib.sha256(body).digest() != digest:
        raise GatewayError("the stored bytes are not those received", code="digest_mismatch")
    return body


def drop_orphan_parts(connection: Connection, before_id: int, after_id: int = 0) -> int:
    """Delete parts written ahead for receipts that never came to be; returns how many.

    Only receipt ids between the two are looked at: `before_id` keeps off what is being written
    now (see `ids.first_id_at`).
    """
    known = exists().where(receipts.c.id == raw_payloads.c.receipt_id)
    orphans = delete(raw_payloads).where(
        raw_payloads.c.receipt_id < before_id, raw_payloads.c.receipt_id >= after_id, ~known
    )
    return connection.execute(orphans).rowcount


def _refuse_retained(connection: Connection, receipt_id: int) -> None:
    """Tell bytes that were dropped for their age from bytes that are lost."""
    if receipt_id < marked(connection, BODIES):
        raise GatewayError("the receipt's bytes were dropped for their age", code="body_retained")


def _holder(connection: Connection, receipt_id: int) -> int:
    first = connection.scalar(
        select(receipts.c.first_receipt_id).where(receipts.c.id == receipt_id)
    )
    return receipt_id if first is None else int(first)


def _unpacked(encoding: str, body: bytes) -> bytes:
    if encoding == "identity":
        return bytes(body)
    try:
        unpacked: bytes = lz4.frame.decompress(body)
    except RuntimeError as error:
        raise GatewayError("the stored bytes are damaged", code="digest_mismatch") from error
    return unpacked
