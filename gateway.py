"""Composition root and command line: the only place that builds stores, servers and clients."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from canonical.errors import GatewayError

if TYPE_CHECKING:
    from configuration import Configuration
    from routing.accounts import Accounts
    from routing.pipeline import Pipeline
    from routing.streams import Publisher
    from store.database import Database

T = TypeVar("T")

cli = typer.Typer(
    no_args_is_help=True, add_completion=False, help="The order-to-cash connector gateway."
)
connectors_cli = typer.Typer(no_args_is_help=True, help="The connectors this gateway has.")
dead_cli = typer.Typer(no_args_is_help=True, help="Dead letters: what keeps failing.")
cli.add_typer(connectors_cli, name="connectors")
cli.add_typer(dead_cli, name="dead")

Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


# ── composition ──────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Setting:
    """Where this run's configuration comes from."""

    file: Path | None = None
    data: Path | None = None

    @property
    def base(self) -> Path:
        """The folder that relative paths of the configuration start from."""
        return self.file.resolve().parent if self.file else Path.cwd()

    @property
    def environment(self) -> dict[str, str]:
        """The environment, with the command line over it."""
        over = {"GATEWAY_DATA": str(self.data.resolve())} if self.data else {}
        return {**os.environ, **over}

    def read(self) -> Configuration:
        """Raises Malformed naming every fault of the configuration."""
        from configuration import read_configuration

        return read_configuration(self.file, self.environment)


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

    return build(configuration.accounts, registry.load, setting.environment, setting.base)


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
            yield Publisher(connection)
        finally:
            await connection.aclose()


@asynccontextmanager
async def open_hub(
    configuration: Configuration, accounts: Accounts, *, alone: bool
) -> AsyncIterator[Hub]:
    """Store, streams and a working pipeline. `alone`: nobody else serves this store."""
    from routing.pipeline import Pipeline, PipelineSettings
    from routing.router import Router

    spool = configuration.data / "spool"
    spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with open_store(configuration) as database, open_publisher(configuration) as publisher:
        pipeline = Pipeline(
            database,
            accounts,
            Router(configuration.routes),
            publisher,
            spool_folder=spool,
            settings=PipelineSettings(max_waiting=configuration.limits.max_waiting_requests),
        )
        await pipeline.start(alone=alone)
        try:
            yield Hub(
                configuration=configuration,
                database=database,
                accounts=accounts,
                publisher=publisher,
                pipeline=pipeline,
            )
        finally:
            await pipeline.stop()


def with_store(setting: Setting, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """Run something over the store alone."""

    async def run() -> T:
        async with open_store(setting.read()) as database:
            return await work(database)

    return asyncio.run(run())


# ── commands ─────────────────────────────────────────────────────────────────────────────────────


@cli.callback()
def _root(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(envvar="GATEWAY_CONFIG", help="gateway.toml; default: ./gateway.toml"),
    ] = None,
) -> None:
    default = Path("gateway.toml")
    context.obj = Setting(file=config or (default if default.is_file() else None))


def setting_of(context: typer.Context, data: Path | None = None) -> Setting:
    """The setting the root command prepared."""
    setting: Setting = context.obj
    if data:
        setting.data = data
    return setting


Data = Annotated[Path | None, typer.Option(help="The data folder (store and embedded streams).")]


@cli.command()
def run(
    context: typer.Context,
    host: Annotated[str | None, typer.Option()] = None,
    port: Annotated[int | None, typer.Option()] = None,
    data: Data = None,
) -> None:
    """Serve: receive, normalise, deduplicate, route, publish."""
    from transports.running import run_gateway
    from workbench.logs import configure_logs

    configure_logs()
    setting = setting_of(context, data)
    configuration = setting.read()
    accounts = build_accounts(setting, configuration)
    asyncio.run(
        run_gateway(
            configuration,
            accounts,
            open_hub,
            host=host or configuration.http.host,
            port=configuration.http.port if port is None else port,
            version=version("o2c-gateway"),
        )
    )


@cli.command()
def demo(
    exit_: Annotated[
        bool, typer.Option("--exit", help="End by itself; exit 0 if the audit balances.")
    ] = False,
    port: Annotated[int, typer.Option()] = 8080,
    data: Data = None,
) -> None:
    """A believable morning of traffic through the real doors, on an embedded hub."""
    from demo.story import tell

    number = version("o2c-gateway")
    raise typer.Exit(asyncio.run(tell(open_hub, data=data, port=port, leave=exit_, version=number)))


@cli.command()
def check(context: typer.Context) -> None:
    """Say what is wrong with the configuration, line by line."""
    from connectors import registry
    from routing.check import check_configuration

    setting = setting_of(context)
    text = setting.file.read_text(encoding="utf-8") if setting.file else ""
    findings = check_configuration(text, setting.environment, setting.base, registry.load)
    name = setting.file or "(no gateway.toml: defaults)"
    for one in findings:
        typer.echo(
            f"{name}:{one.line}: {one.severity}: {one.path}: {one.message}".replace(": : ", ": ")
        )
    errors = sum(one.severity == "error" for one in findings)
    typer.echo(f"{name}: {errors} errors, {len(findings) - errors} warnings")
    raise typer.Exit(1 if errors else 0)


@cli.command()
def translate(
    connector: str,
    files: list[Path],
    headers: Annotated[Path | None, typer.Option(help="A JSON object of request headers.")] = None,
    account: Annotated[
        str, typer.Option(help="The account the payloads would belong to.")
    ] = "example",
    as_json: Json = False,
) -> None:
    """What these payloads would become; stores nothing."""
    from workbench.translating import translate_files

    raise typer.Exit(translate_files(connector, files, headers, account, as_json=as_json))


@cli.command()
def receive(
    context: typer.Context,
    file: Path,
    connector: Annotated[str, typer.Option()],
    account: Annotated[str, typer.Option()],
    data: Data = None,
) -> None:
    """Take a file in as if it had been dropped into the account's folder."""
    from workbench.receiving import receive_file

    setting = setting_of(context, data)
    configuration = setting.read()
    accounts = build_accounts(setting, configuration)
    target = accounts.get(connector, account)
    raise typer.Exit(asyncio.run(receive_file(configuration, accounts, open_hub, file, target)))


@cli.command()
def tail(
    context: typer.Context,
    stream: str,
    start: Annotated[str, typer.Option("--from", help="$ new ones, 0 all, or an entry id.")] = "$",
    follow: Annotated[bool, typer.Option(help="Wait for more.")] = True,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Print a stream's messages as they come."""
    from workbench.tailing import print_stream

    configuration = setting_of(context, data).read()
    asyncio.run(
        print_stream(
            configuration, open_publisher, stream, start=start, follow=follow, as_json=as_json
        )
    )


@cli.command()
def trace(context: typer.Context, reference: str, as_json: Json = False, data: Data = None) -> None:
    """Everything about a receipt, key, message id or business reference, in order of time."""
    from workbench.tracing import print_trace

    found = with_store(
        setting_of(context, data), lambda store: print_trace(store, reference, as_json=as_json)
    )
    raise typer.Exit(0 if found else 1)


@cli.command()
def audit(context: typer.Context, as_json: Json = False, data: Data = None) -> None:
    """Count both sides of the promises; exit 1 when they do not balance."""
    from workbench.auditing import print_audit

    balanced = with_store(
        setting_of(context, data), lambda store: print_audit(store, as_json=as_json)
    )
    raise typer.Exit(0 if balanced else 1)


@cli.command()
def statements(context: typer.Context, as_json: Json = False, data: Data = None) -> None:
    """Bank statements by account: balances that do not chain, numbers that are missing."""
    from workbench.statements import print_statements

    whole = with_store(
        setting_of(context, data), lambda store: print_statements(store, as_json=as_json)
    )
    raise typer.Exit(0 if whole else 1)


@connectors_cli.command("list")
def connectors_list(as_json: Json = False) -> None:
    """The connectors this gateway has."""
    from workbench.connecting import print_connectors

    print_connectors(as_json=as_json)


@connectors_cli.command("new")
def connectors_new(
    name: str,
    family: Annotated[str, typer.Option(help="marketplace, payment, bank, wms, carrier …")] = "any",
) -> None:
    """Write a connector's folder that passes the conformance suite."""
    from connectors.scaffold import scaffold

    for path in scaffold(name, family=family):
        typer.echo(path)


@connectors_cli.command("golden")
def connectors_golden(
    name: str, force: Annotated[bool, typer.Option(help="Overwrite.")] = False
) -> None:
    """Write the expected results beside a connector's fixtures; read them before you commit."""
    from connectors.goldens import write_goldens

    for path in write_goldens(name, force=force):
        typer.echo(path)


@dead_cli.command("list")
def dead_list(
    context: typer.Context,
    state: Annotated[str, typer.Option(help="open, replayed, resolved, discarded.")] = "open",
    connector: Annotated[str | None, typer.Option()] = None,
    code: Annotated[str | None, typer.Option()] = None,
    limit: Annotated[int, typer.Option()] = 50,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """What failed, newest first."""
    from workbench.dead import print_dead

    with_store(
        setting_of(context, data),
        lambda store: print_dead(
            store, state=state, connector=connector, code=code, limit=limit, as_json=as_json
        ),
    )


@dead_cli.command("show")
def dead_show(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID")],
    as_json: Json = False,
    data: Data = None,
) -> None:
    """One failure, with the bytes it is about."""
    from workbench.dead import print_dead_letter

    with_store(
        setting_of(context, data), lambda store: print_dead_letter(store, id_, as_json=as_json)
    )


@dead_cli.command("replay")
def dead_replay(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID…")],
    data: Data = None,
) -> None:
    """Translate again with today's connector; a fact already published is not published twice."""
    from workbench.replaying import replay

    setting = setting_of(context, data)
    configuration = setting.read()
    accounts = build_accounts(setting, configuration)
    raise typer.Exit(asyncio.run(replay(configuration, accounts, open_hub, ids)))


@dead_cli.command("discard")
def dead_discard(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID…")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with your name.")],
    data: Data = None,
) -> None:
    """Close failures for good, by name and with a reason."""
    from workbench.dead import discard

    left = with_store(setting_of(context, data), lambda store: discard(store, ids, reason))
    raise typer.Exit(left)


def main() -> None:
    """Entry point: one clear line for every foreseen error, never a traceback for it."""
    try:
        cli()
    except GatewayError as error:
        typer.echo(f"gateway: {error} [{error.code}]", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
