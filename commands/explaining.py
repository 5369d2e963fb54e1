"""`gateway trace | statements | drift | refused`: explaining and proving."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.setting import Data, Json, setting_of, with_store

cli = typer.Typer(no_args_is_help=True)


@cli.command()
def trace(context: typer.Context, reference: str, as_json: Json = False, data: Data = None) -> None:
    """Everything about a receipt, key, message id or business reference, in order of time."""
    from workbench.finding.tracing import print_trace

    found = with_store(
        setting_of(context, data), lambda store: print_trace(store, reference, as_json=as_json)
    )
    raise typer.Exit(0 if found else 1)


@cli.command()
def statements(context: typer.Context, as_json: Json = False, data: Data = None) -> None:
    """Bank statements by account: balances that do not chain, numbers that are missing."""
    from workbench.operating.statements import print_statements

    whole = with_store(
        setting_of(context, data), lambda store: print_statements(store, as_json=as_json)
    )
    raise typer.Exit(0 if whole else 1)


@cli.command()
def drift(
    context: typer.Context,
    days: Annotated[int, typer.Option(help="What counts as lately.")] = 7,
    sample: Annotated[int, typer.Option(help="Receipts looked at, a kind.")] = 200,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Fields and codes senders use lately that were not there before; exit 1 if there are any."""
    from workbench.operating.drift import print_drift

    none = with_store(
        setting_of(context, data),
        lambda store: print_drift(store, days=days, sample=sample, as_json=as_json),
    )
    raise typer.Exit(0 if none else 1)


@cli.command()
def refused(
    context: typer.Context,
    limit: Annotated[int, typer.Option()] = 50,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Deliveries refused at the door: when, for whom, why; of the body only its hash is kept."""
    from workbench.operating.refused import print_refused

    with_store(
        setting_of(context, data),
        lambda store: print_refused(store, limit=limit, as_json=as_json),
    )
