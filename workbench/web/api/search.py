"""Search: messages by any name, word, amount, party, time."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from store.ids import RECEIPT, show_id
from workbench.finding.searching import Hit, find, query_of
from workbench.web.access import Viewer
from workbench.web.api.messages import message_document
from workbench.web.paging import Pages
from workbench.web.site import TheSite

router = APIRouter(tags=["search"])

Filter = Annotated[str, Query(max_length=200)]


@router.get("/search", summary="Messages with these words, newest first")
async def get_search(
    who: Viewer,
    site: TheSite,
    page: Pages,
    q: Filter = "",
    connector: Filter = "",
    account: Filter = "",
    domain: Filter = "",
    type: Filter = "",  # noqa: A002 - the name in the address
    state: Filter = "",
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    amount_from: Filter = "",
    amount_to: Filter = "",
    currency: Filter = "",
) -> dict[str, Any]:
    """All words must be there; longer words that begin so count, unless in quotes. `named` has
    what bears exactly the name that was asked for. `searched_back_to` is set where the time was up
    before the page was full: `next` goes on from there."""
    query = query_of(
        text=q, since=since, until=until, amount_from=amount_from, amount_to=amount_to,
        currency=currency, connector=connector, account=account, domain=domain, type=type,
        state=state,
    )  # fmt: skip
    found = await find(site.database, query, after=page.after, limit=page.limit)
    return {
        "items": [_hit(one) for one in found.hits],
        "named": {
            "messages": [_hit(one) for one in found.named.messages],
            "receipts": [show_id(RECEIPT, one) for one in found.named.receipts],
        },
        "next": found.next,
        "searched_back_to": found.back_to,
        "not_summed_up": found.not_in_blocks,
    }


def _hit(hit: Hit) -> dict[str, Any]:
    shown = message_document(hit.message)
    shown.pop("data")
    return {**shown, "amount": hit.amount, "currency": hit.currency, "party": hit.party}
