"""What a browser does: keeps cookies, reads a form's token, sends it along."""

from __future__ import annotations

import re
from functools import cache

from httpx import AsyncClient, Response

from store.access import people, sessions
from store.access.people import User
from store.database import Connection
from workbench.access.passwords import digest_of, hash_password, new_secret
from workbench.access.people import Maker, TokenWish, add_token
from workbench.access.roles import Role
from workbench.web.access import LONGEST
from workbench.web.site import Site

HOST = "http://gateway.example"
PASSWORD = "a horse, a battery, a staple"


@cache
def password_hash() -> str:
    """The hash of PASSWORD, made once: it is slow on purpose."""
    return hash_password(PASSWORD)


class Browser:
    """One browser at one address."""

    def __init__(self, client: AsyncClient, site: Site) -> None:
        self.client = client
        self.site = site

    async def get(self, path: str, **headers: str) -> Response:
        """Look at a page."""
        return await self.client.get(path, headers=_dashed(headers))

    async def form_token(self, page: str = "/workbench/login") -> str:
        """The token of a page's forms."""
        shown = (await self.client.get(page)).text
        found = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', shown)
        return found[1] if found else ""

    async def post(
        self, path: str, data: dict[str, str] | None = None, *, token_from: str = "", **headers: str
    ) -> Response:
        """Send a form, with the token its page would have had in it."""
        token = await self.form_token(token_from or "/workbench/account")
        token = token or await self.form_token("/workbench/login")
        return await self.client.post(
            path, data={"csrf_token": token, **(data or {})}, headers=_dashed(headers)
        )

    @property
    def signed_in(self) -> bool:
        """Whether a session's cookie is kept."""
        return any(name.endswith("session") for name in self.client.cookies)

    async def sign_in(self, name: str, password: str = PASSWORD, **form: str) -> Response:
        """Sign in by the form."""
        return await self.post("/workbench/login", {"name": name, "password": password, **form})

    async def enter_as(self, user: User) -> None:
        """Be signed in, without the form."""
        secret, now = new_secret(), self.site.clock()
        await self.site.database.write(
            lambda c: sessions.begin_session(
                c, digest_of(secret), user.user_id, ends_at=now + LONGEST, now=now, replaced=None
            )
        )
        self.client.cookies.set("o2c_session", secret, domain="gateway.example")


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


async def somebody(site: Site, name: str, role: Role, *, password: bool = True) -> User:
    """A person with PASSWORD."""
    number, now = site.ids.next(), site.clock()

    def add(connection: Connection) -> User:
        people.add_user(
            connection,
            user_id=number,
            name=name,
            display_name=name.title(),
            role=role,
            by="cli:test",
            now=now,
        )
        if password:
            people.set_password(connection, name, password_hash(), by="cli:test", now=now)
        return people.load_user(connection, name)

    return await site.database.write(add)


async def bearer(site: Site, role: Role, owner: User | None = None) -> dict[str, str]:
    """The header of a token."""
    maker = Maker(store=site.database, ids=site.ids, by="cli:test", now=site.clock())
    text, _ = await add_token(maker, TokenWish(name="test", role=role, owner=owner))
    return {"authorization": f"Bearer {text}"}
