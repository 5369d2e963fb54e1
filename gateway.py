"""Composition root: the only place that builds stores, servers and clients."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import typer

from canonical.errors import GatewayError
from commands import Root, Setting, build_cli

if TYPE_CHECKING:
    from configuration import Configuration
    from routing.accounts import Accounts
    from routing.pipeline import Pipeline, PipelineSettings
    from routing.streams import Publisher
    from store.database import Database
    from workbench.mending.campaign_loop import Campaigns


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A whole gateway, opened."""

    configuration: Configuration
    database: Database
    accounts: Accounts
    publisher: Publisher
    pipeline: Pipeline


def build_accounts(setting: Setting, configuration: Configuration) -> Accounts:
    """The configured accounts with their connectors and secrets."""
    from connectors import registry
    from routing.accounts import build_accounts as build

    return build(
        configuration.accounts,
        registry.load,
        setting.environment,
        setting.base,
        domains=configuration.domains.run,
    )


@asynccontextmanager
async def open_store(configuration: Configuration) -> AsyncIterator[Database]:
    """The store alone, migrated."""
    from store.database import open_database

    configuration.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = await open_database(configuration.store_url)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def open_publisher(configuration: Configuration) -> AsyncIterator[Publisher]:
    """The streams: a configured server, or an embedded one in the data folder."""
    from embedded.server import stream_server
    from routing.streams import Publisher, client

    configuration.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with stream_server(configuration.streams.url, configuration.data) as server:
        connection = client(server.url)
        try:
            yield Publisher(connection, url=server.url)
        finally:
            await connection.aclose()


@asynccontextmanager
async def open_hub(
    configuration: Configuration, accounts: Accounts, *, alone: bool
) -> AsyncIterator[Hub]:
    """Store, streams and a working pipeline. `alone`: nobody else serves this store."""
    from configuration import Role
    from embedded.spool import own_folder
    from routing.keeping import kept_streams
    from routing.pipeline import Pipeline, process_name
    from routing.router import Router
    from routing.stream_metrics import StreamMetrics

    owner, stream_metrics = process_name(), StreamMetrics()
    async with (
        open_store(configuration) as database,
        open_publisher(configuration) as publisher,
        kept_streams(
            database,
            publisher.redis,
            configuration.routes,
            owner=owner,
            metrics=stream_metrics,
            refill=configuration.streams.refill,
            max_entries=configuration.streams.max_entries,
            publishes=Role.RELAY in configuration.roles,
        ) as streams,
    ):
        with own_folder(configuration.data / "spool") as spool:
            pipeline = Pipeline(
                database,
                accounts,
                Router(configuration.routes),
                streams,
                spool_folder=spool,
                settings=pipeline_settings(configuration),
                owner=owner,
            )
            streams.settle_first(pipeline.relay.mark_appended)
            stream_metrics.show_in(pipeline.metrics.registry)
            await pipeline.start(alone=alone)
            campaigns = campaigns_of(pipeline, configuration)
            try:
                if Role.WORKER in configuration.roles:
                    await campaigns.start()
                yield Hub(
                    configuration=configuration,
                    database=database,
                    accounts=accounts,
                    publisher=publisher,
                    pipeline=pipeline,
                )
            finally:
                await campaigns.stop()
                await pipeline.stop()


def campaigns_of(pipeline: Pipeline, configuration: Configuration) -> Campaigns:
    """What takes campaigns and reprocessings further beside the pipeline."""
    from routing.router import Router
    from workbench.bench import Bench
    from workbench.mending.campaign_loop import Campaigns

    bench = Bench(
        database=pipeline.database,
        accounts=pipeline.accounts,
        router=Router(configuration.routes),
        ids=pipeline.ids,
        wake=pipeline.worker.wake,
    )
    return Campaigns(bench, owner=pipeline.owner)


def pipeline_settings(configuration: Configuration) -> PipelineSettings:
    """The part of the configuration that a pipeline is told."""
    from routing.pipeline import PipelineSettings

    limits = configuration.limits
    return PipelineSettings(
        roles=configuration.roles,
        max_waiting=limits.max_waiting_requests,
        lease=timedelta(seconds=limits.lease_seconds),
        sweep_s=configuration.sweep_seconds,
    )


def main() -> None:
    """Entry point: one clear line for every foreseen error, never a traceback for it."""
    root = Root(
        open_store=open_store,
        open_publisher=open_publisher,
        open_hub=open_hub,
        build_accounts=build_accounts,
    )
    try:
        build_cli(root)()
    except GatewayError as error:
        typer.echo(f"gateway: {error} [{error.code}]", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
