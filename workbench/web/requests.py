"""What can be read off a request without asking the store."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from fastapi import Request

API = "/api/v1"
PAGES = "/workbench"
SIGN_IN = f"{PAGES}/login"

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def is_api(request: Request) -> bool:
    """Whether a program asks, and wants JSON whatever happens."""
    return request.url.path.startswith(f"{API}/") or request.url.path == API


def is_htmx(request: Request) -> bool:
    """Whether htmx asks for a part of the page it is on."""
    return request.headers.get("hx-request") == "true"


def is_unsafe(request: Request) -> bool:
    """Whether the method may change something."""
    return request.method in UNSAFE


def remote_of(request: Request) -> str:
    """The address a request comes from; of an IPv6 address the part a household shares."""
    host = request.client.host if request.client else ""
    return ":".join(host.split(":")[:4]) if ":" in host else host


def was_sent_from_elsewhere(request: Request) -> bool:
    """Whether another site sent a browser here, which then leaves strict cookies at home."""
    return request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site"


def comes_from_our_pages(request: Request, base_url: str) -> bool:
    """Whether a browser says that a change was asked for on a page of this site.

    Browsers say it by Sec-Fetch-Site, older ones by Origin; what says neither is no browser that
    another site could make do something.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    if origin is None:
        return True
    return urlsplit(origin).netloc in {request.headers.get("host"), urlsplit(base_url).netloc}


def sign_in_address(request: Request) -> str:
    """Where to sign in, and come back from to what was asked for."""
    wanted = request.headers.get("hx-current-url") if is_htmx(request) else str(request.url)
    parts = urlsplit(wanted or "")
    back = parts.path + (f"?{parts.query}" if parts.query else "")
    if request.method != "GET" and not is_htmx(request):
        back = PAGES
    return f"{SIGN_IN}?next={quote(own_page(back), safe='/')}"


def own_page(address: str) -> str:
    """An address within our pages as it is; the overview for any other."""
    inside = address == PAGES or address.startswith((f"{PAGES}/", f"{PAGES}?"))
    return address if inside and address.isprintable() and "\\" not in address else PAGES
