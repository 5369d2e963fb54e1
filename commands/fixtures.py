"""`gateway dead fixture`: from a failure to a fixture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from commands.setting import Data, setting_of, with_store

cli = typer.Typer()


@cli.command("fixture")
def fixture(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID", help="A dead letter, or a receipt.")],
    into: Annotated[
        Path | None, typer.Option(help="A folder; default: the connector's own fixtures.")
    ] = None,
    salt: Annotated[
        str | None,
        typer.Option(
            envvar="GATEWAY_SCRUB_SALT",
            help="The same salt makes the same fixture; default: another one each time.",
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Write a failure's payload, without the persons in it, as a fixture of its connector."""
    from workbench.fixtures.fixtures import print_fixture

    setting = setting_of(context, data)
    accounts = setting.read().accounts
    options = {(one.connector, one.account): one.options for one in accounts}
    with_store(setting, lambda store: print_fixture(store, id_, options, into=into, salt=salt))
