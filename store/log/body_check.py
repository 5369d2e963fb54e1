"""Reads the stored payloads again: are they still the bytes that were received?"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from sqlalchemy import Connection, select

from canonical.errors import GatewayError
from store.intake.bodies import read_part
from store.log.message_log import Fault
from store.statements import not_state
from store.tables import receipts


class BodyCheck(NamedTuple):
    """What a slice of receipts showed."""

    last: int | None
    """The last receipt looked at; None when there was none left."""
    bodies: int
    retained: int
    """Receipts whose bytes retention has dropped."""
    faults: list[Fault]


def check_bodies(connection: Connection, *, after: int, limit: int) -> BodyCheck:
    """Compare the bodies of the receipts behind `after` with their digests, part by part."""
    statement = (
        select(receipts.c.id, receipts.c.digest)
        .where(receipts.c.id > after, not_state(receipts.c.state, "redelivered"))
        .order_by(receipts.c.id)
        .limit(limit)
    )
    found = connection.execute(statement).all()
    codes = [_code(connection, one.id, bytes(one.digest)) for one in found]
    return BodyCheck(
        last=found[-1].id if found else None,
        bodies=len(codes) - codes.count("body_retained"),
        retained=codes.count("body_retained"),
        faults=[
            Fault(code=code, where=f"receipt {one.id}")
            for one, code in zip(found, codes, strict=True)
            if code not in {"", "body_retained"}
        ],
    )


def _code(connection: Connection, receipt_id: int, wanted: bytes) -> str:
    """What is wrong with a receipt's body; empty when nothing is."""
    digest, part = hashlib.sha256(), 0
    try:
        while (content := read_part(connection, receipt_id, part)) is not None:
            digest.update(content)
            part += 1
    except GatewayError as error:
        return error.code
    if part == 0:
        return "body_missing"
    return "" if digest.digest() == wanted else "digest_mismatch"
