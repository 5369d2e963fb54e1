"""Users, tokens, and who one is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from store.access import api_tokens, people
from store.access.api_tokens import TOKEN, ApiToken
from store.access.people import User
from store.database import Connection
from store.ids import parse_id, show_id
from workbench.access.people import TOKEN_DAYS, Maker, TokenWish, add_token, add_user, link_for
from workbench.access.roles import Role
from workbench.web.access import Admin, Principal, Viewer
from workbench.web.paging import Listing, Pages
from workbench.web.site import Site, TheSite

router = APIRouter(tags=["people"])


class Body(BaseModel):
    """What is sent; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Me(BaseModel):
    """Whoever asks."""

    by: str
    display_name: str
    role: Role
    may: list[Role]


class ShownUser(BaseModel):
    """A person."""

    name: str
    display_name: str
    role: Role
    has_password: bool
    created_at: datetime
    disabled_at: datetime | None


class NewUser(Body):
    """A person to add."""

    name: Annotated[str, Field(max_length=100)]
    display_name: Annotated[str, Field(max_length=200)] = ""
    role: Role = Role.VIEWER


class ChangedUser(Body):
    """What is to change of a person."""

    role: Role | None = None
    disabled: bool | None = None


class ShownLink(BaseModel):
    """A one-time link, good for half an hour."""

    link: str


class ShownToken(BaseModel):
    """A token, without its text."""

    id: str
    name: str
    prefix: str
    role: Role
    owner: str | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class NewToken(Body):
    """A token to make."""

    name: Annotated[str, Field(max_length=100)]
    role: Role = Role.VIEWER
    days: int = TOKEN_DAYS


class MadeToken(ShownToken):
    """A token with its text, which is told this once."""

    token: str


@router.get("/me", summary="Whoever asks")
async def me(who: Viewer) -> Me:
    """Name, role, and what is open to them."""
    allowed = [role for role in Role if who.may(role)]
    return Me(by=who.by, display_name=who.display_name, role=who.role, may=allowed)


@router.get("/users", summary="Everybody, by name")
async def list_users(who: Admin, site: TheSite, page: Pages) -> Listing[ShownUser]:
    """People who have or had access."""
    users = await site.database.read(people.list_users)
    rest = [one for one in users if page.after is None or one.name > page.after]
    shown, mark = page.cut(rest, lambda one: one.name)
    return Listing(items=[_user(one) for one in shown], next=mark)


@router.post("/users", status_code=201, summary="Add a person")
async def post_user(body: NewUser, who: Admin, site: TheSite) -> ShownUser:
    """They set their password by a link; ask for one."""
    return _user(await add_user(_maker(site, who), body.name, body.role, body.display_name))


@router.patch("/users/{name}", summary="Change a person's role, shut them out, let them in")
async def patch_user(name: str, body: ChangedUser, who: Admin, site: TheSite) -> ShownUser:
    """What is absent stays as it is."""
    now = site.clock()

    def change(connection: Connection) -> User:
        user = people.load_user(connection, name)
        if body.role is not None:
            user = people.set_role(connection, name, body.role, by=who.by, now=now)
        if body.disabled is not None:
            act = people.disable_user if body.disabled else people.enable_user
            user = act(connection, name, by=who.by, now=now)
        return user

    return _user(await site.database.write(change))


@router.post("/users/{name}/link", status_code=201, summary="A link to set the password by")
async def post_link(name: str, request: Request, who: Admin, site: TheSite) -> ShownLink:
    """Earlier links of that person are void."""
    return ShownLink(link=await link_for(_maker(site, who), name, site.base_url(request)))


@router.get("/tokens", summary="Every token, newest first")
async def list_tokens(who: Admin, site: TheSite, page: Pages) -> Listing[ShownToken]:
    """Also those that have expired or were revoked."""
    before = None if page.after is None else parse_id(TOKEN, page.after)
    tokens = await site.database.read(api_tokens.list_tokens)
    rest = [one for one in tokens if before is None or one.token_id < before]
    shown, mark = page.cut(rest, lambda one: show_id(TOKEN, one.token_id))
    return Listing(items=[_token(one) for one in shown], next=mark)


@router.post("/tokens", status_code=201, summary="Make a token of one's own")
async def post_token(body: NewToken, who: Admin, site: TheSite) -> MadeToken:
    """The only answer that contains its text. It belongs to the person who asks: what is proposed
    with it is proposed by them. A program's own tokens come from the command line."""
    owner = None
    if who.user_id is not None:
        owner = await site.database.read(lambda connection: people.load_user(connection, who.by))
    wish = TokenWish(name=body.name, role=body.role, days=body.days, owner=owner)
    text, token = await add_token(_maker(site, who), wish)
    return MadeToken(token=text, **_token(token).model_dump())


@router.delete("/tokens/{shown_id}", status_code=204, summary="Revoke a token")
async def delete_token(shown_id: str, who: Admin, site: TheSite) -> Response:
    """For good."""
    number, now = parse_id(TOKEN, shown_id), site.clock()
    await site.database.write(
        lambda connection: api_tokens.revoke_token(connection, number, by=who.by, now=now)
    )
    return Response(status_code=204)


def _maker(site: Site, who: Principal) -> Maker:
    return Maker(store=site.database, ids=site.ids, by=who.by, now=site.clock())


def _user(user: User) -> ShownUser:
    return ShownUser.model_validate(user, from_attributes=True)


def _token(token: ApiToken) -> ShownToken:
    return ShownToken(
        id=show_id(TOKEN, token.token_id),
        name=token.name,
        prefix=token.prefix,
        role=Role(token.role),
        owner=token.owner,
        created_at=token.created_at,
        expires_at=token.expires_at,
        last_used_at=token.last_used_at,
        revoked_at=token.revoked_at,
    )
