"""Messages: what they say, where they came from, what became of them."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter

from store.records import MessageRow
from workbench.documents import document
from workbench.finding.looking import show_message
from workbench.web.access import Viewer
from workbench.web.site import TheSite

router = APIRouter(prefix="/messages", tags=["messages"])


@router.get("/{shown_id}", summary="One message, by its id or the CloudEvents id of its fact")
async def get_message(who: Viewer, site: TheSite, shown_id: str) -> dict[str, Any]:
    """With the other reports of the same fact, its tries and who has handled it."""
    shown = await show_message(site.database, shown_id)
    return {
        **message_document(shown.message),
        "references": [{"scheme": scheme, "value": value} for scheme, value in shown.references],
        "reports": [message_document(one) for one in shown.reports],
        "attempts": document(shown.around.attempts),
        "dead_letters": document(shown.around.dead_letters),
        "handled": document(shown.around.handled),
        "retries": document(shown.around.retries),
    }


def message_document(one: MessageRow) -> dict[str, Any]:
    """A message as JSON, what it says included."""
    shown: dict[str, Any] = document(one)
    data = None if one.data is None else json.loads(one.data)
    return {"id": shown.pop("row_id"), **shown, "data": data}
