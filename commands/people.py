"""`gateway users` and `gateway tokens`: who may use the gateway, from the server's own shell."""

from __future__ import annotations

from typing import Annotated

import typer

from commands.setting import Data, Json, setting_of, with_store

users = typer.Typer(no_args_is_help=True, help="People: who may use the workbench.")
tokens = typer.Typer(no_args_is_help=True, help="API tokens, for programs and for people.")

Name = Annotated[str, typer.Argument(help="The name somebody signs in with.")]
RoleOption = Annotated[str, typer.Option(help="viewer, operator, approver or admin.")]
Url = Annotated[
    str | None, typer.Option(help="How a browser reaches the gateway; default: as configured.")
]


@users.command("add")
def users_add(
    context: typer.Context,
    name: Name,
    role: RoleOption = "viewer",
    display_name: Annotated[str, typer.Option("--full-name")] = "",
    url: Url = None,
    data: Data = None,
) -> None:
    """Add a person, and print the link by which they set their password."""
    from workbench.access.people_lists import add_and_link

    setting = setting_of(context, data)
    base = setting.read().http
    with_store(
        setting,
        lambda store: add_and_link(store, base, name, role, display_name=display_name, url=url),
    )


@users.command("list")
def users_list(context: typer.Context, as_json: Json = False, data: Data = None) -> None:
    """Everybody, by name."""
    from workbench.access.people_lists import print_users

    with_store(setting_of(context, data), lambda store: print_users(store, as_json=as_json))


@users.command("role")
def users_role(context: typer.Context, name: Name, role: str, data: Data = None) -> None:
    """Give a person another role; it counts from their next request."""
    from workbench.access.people_lists import change_role

    with_store(setting_of(context, data), lambda store: change_role(store, name, role))


@users.command("disable")
def users_disable(context: typer.Context, name: Name, data: Data = None) -> None:
    """Shut a person out: sessions end, tokens and links no longer work."""
    from workbench.access.people_lists import shut_out

    with_store(setting_of(context, data), lambda store: shut_out(store, name))


@users.command("enable")
def users_enable(context: typer.Context, name: Name, data: Data = None) -> None:
    """Let a person in again."""
    from workbench.access.people_lists import let_in

    with_store(setting_of(context, data), lambda store: let_in(store, name))


@users.command("link")
def users_link(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Absent: the first administrator.")] = None,
    url: Url = None,
    data: Data = None,
) -> None:
    """Print a link that sets a password: once, and within half an hour."""
    from workbench.access.people_lists import print_link

    setting = setting_of(context, data)
    base = setting.read().http
    with_store(setting, lambda store: print_link(store, base, name, url=url))


@tokens.command("add")
def tokens_add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the token is for.")],
    role: RoleOption = "viewer",
    days: Annotated[int, typer.Option(help="How long it is good.")] = 90,
    user: Annotated[str | None, typer.Option(help="Whose it is; absent: a program's.")] = None,
    data: Data = None,
) -> None:
    """Make a token and print it, this once."""
    from workbench.access.people_lists import make_token

    with_store(
        setting_of(context, data),
        lambda store: make_token(store, name, role, days=days, owner=user),
    )


@tokens.command("list")
def tokens_list(context: typer.Context, as_json: Json = False, data: Data = None) -> None:
    """Every token, newest first."""
    from workbench.access.people_lists import print_tokens

    with_store(setting_of(context, data), lambda store: print_tokens(store, as_json=as_json))


@tokens.command("revoke")
def tokens_revoke(
    context: typer.Context, id_: Annotated[str, typer.Argument(metavar="ID")], data: Data = None
) -> None:
    """End a token for good."""
    from workbench.access.people_lists import revoke

    ended = with_store(setting_of(context, data), lambda store: revoke(store, id_))
    raise typer.Exit(0 if ended else 1)
