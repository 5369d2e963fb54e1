"""The command line: thin, each command one call into the package that does the work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands import (
    accounts,
    auditing,
    connectors,
    dead,
    exceptions,
    explaining,
    payloads,
    people,
    reporting,
    retaining,
    serving,
    streams,
)
from commands.setting import Root, Setting

__all__ = ["Root", "Setting", "build_cli"]


def build_cli(root: Root) -> typer.Typer:
    """The command `gateway`, over what the composition root can open."""
    cli = typer.Typer(
        no_args_is_help=True, add_completion=False, help="The order-to-cash connector gateway."
    )

    @cli.callback()
    def gateway(
        context: typer.Context,
        config: Annotated[
            Path | None,
            typer.Option(envvar="GATEWAY_CONFIG", help="gateway.toml; default: ./gateway.toml"),
        ] = None,
    ) -> None:
        default = Path("gateway.toml")
        context.obj = Setting(root=root, file=config or (default if default.is_file() else None))

    for group in (
        serving.cli,
        payloads.cli,
        explaining.cli,
        streams.cli,
        reporting.cli,
        retaining.cli,
    ):
        cli.add_typer(group)
    cli.add_typer(accounts.cli, name="accounts")
    cli.add_typer(auditing.cli, name="audit")
    cli.add_typer(connectors.cli, name="connectors")
    cli.add_typer(dead.cli, name="dead")
    cli.add_typer(exceptions.cli, name="exceptions")
    cli.add_typer(exceptions.records, name="records")
    cli.add_typer(people.users, name="users")
    cli.add_typer(people.tokens, name="tokens")
    return cli
