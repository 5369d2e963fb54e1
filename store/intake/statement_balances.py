"""The balances that bank statements reported, for looking at how they chain."""

from __future__ import annotations

from sqlalchemy import Connection, select

from store.tables import messages


def reported_balances(connection: Connection) -> list[str]:
    """The data (JSON) of every new `o2c.bank_balance.reported`, in the order of recording."""
    statement = (
        select(messages.c.data)
        .where(messages.c.type == "o2c.bank_balance.reported", messages.c.verdict == "new")
        .order_by(messages.c.id)
    )
    return [data for data in connection.scalars(statement) if data is not None]
