"""`gateway streams | republish`: looking at the streams, and filling them again."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from commands.setting import Data, Json, setting_of

cli = typer.Typer(no_args_is_help=True)


@cli.command()
def streams(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[STREAM]…")] = None,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """How long the streams are, and how far everybody who reads them is."""
    from workbench.operating.streams_table import print_streams

    setting = setting_of(context, data)
    asyncio.run(
        print_streams(setting.read(), setting.root.open_publisher, names or [], as_json=as_json)
    )


@cli.command()
def republish(
    context: typer.Context,
    stream: Annotated[
        list[str] | None, typer.Option("--stream", help="Only this one; may be repeated.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Recorded then or later: RFC 3339, or msg_…; default: 7 days ago."
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Recorded before then; default: all.")
    ] = None,
    missing_only: Annotated[
        bool, typer.Option("--missing-only", help="Leave out what the streams still hold.")
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Append what was published to its streams once more, from the store.

    The same messages under the same ids, in the order in which they were recorded: inboxes drop
    what they have handled. New messages wait in the store meanwhile and come behind them.
    """
    from workbench.operating.republishing import Wanted, republish

    setting = setting_of(context, data)
    wanted = Wanted(
        streams=tuple(stream or ()), since=since, until=until, missing_only=missing_only
    )
    root = setting.root
    asyncio.run(
        republish(setting.read(), root.open_store, root.open_publisher, wanted, as_json=as_json)
    )
