"""Search: one box and some filters."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from canonical.errors import Malformed
from canonical.families import FAMILIES, FAMILY_OF
from workbench.finding.searching import Found, Named, find, query_of
from workbench.operating.auditing import MESSAGE_STATES
from workbench.web.access import Viewer
from workbench.web.navigation import NavigationItem
from workbench.web.paging import Pages, next_address
from workbench.web.rendering import render
from workbench.web.requests import PAGES
from workbench.web.site import TheSite
from workbench.web.times import a_time

SEARCH = f"{PAGES}/search"
NAVIGATION = NavigationItem(key="search", title="Search", href=SEARCH, order=40)

router = APIRouter(prefix=SEARCH)

Filter = Annotated[str, Query(max_length=200)]
_NOTHING = Found(hits=(), named=Named(), back_to=None, next=None, not_in_blocks=0)


@router.get("")
async def search_page(
    request: Request,
    who: Viewer,
    site: TheSite,
    page: Pages,
    q: Filter = "",
    connector: Filter = "",
    account: Filter = "",
    domain: Filter = "",
    type: Filter = "",  # noqa: A002 - the name in the address
    state: Filter = "",
    since: Filter = "",
    until: Filter = "",
    amount_from: Filter = "",
    amount_to: Filter = "",
    currency: Filter = "",
) -> Response:
    """Messages, newest first."""
    typed = {
        "q": q, "connector": connector, "account": account, "domain": domain, "type": type,
        "state": state, "since": since, "until": until, "amount_from": amount_from,
        "amount_to": amount_to, "currency": currency,
    }  # fmt: skip
    fault, found = None, _NOTHING
    try:
        query = query_of(
            text=q,
            since=a_time(since, "since"),
            until=a_time(until, "until"),
            amount_from=amount_from,
            amount_to=amount_to,
            currency=currency,
            connector=connector,
            account=account,
            domain=domain,
            type=type,
            state=state,
        )
        found = await find(site.database, query, after=page.after, limit=page.limit)
    except Malformed as error:
        fault = error
    return render(
        request,
        "search.html",
        status_code=422 if fault else 200,
        here="search",
        found=found,
        fault=fault,
        typed=typed,
        narrowed=[name for name in typed if name != "q" and typed[name]],
        next=next_address(request, found.next),
        paged=page.after is not None,
        domains=list(FAMILIES),
        types=sorted(FAMILY_OF),
        states=MESSAGE_STATES,
    )
