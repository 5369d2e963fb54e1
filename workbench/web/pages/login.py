"""Signing in and out, and the page that a one-time link opens."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from canonical.errors import GatewayError
from store.access import people, sessions
from workbench.access.passwords import SHORTEST, digest_of
from workbench.access.people import WELCOME, Welcome, accept_welcome
from workbench.web import cookies
from workbench.web.access import LONGEST, anybody, whoever
from workbench.web.problems import status_of
from workbench.web.rendering import redirect, render
from workbench.web.requests import PAGES, SIGN_IN, own_page
from workbench.web.signing_in import TooManyTries, WrongPassword, begin_session, sign_in
from workbench.web.site import Site, TheSite

router = APIRouter(dependencies=[anybody])

Text = Annotated[str, Form(max_length=300)]
Password = Annotated[str, Form(max_length=2000)]
Link = Annotated[str, Query(max_length=100)]


@router.get(SIGN_IN)
async def login_page(request: Request, next: str = PAGES) -> Response:  # noqa: A002 - the URL's word
    """The form; who is signed in already goes on."""
    if await whoever(request) is not None:
        return redirect(own_page(next))
    return render(request, "login.html", next=own_page(next), name="", fault=None, until=None)


@router.post(SIGN_IN)
async def login(
    request: Request,
    site: TheSite,
    name: Text = "",
    password: Password = "",
    next: Text = PAGES,  # noqa: A002 - the form's word
) -> Response:
    """Sign in, and go where one wanted to."""
    shown = {"next": own_page(next), "name": name, "until": None}
    try:
        secret = await sign_in(site, request, name, password)
    except TooManyTries as error:
        context = shown | {"fault": error, "until": error.until}
        answer = render(request, "login.html", status_code=429, **context)
        seconds = (error.until - site.clock()).total_seconds()
        answer.headers["Retry-After"] = str(max(1, round(seconds)))
        return answer
    except WrongPassword as error:
        return render(request, "login.html", status_code=401, **shown, fault=error)
    return _signed_in(site, request, secret, redirect(own_page(next)))


@router.post(f"{PAGES}/logout")
async def logout(request: Request, site: TheSite) -> Response:
    """End the session."""
    who = await whoever(request)
    answer = redirect(SIGN_IN, note="You are signed out.", kind="plain")
    if who is not None and who.secret is not None:
        digest, now = digest_of(who.secret), site.clock()
        await site.database.write(
            lambda connection: sessions.end_session(connection, digest, by=who.by, now=now)
        )
    cookies.drop_session(answer, secure=site.is_secure(request))
    return answer


@router.get(WELCOME)
async def welcome_page(request: Request, site: TheSite, link: Link = "") -> Response:
    """The form behind a one-time link; looking at it does not use the link up."""
    return await _welcome(request, site, link)


@router.post(WELCOME)
async def welcome(
    request: Request,
    site: TheSite,
    link: Annotated[str, Form(max_length=100)] = "",
    password: Password = "",
    again: Password = "",
    name: Text = "",
    display_name: Text = "",
) -> Response:
    """Set the password, and sign in with it."""
    typed = {"name": name, "display_name": display_name}
    if password != again:
        fault = WrongPassword("the two passwords differ", path="again")
        return await _welcome(request, site, link, fault=fault, **typed)
    wish = Welcome(secret=link, password=password, **typed)
    try:
        user = await accept_welcome(site.database, site.ids, site.passwords, wish, site.clock())
    except GatewayError as error:
        if status_of(error) >= 500:
            raise
        return await _welcome(request, site, link, fault=error, **typed)
    secret = await begin_session(site, request, user)
    answer = redirect(PAGES, note=f"Welcome, {user.display_name}.")
    return _signed_in(site, request, secret, answer)


async def _welcome(
    request: Request,
    site: Site,
    link: str,
    *,
    fault: GatewayError | None = None,
    name: str = "",
    display_name: str = "",
) -> Response:
    digest, now = digest_of(link), site.clock()
    good, user = await site.database.read(
        lambda connection: people.find_link(connection, digest, now)
    )
    status = 404 if not good else (200 if fault is None else 422)
    return render(
        request,
        "welcome.html",
        status_code=status,
        good=good,
        link=link,
        user=user,
        fault=fault,
        shortest=SHORTEST,
        typed={"name": name, "display_name": display_name},
    )


def _signed_in(site: Site, request: Request, secret: str, answer: Response) -> Response:
    cookies.keep_session(
        answer,
        secret,
        secure=site.is_secure(request),
        seconds=int(LONGEST.total_seconds()),
    )
    return answer
