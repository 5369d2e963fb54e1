"""Records of the domains: orders, shipments, invoices, receipts as the domains see them."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import Response

from canonical.errors import GatewayError
from workbench.bench import Bench
from workbench.business.exceptions import DOMAINS
from workbench.business.exceptions_deciding import Wish, decide, offered_by, read_values
from workbench.business.exceptions_records import kinds_of, list_records, show_record
from workbench.web.access import Operator, Viewer
from workbench.web.benches import TheBench
from workbench.web.exception_filters import RecordPages, WantedRecords
from workbench.web.looks import LOOKS
from workbench.web.pages.exceptions import told
from workbench.web.paging import next_address
from workbench.web.problems import status_of
from workbench.web.rendering import redirect, render
from workbench.web.requests import PAGES

RECORDS: Final = f"{PAGES}/records"
LONGEST_KEY: Final = 1000

router = APIRouter(prefix=RECORDS)

Key = Annotated[str, Query(max_length=LONGEST_KEY)]
_Nothing: Final = {"action": "", "subject": "", "values": "", "why": ""}


@router.get("/{domain}")
async def records_page(
    request: Request,
    who: Viewer,
    bench: TheBench,
    page: RecordPages,
    wanted: WantedRecords,
    domain: str,
    key: Key = "",
) -> Response:
    """The records of a domain; with a key, that one."""
    if key:
        return await _record(request, bench, domain, key, typed=_Nothing)
    kinds = await kinds_of(bench, domain)
    found = await list_records(bench, wanted.of(domain), after=page.after, limit=page.limit)
    return render(
        request,
        "exception_records.html",
        here="exceptions",
        domain=domain,
        tabs=[(one, one.capitalize(), f"{RECORDS}/{one}") for one in DOMAINS],
        kinds=kinds,
        statuses=sorted(
            {status for kind, some in kinds.items() if wanted.kind in ("", kind) for status in some}
        ),
        records=found.records,
        wanted=wanted,
        next=next_address(request, found.next),
        paged=page.after is not None,
        now=bench.now(),
        **LOOKS,
    )


@router.post("/{domain}/decide")
async def decide_on(
    request: Request,
    who: Operator,
    bench: TheBench,
    domain: str,
    key: Annotated[str, Form(max_length=LONGEST_KEY)],
    action: Annotated[str, Form(max_length=200)] = "",
    subject: Annotated[str, Form(max_length=200)] = "",
    values: Annotated[str, Form(max_length=100_000)] = "",
    reason: Annotated[str, Form(max_length=10_000)] = "",
) -> Response:
    """Decide on a record, in the words of its domain."""
    try:
        wish = Wish(
            domain=domain,
            record=key,
            action=action,
            subject=subject,
            values=read_values(values),
            reason=reason,
        )
        decided = await decide(bench, wish, actor=who.by)
    except GatewayError as error:
        typed = {"action": action, "subject": subject, "values": values, "why": reason}
        return await _record(request, bench, domain, key, fault=error, typed=typed)
    address = request.url_for("records_page", domain=domain).include_query_params(key=key)
    return redirect(f"{address.path}?{address.query}", note=told(decided))


async def _record(
    request: Request,
    bench: Bench,
    domain: str,
    key: str,
    *,
    fault: GatewayError | None = None,
    typed: dict[str, str],
) -> Response:
    view = await show_record(bench, domain, key)
    return render(
        request,
        "exception_record.html",
        status_code=200 if fault is None else status_of(fault),
        here="exceptions",
        view=view,
        record=view.record,
        actions=offered_by(bench, domain),
        fault=fault,
        typed=typed,
        now=bench.now(),
        **LOOKS,
    )
