"""The baseline's web application: `python -m benchmarks.baseline.app STORE_URL STREAMS_URL`.

A request is checked and stored by the ORM in a commit of its own and answered; a background task
then writes the canonical message in a second one and appends it to the stream.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from fastapi import BackgroundTasks, FastAPI, Header, HTTPException, Request
from pydantic import BaseModel
from redis.asyncio import Redis
from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker
from starlette.concurrency import run_in_threadpool

from benchmarks.baseline.models import ShopOrder, canonical
from benchmarks.baseline.tables import Base, InboxRow, MessageRow
from benchmarks.echo import serve
from benchmarks.payloads import SECRET

STREAM = "baseline.order"

T = TypeVar("T")


class Unit(Protocol):
    """Runs work in a session of its own and commits it."""

    async def __call__(self, work: Callable[[Session], T]) -> T: ...


class Receipt(BaseModel):
    """What a sender hears."""

    receipt: int
    received_at: datetime


def sqlite_unit(url: str) -> Unit:
    """Sessions in threads, one at a time: SQLite has one writer."""
    engine = create_engine(url)

    @event.listens_for(engine, "connect")
    def _(connection: Any, __: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")

    Base.metadata.create_all(engine)
    sessions = sessionmaker(engine, expire_on_commit=False)
    one_writer = asyncio.Lock()

    def run(work: Callable[[Session], T]) -> T:
        with sessions.begin() as session:
            return work(session)

    async def unit(work: Callable[[Session], T]) -> T:
        async with one_writer:
            return await run_in_threadpool(run, work)

    return unit


async def postgresql_unit(url: str) -> Unit:
    """Asynchronous sessions over asyncpg."""
    engine = create_async_engine(
        make_url(url).set(drivername="postgresql+asyncpg"), pool_size=20, max_overflow=20
    )
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    sessions: async_sessionmaker[AsyncSession] = async_sessionmaker(engine, expire_on_commit=False)

    async def unit(work: Callable[[Session], T]) -> T:
        async with sessions.begin() as session:
            return await session.run_sync(work)

    return unit


def build(store_url: str, streams_url: str) -> FastAPI:
    """The application."""
    state: dict[str, Any] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        is_sqlite = store_url.startswith("sqlite")
        state["unit"] = sqlite_unit(store_url) if is_sqlite else await postgresql_unit(store_url)
        state["redis"] = Redis.from_url(streams_url)
        yield
        await state["redis"].aclose()

    app = FastAPI(lifespan=lifespan)

    @app.post("/in/{connector}/{account}")
    async def receive(  # noqa: PLR0917 - FastAPI fills them by name
        connector: str,
        account: str,
        request: Request,
        background: BackgroundTasks,
        x_shopify_hmac_sha256: str = Header(),
        x_shopify_event_id: str = Header(),
    ) -> Receipt:
        body = await request.body()
        wanted = base64.b64encode(hmac.digest(SECRET, body, "sha256")).decode()
        if not hmac.compare_digest(wanted, x_shopify_hmac_sha256):
            raise HTTPException(401, "bad signature")
        row = InboxRow(
            connector=connector,
            account=account,
            delivery_key=x_shopify_event_id,
            received_at=datetime.now(UTC),
            headers=dict(request.headers),
            body=body,
        )
        try:
            await state["unit"](lambda session: _store(session, row))
        except IntegrityError:
            raise HTTPException(409, "seen before") from None
        background.add_task(normalise, state["unit"], state["redis"], row)
        return Receipt(receipt=row.id, received_at=row.received_at)

    return app


async def normalise(unit: Unit, redis: Redis, delivery: InboxRow) -> None:
    """The canonical message: stored, then published."""
    order = canonical(ShopOrder.model_validate_json(delivery.body))
    row = MessageRow(
        inbox_id=delivery.id,
        key=f"order:{order.order_id}:{order.updated_at.isoformat()}",
        type="order.placed",
        subject=f"order/{order.order_id}",
        data=order.model_dump_json(),
        created_at=datetime.now(UTC),
    )
    await unit(lambda session: _store(session, row))
    await redis.xadd(
        STREAM,
        {"id": row.id, "key": row.key, "type": row.type, "subject": row.subject, "data": row.data},
    )


def _store(session: Session, row: Base) -> None:
    session.add(row)
    session.flush()


if __name__ == "__main__":
    serve(build(sys.argv[1], sys.argv[2]))
