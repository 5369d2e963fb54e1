"""`gateway retain`: dropping what is older than the configuration keeps."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from commands.setting import Data, Json, setting_of

cli = typer.Typer(no_args_is_help=True)


@cli.command()
def retain(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would be dropped; drop nothing.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Drop what is older than [retention] keeps, beside live traffic, a little at a time.

    May be interrupted at any moment and started again. What is pending, dead, open or being
    replayed stays, however old it is.
    """
    from workbench.operating.retaining import print_retention

    setting = setting_of(context, data)
    configuration = setting.read()

    async def run() -> None:
        async with setting.root.open_store(configuration) as store:
            await print_retention(store, configuration.retention, dry=dry_run, as_json=as_json)

    asyncio.run(run())
