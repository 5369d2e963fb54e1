"""Templates to answers: everything is escaped, control codes are made visible, nothing is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from store.ids import show_id
from workbench.showing import harmless
from workbench.web import cookies
from workbench.web.navigation import NavigationItem
from workbench.web.site import Site, site_of
from workbench.web.static_content import static_url

TEMPLATES = Path(__file__).parent / "templates"
_NOTE = "o2c_note"
_NOTE_S = 30
_LONGEST_NOTE = 300


def render(
    request: Request,
    template: str,
    /,
    *,
    status_code: int = 200,
    **context: Any,
) -> HTMLResponse:
    """A page, or a part of one, as an answer.

    Every template knows `who` (the Principal or None), `form_token`, `navigation`, `note` (what
    the page before had to say) and `site`, beside what is passed here.
    """
    site = site_of(request)
    response = HTMLResponse(status_code=status_code)
    shared = _shared(request, response, site)
    response.body = _environment().get_template(template).render(shared | context).encode()
    response.headers["content-length"] = str(len(response.body))
    return response


def redirect(address: str, *, note: str = "", kind: str = "good") -> Response:
    """After a change: go and look at the result, and say there what was done."""
    response = RedirectResponse(address, status_code=303)
    if note:
        value = quote(f"{kind}:{note[:_LONGEST_NOTE]}")
        response.set_cookie(
            _NOTE, value, max_age=_NOTE_S, path="/", httponly=True, samesite="strict"
        )
    return response


def toast(response: Response, text: str, *, kind: str = "good") -> Response:
    """Have htmx show a message beside what it swaps in; `kind` is good, bad or plain."""
    response.headers["HX-Trigger"] = json.dumps({"toast": {"text": text, "kind": kind}})
    return response


def _shared(request: Request, response: Response, site: Site) -> dict[str, Any]:
    who = getattr(request.state, "who", None)
    return {
        "request": request,
        "site": site,
        "who": who,
        "navigation": _open_to(who, request.app.state.navigation),
        "form_token": _form_token(request, response, site),
        "note": _note(request, response),
    }


def _open_to(who: Any, items: Sequence[NavigationItem]) -> list[NavigationItem]:
    return [item for item in items if who is not None and who.may(item.role)]


def _form_token(request: Request, response: Response, site: Site) -> str:
    secure = site.is_secure(request)
    secret = cookies.form_secret(request, secure=secure)
    if secret is None:
        secret = cookies.keep_form_secret(response, secure=secure)
    return cookies.form_token(secret)


def _note(request: Request, response: Response) -> Mapping[str, str] | None:
    value = unquote(request.cookies.get(_NOTE, ""))
    if not value:
        return None
    response.delete_cookie(_NOTE, path="/", httponly=True, samesite="strict")
    kind, _, text = value.partition(":")
    return {"kind": kind if kind in {"good", "bad", "plain"} else "plain", "text": text}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_made_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals["static_url"] = static_url
    environment.filters |= {
        "when": when,
        "count": count,
        "shown_id": lambda number, prefix: show_id(prefix, number),
        "pretty_json": pretty_json,
    }
    return environment


def _made_harmless(value: Any) -> Any:
    # Foreign text must not reorder what stands around it, nor hide in it.
    return harmless(value) if type(value) is str else value


def when(moment: datetime | None, *, dates_only: bool = False) -> Markup:
    """A time as `<time>`: UTC in the source and the title, the viewer's zone once scripts run."""
    if moment is None:
        return Markup('<span class="none">–</span>')
    utc = moment.astimezone(UTC)
    exact = utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    shown = utc.strftime("%Y-%m-%d" if dates_only else "%Y-%m-%d %H:%M:%S")
    return Markup('<time datetime="{}" title="{} UTC"{}>{}</time>').format(
        exact,
        utc.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
        Markup(" data-date") if dates_only else "",
        shown,
    )


def count(number: int) -> str:
    """A number in groups of three, by thin spaces."""
    return f"{number:,}".replace(",", "\u202f")


def pretty_json(value: Any) -> str:
    """A JSON value over several lines."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
