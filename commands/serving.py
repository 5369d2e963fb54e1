"""`gateway run | demo | check`: serving, showing, and looking before one leaps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from importlib.metadata import version
from importlib.util import find_spec
from typing import Annotated, Any

import typer

from commands.setting import Data, setting_of

cli = typer.Typer(no_args_is_help=True)


@cli.command()
def run(
    context: typer.Context,
    host: Annotated[str | None, typer.Option()] = None,
    port: Annotated[int | None, typer.Option()] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(help="ingest, worker or relay; repeat it for several. Default: all."),
    ] = None,
    data: Data = None,
) -> None:
    """Serve: receive, normalise, deduplicate, route, publish."""
    from configuration import Role
    from transports.running import run_gateway
    from workbench.logs import configure_logs
    from workbench.loops import workbench_loops
    from workbench.web.app import hub_workbench
    from workbench.web.greeting import greet_first_admin

    configure_logs()
    setting = setting_of(context, data)
    configuration = setting.read_served(role or ())
    http = configuration.http
    default_port = http.port if Role.INGEST in configuration.roles else http.status_port
    accounts = setting.root.build_accounts(setting, configuration)
    _run(
        run_gateway(
            configuration,
            accounts,
            setting.root.open_hub,
            host=host or http.host,
            port=default_port if port is None else port,
            version=version("o2c-gateway"),
            workbench=hub_workbench,
            greet=greet_first_admin,
            loops=workbench_loops,
        )
    )


def _run(work: Coroutine[Any, Any, None]) -> None:
    """On uvloop where there is one: every message costs less there."""
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if find_spec("uvloop"):
        import uvloop

        loop_factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(work)


@cli.command()
def demo(
    context: typer.Context,
    exit_: Annotated[
        bool, typer.Option("--exit", help="End by itself; exit 0 if the audit balances.")
    ] = False,
    port: Annotated[int, typer.Option()] = 8080,
    data: Data = None,
) -> None:
    """A believable morning of traffic through the real doors, on an embedded hub."""
    from demo.story import tell

    number = version("o2c-gateway")
    raise typer.Exit(
        asyncio.run(
            tell(
                setting_of(context).root.open_hub, data=data, port=port, leave=exit_, version=number
            )
        )
    )


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
