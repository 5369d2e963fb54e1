"""`gateway connectors list | new | golden`."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.setting import Json

cli = typer.Typer(no_args_is_help=True, help="The connectors this gateway has.")


@cli.command("list")
def connectors_list(as_json: Json = False) -> None:
    """The connectors this gateway has."""
    from workbench.operating.connecting import print_connectors

    print_connectors(as_json=as_json)


@cli.command("new")
def connectors_new(
    name: str,
    family: Annotated[str, typer.Option(help="marketplace, payment, bank, wms, carrier …")] = "any",
) -> None:
    """Write a connector's folder that passes the conformance suite."""
    from connectors.scaffold import scaffold

    for path in scaffold(name, family=family):
        typer.echo(path)


@cli.command("golden")
def connectors_golden(
    name: str, force: Annotated[bool, typer.Option(help="Overwrite.")] = False
) -> None:
    """Write the expected results beside a connector's fixtures; read them before you commit."""
    from connectors.goldens import write_goldens

    for path in write_goldens(name, force=force):
        typer.echo(path)


@cli.command("table")
def connectors_table() -> None:
    """Print docs/connectors.md, from the manifests."""
    from workbench.operating.connectors_table import connectors_table

    typer.echo(connectors_table(), nl=False)
