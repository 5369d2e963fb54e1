"""`gateway dead list | show | replay | discard`, and what is in `mending`."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from commands import fixtures, mending
from commands.setting import Data, Json, setting_of, with_store

cli = typer.Typer(no_args_is_help=True, help="Dead letters: what keeps failing.")
cli.add_typer(mending.cli)
cli.add_typer(fixtures.cli)


@cli.command("list")
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
    from workbench.failures.dead import print_dead

    with_store(
        setting_of(context, data),
        lambda store: print_dead(
            store, state=state, connector=connector, code=code, limit=limit, as_json=as_json
        ),
    )


@cli.command("show")
def dead_show(
    context: typer.Context,
    id_: Annotated[str, typer.Argument(metavar="ID")],
    as_json: Json = False,
    data: Data = None,
) -> None:
    """One failure, with the bytes it is about."""
    from workbench.failures.dead import print_dead_letter

    with_store(
        setting_of(context, data), lambda store: print_dead_letter(store, id_, as_json=as_json)
    )


@cli.command("replay")
def dead_replay(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID…")],
    data: Data = None,
) -> None:
    """Translate again with today's connector; a fact already published is not published twice."""
    from workbench.failures.replaying import replay

    setting = setting_of(context, data)
    configuration = setting.read()
    accounts = setting.root.build_accounts(setting, configuration)
    raise typer.Exit(asyncio.run(replay(configuration, accounts, setting.root.open_hub, ids)))


@cli.command("discard")
def dead_discard(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID…")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with your name.")],
    data: Data = None,
) -> None:
    """Close failures for good, by name and with a reason."""
    from workbench.failures.dead import discard

    left = with_store(setting_of(context, data), lambda store: discard(store, ids, reason))
    raise typer.Exit(left)
