"""`gateway translate | receive | tail`: what goes in, and what comes out."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from commands.setting import Data, Json, setting_of

cli = typer.Typer(no_args_is_help=True)


@cli.command()
def translate(
    context: typer.Context,
    connector: str,
    files: list[Path],
    headers: Annotated[Path | None, typer.Option(help="A JSON object of request headers.")] = None,
    account: Annotated[
        str, typer.Option(help="The account the payloads would belong to.")
    ] = "example",
    as_json: Json = False,
) -> None:
    """What these payloads would become; stores nothing.

    With an account of the configuration, its options count.
    """
    from workbench.operating.translating import translate_files

    configured = setting_of(context).read().accounts
    options = {(one.connector, one.account): one.options for one in configured}
    code = translate_files(
        connector,
        files,
        headers,
        account,
        options=options.get((connector, account), {}),
        as_json=as_json,
    )
    raise typer.Exit(code)


@cli.command()
def validate(
    files: list[Path],
    xslt: Annotated[Path, typer.Option(help="Schematron rules, compiled to XSLT.")],
    as_json: Json = False,
) -> None:
    """An e-invoice against published Schematron rules; needs the extra `schematron`."""
    from workbench.operating.schematron import validate_files

    raise typer.Exit(validate_files(files, xslt, as_json=as_json))


@cli.command()
def receive(
    context: typer.Context,
    file: Path,
    connector: Annotated[str, typer.Option()],
    account: Annotated[str, typer.Option()],
    data: Data = None,
) -> None:
    """Take a file in as if it had been dropped into the account's folder."""
    from workbench.operating.receiving import receive_file

    setting = setting_of(context, data)
    configuration = setting.read()
    accounts = setting.root.build_accounts(setting, configuration)
    target = accounts.get(connector, account)
    raise typer.Exit(
        asyncio.run(receive_file(configuration, accounts, setting.root.open_hub, file, target))
    )


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
    from workbench.operating.tailing import print_stream

    setting = setting_of(context, data)
    asyncio.run(
        print_stream(
            setting.read(),
            setting.root.open_publisher,
            stream,
            start=start,
            follow=follow,
            as_json=as_json,
        )
    )
