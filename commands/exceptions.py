"""`gateway exceptions list | show | resolve | …` and `gateway records list | show | decide`."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.setting import Data, Json, setting_of, with_store

cli = typer.Typer(
    no_args_is_help=True, help="Exceptions: what does not agree between order and cash."
)
records = typer.Typer(no_args_is_help=True, help="What the domains made of their messages.")

Shown = Annotated[str, typer.Argument(metavar="ID")]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept with your name.")]
Values = Annotated[str, typer.Option(help='JSON; amounts are texts: {"amount": "0.02"}.')]
Subject = Annotated[str, typer.Option(help="What of the record, if not all of it.")]


@cli.command("list")
def exceptions_list(
    context: typer.Context,
    state: Annotated[str, typer.Option(help="open, resolved, ended or all.")] = "open",
    domain: Annotated[str | None, typer.Option(help="order, shipment, billing or cash.")] = None,
    owner: Annotated[str | None, typer.Option(help="sales, operations, finance or it.")] = None,
    kind: Annotated[str | None, typer.Option()] = None,
    age: Annotated[str | None, typer.Option(help="current, 7, 14 or 30 (days).")] = None,
    overdue: Annotated[bool, typer.Option("--overdue")] = False,
    assigned: Annotated[str | None, typer.Option(help="Whose.")] = None,
    text: Annotated[str, typer.Option(help="Part of number, kind or words.")] = "",
    limit: Annotated[int, typer.Option()] = 50,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """What is due first; of closed ones, what changed last."""
    from domains.exceptions.listing import Wanted
    from workbench.business.exceptions_commands import age_of, print_exceptions

    wanted = Wanted(
        domain=domain,
        owner=owner,
        kind=kind,
        state=None if state == "all" else state,
        age=age_of(age),
        overdue=overdue,
        assigned_to=assigned,
        text=text,
        sort="due" if state == "open" else "recent",
    )
    with_store(
        setting_of(context, data),
        lambda store: print_exceptions(store, wanted, limit, as_json=as_json),
    )


@cli.command("standing")
def exceptions_standing(context: typer.Context, as_json: Json = False, data: Data = None) -> None:
    """What is open by owner and age."""
    from workbench.business.exceptions_commands import print_standing

    with_store(setting_of(context, data), lambda store: print_standing(store, as_json=as_json))


@cli.command("show")
def exceptions_show(
    context: typer.Context, shown: Shown, as_json: Json = False, data: Data = None
) -> None:
    """One exception with what it rests on, and what happened to it."""
    from workbench.business.exceptions_commands import print_exception

    with_store(
        setting_of(context, data), lambda store: print_exception(store, shown, as_json=as_json)
    )


@cli.command("resolve")
def exceptions_resolve(
    context: typer.Context,
    shown: Shown,
    reason: Annotated[str, typer.Option(help="corrected_at_source, written_off, … or other.")],
    branch: Annotated[str, typer.Option(help="corrected, collected, …: which way it went.")] = "",
    words: Annotated[str, typer.Option(help="In words; needed with other.")] = "",
    data: Data = None,
) -> None:
    """Close it; it opens again when its numbers change."""
    from domains.exceptions.handling import Resolution
    from workbench.business.exceptions_commands import resolve

    how = Resolution(reason=reason, branch=branch, words=words)
    with_store(setting_of(context, data), lambda store: resolve(store, shown, how))


@cli.command("assign")
def exceptions_assign(
    context: typer.Context,
    shown: Shown,
    name: Annotated[str | None, typer.Argument(help='Whose it is to be; "" for nobody.')] = None,
    owner: Annotated[str | None, typer.Option(help="Hand it to another team.")] = None,
    data: Data = None,
) -> None:
    """Give it to somebody, to another team, or both."""
    from workbench.business.exceptions_commands import hand_on

    with_store(setting_of(context, data), lambda store: hand_on(store, shown, name, owner))


@cli.command("note")
def exceptions_note(
    context: typer.Context,
    shown: Shown,
    text: Annotated[str, typer.Argument()],
    data: Data = None,
) -> None:
    """Write something down about it."""
    from workbench.business.exceptions_commands import note

    with_store(setting_of(context, data), lambda store: note(store, shown, text))


@cli.command("reopen")
def exceptions_reopen(context: typer.Context, shown: Shown, reason: Why, data: Data = None) -> None:
    """Open what was resolved; its clock goes on."""
    from workbench.business.exceptions_commands import reopen

    with_store(setting_of(context, data), lambda store: reopen(store, shown, reason))


@cli.command("decide")
def exceptions_decide(
    context: typer.Context,
    shown: Shown,
    action: Annotated[str, typer.Argument(help="What its domain knows, e.g. write_off.")],
    reason: Why,
    values: Values = "",
    subject: Subject = "",
    data: Data = None,
) -> None:
    """Decide about its record; where money moves a second person must agree."""
    from workbench.business.exceptions_commands import decide_at

    with_store(
        setting_of(context, data),
        lambda store: decide_at(
            store, shown, action, subject=subject, values=values, reason=reason
        ),
    )


@records.command("list")
def records_list(
    context: typer.Context,
    domain: Annotated[str, typer.Argument(help="order, shipment, billing or cash.")],
    kind: Annotated[str | None, typer.Option()] = None,
    status: Annotated[str | None, typer.Option()] = None,
    text: Annotated[str, typer.Option(help="Part of its number, or a name of it.")] = "",
    limit: Annotated[int, typer.Option()] = 50,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Records of a domain, by their keys."""
    from domains.engine.record_lists import RecordQuery
    from workbench.business.exceptions_commands import print_records

    wanted = RecordQuery(domain=domain, kind=kind, status=status, text=text)
    with_store(
        setting_of(context, data),
        lambda store: print_records(store, wanted, limit, as_json=as_json),
    )


@records.command("show")
def records_show(
    context: typer.Context,
    domain: Annotated[str, typer.Argument()],
    key: Annotated[str, typer.Argument()],
    as_json: Json = False,
    data: Data = None,
) -> None:
    """One record with its state, and what it rests on."""
    from workbench.business.exceptions_commands import print_record

    with_store(
        setting_of(context, data),
        lambda store: print_record(store, domain, key, as_json=as_json),
    )


@records.command("derive")
def records_derive(
    context: typer.Context,
    domains: Annotated[
        list[str] | None, typer.Argument(help="order, shipment, billing, cash; all without any.")
    ] = None,
    data: Data = None,
) -> None:
    """Derive all a domain keeps anew: after a change of [domains], or of the gateway's version."""
    from workbench.business.deriving import derive_anew

    with_store(setting_of(context, data), lambda store: derive_anew(store, domains or ()))


@records.command("decide")
def records_decide(
    context: typer.Context,
    domain: Annotated[str, typer.Argument()],
    key: Annotated[str, typer.Argument()],
    action: Annotated[str, typer.Argument()],
    reason: Why,
    values: Values = "",
    subject: Subject = "",
    data: Data = None,
) -> None:
    """Decide about a record; where money moves a second person must agree."""
    from workbench.business.exceptions_commands import decide_on
    from workbench.business.exceptions_deciding import Wish, read_values

    wish = Wish(
        domain=domain,
        record=key,
        action=action,
        subject=subject,
        values=read_values(values),
        reason=reason,
    )
    with_store(setting_of(context, data), lambda store: decide_on(store, wish))
