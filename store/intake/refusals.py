"""Requests that were turned away: who, when and why, and nothing of what they said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy import Row as Found

from store.records import Refusal
from store.statements import insert_all
from store.tables import refusals
from store.times import micros, moment


def record_refusals(connection: Connection, refused: Sequence[Refusal]) -> None:
    """Note refusals."""
    insert_all(connection, refusals, [asdict(one) | {"at": micros(one.at)} for one in refused])


def recent_refusals(connection: Connection, limit: int) -> list[Refusal]:
    """The last refusals, newest first."""
    found = connection.execute(select(refusals).order_by(refusals.c.id.desc()).limit(limit))
    return [_refusal(one) for one in found]


def _refusal(found: Found[Any]) -> Refusal:
    values = found._asdict()
    return Refusal(**values | {"at": moment(found.at), "body_digest": bytes(found.body_digest)})
