"""`gateway audit [log]`: the promises counted, and the record of who did what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from commands.setting import Data, Json, setting_of, with_store

cli = typer.Typer(help="Count both sides of the promises; exit 1 when they do not balance.")


@cli.callback(invoke_without_command=True)
def audit(
    context: typer.Context,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Read everything again: the message log and all payloads."),
    ] = False,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Count both sides of the promises; exit 1 when they do not balance.

    With --verify: compare every message and payload with what was recorded; exit 1 when one was
    changed or taken away.
    """
    if context.invoked_subcommand:
        return
    from workbench.operating import auditing, verifying

    show = verifying.print_verification if verify else auditing.print_audit
    fine = with_store(setting_of(context, data), lambda store: show(store, as_json=as_json))
    raise typer.Exit(0 if fine else 1)


@cli.command("log")
def audit_log(
    context: typer.Context,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check every link of the chain.")
    ] = False,
    actor: Annotated[str | None, typer.Option(help="A name, or cli:NAME.")] = None,
    action: Annotated[str | None, typer.Option(help="user.role, or user for all of them.")] = None,
    target: Annotated[str | None, typer.Option()] = None,
    since: Annotated[datetime | None, typer.Option(help="UTC.")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 50,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Who did what, newest first; with --verify exit 1 when the record was tampered with."""
    from workbench.access.audit_log import AuditFilter, print_audit_log, print_verification

    setting = setting_of(context, data)
    if verify:
        whole = with_store(setting, lambda store: print_verification(store, as_json=as_json))
        raise typer.Exit(0 if whole else 1)
    wanted = AuditFilter(
        actor=actor,
        action=action,
        target=target,
        since=None if since is None else since.replace(tzinfo=UTC),
        limit=limit,
    )
    with_store(setting, lambda store: print_audit_log(store, wanted, as_json=as_json))
