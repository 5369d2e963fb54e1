"""Errors as people and programs see them: pages that help, and RFC 9457 problem documents."""

from __future__ import annotations

import secrets
from contextlib import suppress
from http import HTTPStatus
from traceback import extract_tb
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from canonical.errors import GatewayError, Malformed, Rejected, TooLarge, Unavailable, Unsupported
from store.access.proposals import AlreadyDecided, NotYours
from store.mending.contested import Contested
from workbench.web.protection import TOLD
from workbench.web.rendering import render
from workbench.web.requests import is_api, is_htmx, sign_in_address, was_sent_from_elsewhere

PROBLEM_JSON = "application/problem+json"

log = structlog.get_logger(__name__)


class NotSignedIn(GatewayError):
    """No session, or no token, or one that is good no more."""

    default_code = "not_signed_in"


class RoleNeeded(GatewayError):
    """Signed in, but not for this."""

    default_code = "role_needed"


class ForgedRequest(GatewayError):
    """A change that was not asked for on one of our pages."""

    default_code = "forged_request"


class NotHere(GatewayError):
    """There is no such thing."""

    default_code = "not_here"


class Conflict(GatewayError):
    """Somebody else was quicker; look again."""

    default_code = "conflict"


_STATUS: tuple[tuple[type[GatewayError], int], ...] = (
    (NotSignedIn, 401),
    (RoleNeeded, 403),
    (ForgedRequest, 403),
    (NotYours, 403),
    (Rejected, 403),
    (NotHere, 404),
    (AlreadyDecided, 409),
    (Contested, 409),
    (Conflict, 409),
    (TooLarge, 413),
    (Malformed, 422),
    (Unavailable, 503),
)


def status_of(error: GatewayError) -> int:
    """The HTTP status an error is told with."""
    if isinstance(error, Unsupported):
        return 404 if error.code.startswith("unknown_") else 422
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def install(app: FastAPI) -> None:
    """Have every error of the application answered by this module."""
    app.add_exception_handler(GatewayError, _known)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unforeseen)


async def _known(request: Request, error: Exception) -> Response:
    assert isinstance(error, GatewayError)  # noqa: S101 - registered for nothing else
    if isinstance(error, NotSignedIn) and not is_api(request):
        return _to_sign_in(request)
    return answer(request, status_of(error), error.code, str(error), path=error.path)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    code = _CODES.get(error.status_code, f"http_{error.status_code}")
    with suppress(GatewayError):
        # No route was run that would have asked; the page still greets who is signed in.
        await request.app.state.whoever(request)
    answered = answer(request, error.status_code, code, _DETAILS.get(code, str(error.detail)))
    answered.headers.update(error.headers or {})
    return answered


_CODES = {400: "malformed", 404: "not_here", 405: "method_not_allowed"}
_DETAILS = {
    "not_here": "there is nothing at this address",
    "method_not_allowed": "this address does not take that method",
}


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    faults = [
        {"path": ".".join(str(part) for part in one["loc"][1:]), "message": one["msg"]}
        for one in error.errors()
    ]
    first = faults[0] if faults else {"path": "", "message": "not understood"}
    detail = f"{first['path']}: {first['message']}" if first["path"] else first["message"]
    return answer(request, 422, "invalid_request", detail, path=first["path"], errors=faults)


async def _unforeseen(request: Request, error: Exception) -> Response:
    reference = secrets.token_hex(4)
    log.error(
        "unforeseen error",
        reference=reference,
        path=request.url.path,
        # What an error says may quote a payload; where it arose does not.
        error=type(error).__name__,
        frames=_frames(error),
    )
    request.scope[TOLD] = True
    detail = f"the gateway made a mistake; its log has the details under {reference}"
    return answer(request, 500, "internal_error", detail)


def _frames(error: Exception) -> list[str]:
    found = extract_tb(error.__traceback__)
    return [f"{one.filename}:{one.lineno} {one.name}" for one in found]


def answer(
    request: Request, status: int, code: str, detail: str, *, path: str = "", **more: Any
) -> Response:
    """An error in the form this request wants: problem+json, a toast, or a page."""
    if is_api(request):
        return _document(request, status, code, detail, {"path": path, **more})
    context = {"status": status, "code": code, "detail": detail, "title": _title(status)}
    if is_htmx(request):
        # What the page shows stays; the message comes beside it.
        said = render(request, "toast.html", status=status, text=detail, kind="bad")
        said.headers.update({"HX-Retarget": "#toasts", "HX-Reswap": "beforeend"})
        return said
    shown = render(request, "error.html", status_code=status, **context)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        shown.headers["Retry-After"] = "2"
    return shown


def _document(
    request: Request, status: int, code: str, detail: str, more: dict[str, Any]
) -> Response:
    document = {
        "type": f"urn:o2c:problem:{code}",
        "title": _title(status),
        "status": status,
        "code": code,
        "detail": detail,
        "instance": request.url.path,
        **{name: value for name, value in more.items() if value},
    }
    headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "2"}}.get(status, {})
    return JSONResponse(document, status, headers, media_type=PROBLEM_JSON)


def _to_sign_in(request: Request) -> Response:
    address = sign_in_address(request)
    if is_htmx(request):
        return Response(status_code=401, headers={"HX-Redirect": address})
    if was_sent_from_elsewhere(request):
        # A strict cookie stays at home when another site sends somebody here. Asking again from
        # our own page brings it along.
        return render(request, "again.html")
    return Response(status_code=303, headers={"Location": address})


def _title(status: int) -> str:
    return HTTPStatus(status).phrase
