"""The same hub through the store: facts filed, derived, kept and announced by the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

import orjson
from sqlalchemy import Connection, select

from canonical.families import FACT_OF
from canonical.keys import Key, Version, message_id
from canonical.payload import schema_uri
from domains.contract import NO_RULES_CHANGED, Fact
from domains.engine.announcing import Announcer
from domains.engine.comparing import canonical_json
from domains.engine.filing import file_fact
from domains.engine.settling import Settler
from domains.engine.tables import records
from domains.exceptions.tables import exceptions
from domains.installed import INSTALLED, Installed
from routing.envelope import Envelope
from store.database import Database
from store.ids import IdSource
from tests.domains.hub import CHAIN, MOST_ROUNDS


class StoreHub:
    """All installed domains on one store."""

    def __init__(self, database: Database, now: datetime) -> None:
        self._database = database
        self._now = now
        self._ids = IdSource(worker=5)
        self._told: list[Envelope] = []
        self._settlers = [self._settler(one) for one in INSTALLED.values()]
        self._announcers = [
            Announcer(domain=name, database=database, hand_in=self._hand_in) for name in INSTALLED
        ]

    async def deliver(self, facts: Iterable[Fact]) -> None:
        """Let all domains have these facts, and go on until none has anything new to say."""
        self._told = [_envelope(one) for one in facts]
        for _ in range(MOST_ROUNDS):
            if not self._told:
                return
            told, self._told = self._told, []
            await self._database.write(partial(self._file, told))
            for settler in self._settlers:
                while await settler.settle(self._now):
                    pass
            for announcer in self._announcers:
                while await announcer.announce():
                    pass
        raise AssertionError("the domains never agree with each other")

    async def end_state(self) -> Mapping[str, Any]:
        """Records and open exceptions of each domain."""
        return await self._database.read(_read)

    def _settler(self, installed: Installed) -> Settler:
        return Settler(
            domain=installed.domain,
            tables=installed.tables,
            rules=NO_RULES_CHANGED,
            database=self._database,
            owner="month",
            ids=self._ids,
        )

    def _file(self, told: Iterable[Envelope], connection: Connection) -> None:
        for one in told:
            for installed in INSTALLED.values():
                if one.type in installed.domain.listens:
                    file_fact(connection, installed.domain, one, self._ids, one.time)

    async def _hand_in(self, domain: str, body: bytes) -> None:
        said = orjson.loads(body)
        kind, revision = said["type"], said["revision"]
        key = Key.of("chain", domain, kind, said["subject"], revision)
        data = FACT_OF[kind].model_validate(said["data"])
        self._told.append(
            Envelope(
                id=message_id(key.digest),
                source=f"{CHAIN}{domain}",
                type=kind,
                subject=said["subject"],
                time=datetime.fromisoformat(said["occurred_at"]),
                dataschema=schema_uri(type(data)),
                idempotencykey=key.text,
                correlationid=said["correlation"],
                causationid="rcp_0000000000000",
                partitionkey=said["correlation"],
                data=data.json_data(),
                entityversion=Version.number(revision).text,
            )
        )


def _envelope(fact: Fact) -> Envelope:
    return Envelope(
        id=fact.id,
        source=fact.source,
        type=fact.type,
        subject=fact.key,
        time=fact.occurred_at,
        dataschema=schema_uri(type(fact.data)),
        idempotencykey=fact.key,
        correlationid=fact.correlation,
        causationid=fact.receipt,
        partitionkey=fact.correlation,
        data=fact.data.json_data(),
        entityversion=fact.version,
    )


def _read(connection: Connection) -> Mapping[str, Any]:
    found: dict[str, Any] = {name: {"records": {}, "findings": set()} for name in sorted(INSTALLED)}
    for one in connection.execute(select(records)):
        shown = (one.kind, one.label, one.status, canonical_json(orjson.loads(one.state)))
        found[one.domain]["records"][one.key] = shown
    open_now = select(exceptions).where(exceptions.c.state == "open")
    for one in connection.execute(open_now):
        found[one.domain]["findings"].add(one.finding_key)
    return found
