"""`gateway accounts [resume]`: how each account's system is reached, and what is in the way."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.setting import Data, Json, setting_of, with_store

cli = typer.Typer(help="The accounts: transports, polls, fetches, pauses.")


@cli.callback(invoke_without_command=True)
def accounts(context: typer.Context, as_json: Json = False, data: Data = None) -> None:
    """Every account: what arrived last, how polling stands, what no webhook brought."""
    if context.invoked_subcommand:
        return
    from connectors import registry
    from workbench.operating.accounts import print_accounts

    setting = setting_of(context, data)
    configured = setting.read().accounts
    with_store(
        setting, lambda store: print_accounts(store, configured, registry.load, as_json=as_json)
    )


@cli.command("resume")
def accounts_resume(
    context: typer.Context,
    account: Annotated[str, typer.Argument(metavar="CONNECTOR/ACCOUNT")],
    data: Data = None,
) -> None:
    """Poll and fetch again after a credential was refused and has been mended."""
    from workbench.operating.accounts import resume

    resumed = with_store(setting_of(context, data), lambda store: resume(store, account))
    raise typer.Exit(0 if resumed else 1)
