"""Style and scripts."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from workbench.web.access import anybody
from workbench.web.problems import NotHere
from workbench.web.requests import PAGES
from workbench.web.static_content import static_files

_YEAR_S = 365 * 24 * 3600

router = APIRouter(dependencies=[anybody])


@router.get(f"{PAGES}/static/{{mark}}/{{name}}")
async def static_file(request: Request, mark: str, name: str) -> Response:
    """One file. Another release's address gets today's file, which is then not kept."""
    found = static_files().get(name)
    if found is None:
        raise NotHere("there is no such file")
    packs = "gzip" in request.headers.get("accept-encoding", "")
    kept = f"public, max-age={_YEAR_S}, immutable" if mark == found.mark else "no-store"
    headers = {"Cache-Control": kept, "Vary": "Accept-Encoding"}
    if packs:
        headers["Content-Encoding"] = "gzip"
    body = found.packed if packs else found.body
    return Response(body, media_type=found.content_type, headers=headers)
