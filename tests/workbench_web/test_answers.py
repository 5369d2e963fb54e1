"""What every answer carries: headers, problem documents, pages that help, escaped text."""

from __future__ import annotations

import gzip
import hashlib
import re

import pytest
from fastapi import APIRouter, FastAPI

from canonical.errors import Unavailable
from store.access.audit_log import append_audit
from tests.workbench_web.browsing import Browser, bearer, somebody
from workbench.access.roles import Role
from workbench.web.access import anybody
from workbench.web.protection import MAX_BODY_BYTES
from workbench.web.rendering import TEMPLATES
from workbench.web.site import Site
from workbench.web.static_content import FOLDER, static_files, static_url

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}
INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|\bhx-on|\bjs:|javascript:|\|\s*safe\b|https?://"
)


@pytest.fixture
async def signed_in(site: Site, browser: Browser) -> Browser:
    """The browser of an administrator."""
    await browser.enter_as(await somebody(site, "ada", Role.ADMIN))
    return browser


@pytest.mark.parametrize(
    "path",
    [
        "/workbench",
        "/workbench/login",
        "/workbench/nothing",
        "/api/v1/me",
        "/api/v1/nothing",
        static_url("workbench.css"),
    ],
)
async def test_every_answer_is_protected(browser: Browser, path: str) -> None:
    answer = await browser.get(path)
    directives = answer.headers["content-security-policy"].split("; ")
    assert dict(one.split(" ", 1) for one in directives) == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "server" not in answer.headers
    if "/static/" not in path:
        assert answer.headers["cache-control"] == "no-store"


async def test_tls_is_asked_for_once_it_is_there(visit: object) -> None:
    answer = await visit(base="https://gateway.example").get("/workbench/login")  # type: ignore[operator]
    assert "max-age" in answer.headers["strict-transport-security"]


def test_templates_have_nothing_inline() -> None:
    found = [
        f"{path.name}: {match.group()}"
        for path in TEMPLATES.rglob("*.html")
        for match in INLINE.finditer(path.read_text("utf-8"))
    ]
    assert not found


COLOUR = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
TEXT_ON = {
    "text": ("ground", "surface", "sunken", "plain-soft", "accent-soft", "good-soft", "bad-soft"),
    "muted": ("ground", "surface", "sunken", "accent-soft"),
    "accent": ("ground", "surface", "accent-soft"),
    "good": ("surface", "good-soft"),
    "warn": ("surface", "warn-soft"),
    "bad": ("surface", "bad-soft"),
    "on-accent": ("accent",),
    "on-bad": ("bad",),
}


def _light(colour: str) -> float:
    """The relative luminance of WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_light(one), _light(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_colours_can_be_told_apart(theme: int) -> None:
    style = (FOLDER / "workbench.css").read_text("utf-8")
    colours = {name: pair[theme] for name, *pair in COLOUR.findall(style)}
    weak = [
        f"{text} on {ground}: {ratio:.2f}"
        for text, grounds in TEXT_ON.items()
        for ground in grounds
        if (ratio := _contrast(colours[text], colours[ground])) < 4.5
    ]
    # The border of a field is what tells that there is one.
    if (edge := _contrast(colours["line-strong"], colours["surface"])) < 3:
        weak.append(f"line-strong on surface: {edge:.2f}")
    assert not weak


def test_third_party_files_are_as_published() -> None:
    listed = dict(
        re.findall(
            r"\| `([\w.]+)` \|.*\| `([0-9a-f]{64})` \|", (FOLDER / "THIRD_PARTY.md").read_text()
        )
    )
    ours = {"workbench.css", "workbench.js", "theme.js", "icon.svg"}
    assert set(listed) >= {"htmax.min.js", "uPlot.iife.min.js", "uPlot.min.css"}
    for name, digest in listed.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest
    minified = {name for name in static_files() if ".min." in name}
    assert minified <= set(listed)
    assert ours <= set(static_files())


async def test_static_files_are_kept_for_ever_under_their_content(browser: Browser) -> None:
    address = static_url("workbench.js")
    answer = await browser.client.get(address, headers={"accept-encoding": "identity"})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.content == (FOLDER / "workbench.js").read_bytes()
    packed = await browser.client.get(address, headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == answer.content
    assert gzip.decompress(static_files()["workbench.js"].packed) == answer.content
    other = await browser.get("/workbench/static/0000000000000000/workbench.js")
    assert other.headers["cache-control"] == "no-store"
    for name in ("THIRD_PARTY.md", "..%2Fapp.py", "nothing.js"):
        missing = await browser.get(f"/workbench/static/0000000000000000/{name}")
        assert missing.status_code == 404


async def test_programs_get_problem_documents(signed_in: Browser, site: Site) -> None:
    headers = await bearer(site, Role.ADMIN)
    client = signed_in.client
    cases = {
        "unknown_user": await client.patch("/api/v1/users/no", json={}, headers=headers),
        "name_taken": await client.post("/api/v1/users", json={"name": "ada"}, headers=headers),
        "invalid_request": await client.post("/api/v1/users", json={"nam": "x"}, headers=headers),
        "last_admin": await client.patch(
            "/api/v1/users/ada", json={"disabled": True}, headers=headers
        ),
        "bad_id": await client.delete("/api/v1/tokens/rubbish", headers=headers),
        "bad_mark": await client.get("/api/v1/audit-log?after=x", headers=headers),
        "not_here": await client.get("/api/v1/nothing", headers=headers),
        "method_not_allowed": await client.put("/api/v1/users", headers=headers),
        "malformed": await client.post("/api/v1/users", content=b"{", headers=headers),
    }
    for code, answer in cases.items():
        if code == "malformed":
            assert answer.json()["status"] == answer.status_code == 422
            continue
        assert answer.headers["content-type"] == "application/problem+json"
        document = answer.json()
        assert document["code"] == code
        assert document["type"] == f"urn:o2c:problem:{code}"
        assert document["status"] == answer.status_code
        assert document["detail"]
        assert document["instance"].startswith("/api/v1/")
    assert cases["unknown_user"].status_code == 404
    assert cases["name_taken"].json()["path"] == "name"
    assert {one["path"] for one in cases["invalid_request"].json()["errors"]} == {"name", "nam"}
    assert cases["method_not_allowed"].headers["allow"]


async def test_people_get_pages_that_help(signed_in: Browser) -> None:
    missing = await signed_in.get("/workbench/nothing")
    assert missing.status_code == 404
    assert "There is nothing here" in missing.text
    assert 'href="/workbench/people"' in missing.text
    viewer = await signed_in.post("/workbench/people/nobody/role", {"role": "viewer"})
    assert viewer.status_code == 404


async def test_htmx_gets_a_toast_beside_the_page(signed_in: Browser) -> None:
    answer = await signed_in.get("/workbench/nothing", hx_request="true")
    assert answer.headers["hx-retarget"] == "#toasts"
    assert answer.text.startswith('<div class="toast bad">')


async def test_htmx_is_sent_to_sign_in(browser: Browser) -> None:
    answer = await browser.get(
        "/workbench/audit-log/verification",
        hx_request="true",
        hx_current_url="http://gateway.example/workbench/audit-log?actor=ada",
    )
    assert answer.status_code == 401
    wanted = "/workbench/login?next=/workbench/audit-log%3Factor%3Dada"
    assert answer.headers["hx-redirect"] == wanted


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RuntimeError("the secret is 42"), 500, "internal_error"),
        (Unavailable("SQLite answered SQLITE_BUSY", code="store_unavailable"), 503, "store"),
    ],
)
async def test_a_mistake_of_ours_tells_no_details(
    app: FastAPI, signed_in: Browser, error: Exception, status: int, code: str
) -> None:
    router = APIRouter(dependencies=[anybody])

    @router.get("/workbench/broken")
    @router.get("/api/v1/broken")
    async def broken() -> None:
        raise error

    app.include_router(router)
    page = await signed_in.get("/workbench/broken")
    document = await signed_in.get("/api/v1/broken")
    assert page.status_code == document.status_code == status
    assert code in document.json()["code"]
    assert "secret" not in page.text + document.text
    assert "content-security-policy" in page.headers
    assert ("retry-after" in page.headers) == (status == 503)


async def test_a_body_has_a_limit(site: Site, browser: Browser) -> None:
    headers = await bearer(site, Role.ADMIN)
    body = b" " * (MAX_BODY_BYTES + 1)
    answer = await browser.client.post("/api/v1/users", content=body, headers=headers)
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


async def test_foreign_text_is_text(site: Site, signed_in: Browser) -> None:
    nasty = "<script>alert(1)</script>\"'&\u202egnp\x1b[31m"

    await site.database.write(
        lambda c: append_audit(
            c, at=site.clock(), actor=nasty, action="x", target=nasty, details={nasty: nasty}
        )
    )
    shown = (await signed_in.get("/workbench/audit-log")).text
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "\u202e" not in shown
    assert "\x1b" not in shown
    filtered = await signed_in.get("/workbench/audit-log?actor=%22%3E%3Cscript%3E")
    assert "<script>" not in filtered.text.replace("<script src", "")


async def test_lists_are_read_page_by_page(site: Site, signed_in: Browser) -> None:
    for number in range(7):
        await somebody(site, f"person{number}", Role.VIEWER)
    seen: list[int] = []
    address = "/api/v1/audit-log?limit=4&action=user"
    after = ""
    while True:
        page = (await signed_in.get(address + after)).json()
        seen += [one["number"] for one in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == sorted(set(seen), reverse=True)
    assert len(seen) == 16
    shown = (await signed_in.get("/workbench/audit-log?limit=4&action=user")).text
    assert "limit=4&amp;action=user&amp;after=" in shown
    for wrong in ("0", "201", "x"):
        assert (await signed_in.get(f"/api/v1/audit-log?limit={wrong}")).status_code == 422


async def test_the_api_describes_itself(signed_in: Browser) -> None:
    document = (await signed_in.get("/api/v1/openapi.json")).json()
    assert "/api/v1/users/{name}" in document["paths"]
    assert not any(path.startswith("/workbench") for path in document["paths"])
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


async def test_the_overview_shows_the_audit(signed_in: Browser) -> None:
    shown = (await signed_in.get("/workbench")).text
    assert '<span class="badge good">balanced</span>' in shown
    assert "Nothing has arrived yet" in shown
    assert (await signed_in.get("/api/v1/audit")).json()["balanced"] is True
