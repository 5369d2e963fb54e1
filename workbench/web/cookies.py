"""The two cookies, and the form tokens that belong to them.

A form token is a MAC of the message "form" under the cookie's secret: only who can read the cookie
can make it, nothing needs to be stored, and a new session has new ones.
"""

from __future__ import annotations

import hashlib
import hmac
import re

from fastapi import Request
from fastapi.responses import Response

from workbench.access.passwords import new_secret

FIELD = "csrf_token"
HEADER = "x-csrf-token"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


def session_cookie(request: Request, *, secure: bool) -> str | None:
    """The secret of the session cookie, if there is one that could be."""
    return _secret(request, "session", secure=secure)


def form_cookie(request: Request, *, secure: bool) -> str | None:
    """The secret that forms of somebody who is not signed in are guarded by."""
    return _secret(request, "form", secure=secure)


def form_secret(request: Request, *, secure: bool) -> str | None:
    """The secret that guards this browser's forms: the session's, or the form cookie's."""
    who = getattr(request.state, "who", None)
    if who is not None and who.secret is not None:
        return str(who.secret)
    return form_cookie(request, secure=secure)


def keep_session(response: Response, secret: str, *, secure: bool, seconds: int) -> None:
    """Have the browser keep a session's secret; it shows it to no script and no other site."""
    _set(response, "session", secret, secure=secure, seconds=seconds)


def keep_form_secret(response: Response, *, secure: bool) -> str:
    """Have the browser keep a new secret for forms; the secret."""
    secret = new_secret()
    _set(response, "form", secret, secure=secure, seconds=None)
    return secret


def drop_session(response: Response, *, secure: bool) -> None:
    """Have the browser forget its session."""
    _set(response, "session", "", secure=secure, seconds=0)


def form_token(secret: str) -> str:
    """The token that belongs into the forms of whoever holds this secret."""
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()


def is_form_token(given: str, secret: str) -> bool:
    """Whether this is the secret's form token; takes the same time whatever is given."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), form_token(secret).encode())


def _name(name: str, *, secure: bool) -> str:
    # The prefix keeps a neighbouring host or a plain connection from planting the cookie.
    return f"__Host-o2c_{name}" if secure else f"o2c_{name}"


def _secret(request: Request, name: str, *, secure: bool) -> str | None:
    value = request.cookies.get(_name(name, secure=secure), "")
    return value if _SECRET.fullmatch(value) else None


def _set(response: Response, name: str, value: str, *, secure: bool, seconds: int | None) -> None:
    response.set_cookie(
        _name(name, secure=secure),
        value,
        max_age=seconds,
        path="/",
        secure=secure,
        httponly=True,
        samesite="strict",
    )
