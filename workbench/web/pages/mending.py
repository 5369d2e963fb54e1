"""Mending: one payload in an editor, or one rule over a group; tried before anything is kept."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import Response

from canonical.errors import GatewayError, Malformed
from store.access.proposals import PROPOSAL
from store.database import Connection
from store.ids import DEAD_LETTER, parse_id, show_id
from store.intake import bodies
from store.mending import campaigns, edits
from store.mending.contested import Contested
from store.mending.failure_groups import GROUP, list_letters, load_group
from workbench.bench import Bench
from workbench.failures.failure import Failure, show_failure, show_payload
from workbench.failures.locating import View
from workbench.mending.campaigns import start_campaign
from workbench.mending.editing import begin_edit, edit, end_edit, try_edit
from workbench.mending.patch_rules import read_rule
from workbench.mending.patching import preview_patch
from workbench.web.access import Operator
from workbench.web.benches import TheBench
from workbench.web.comparing import compare
from workbench.web.looks import LOOKS
from workbench.web.pages.campaigns import CAMPAIGNS, read_rate, read_stages
from workbench.web.problems import status_of
from workbench.web.rendering import redirect, render
from workbench.web.requests import PAGES
from workbench.web.text_editing import EditableText, editable_text

FAILURES = f"{PAGES}/failures"
LINES_AROUND: Final = 11
_FORMS: Final = {"json": "json", "xml": "xml", "x12": "segments", "edifact": "segments"}
_LARGEST_RULE: Final = 20_000

router = APIRouter(prefix=PAGES)

Short = Annotated[str, Form(max_length=200)]
Reason = Annotated[str, Form(max_length=2000)]
Text = Annotated[str | None, Form()]
Upload = Annotated[UploadFile | None, File()]
RuleText = Annotated[str, Form(max_length=_LARGEST_RULE)]


@router.post("/failures/{shown_id}/edit/begin")
async def begin(request: Request, who: Operator, bench: TheBench, shown_id: str) -> Response:
    """Take a failure for editing, or go on with it."""
    number = parse_id(DEAD_LETTER, shown_id)
    try:
        await begin_edit(bench, number, actor=who.by)
    except Contested as error:
        return redirect(f"{FAILURES}/{shown_id}", note=_sentence(error), kind="bad")
    return redirect(f"{FAILURES}/{shown_id}/edit")


@router.post("/failures/{shown_id}/edit/end")
async def end(request: Request, who: Operator, bench: TheBench, shown_id: str) -> Response:
    """Let go of it without an edit."""
    await end_edit(bench, parse_id(DEAD_LETTER, shown_id), actor=who.by)
    return redirect(f"{FAILURES}/{shown_id}", note="Nothing was changed.", kind="plain")


@router.post("/failures/{shown_id}/edit/keep")
async def keep(request: Request, who: Operator, bench: TheBench, shown_id: str) -> Response:
    """Whoever types goes on editing."""
    await begin_edit(bench, parse_id(DEAD_LETTER, shown_id), actor=who.by)
    return Response(status_code=204)


@router.get("/failures/{shown_id}/edit")
async def editor(request: Request, who: Operator, bench: TheBench, shown_id: str) -> Response:
    """The editor, for who has taken the failure."""
    failure = await show_failure(bench, parse_id(DEAD_LETTER, shown_id))
    lease = failure.lease
    if lease is None or lease.editor != who.by or failure.letter.state != "open":
        return redirect(f"{FAILURES}/{shown_id}", note="Begin with Edit.", kind="plain")
    return await _editor(request, bench, failure)


@router.post("/failures/{shown_id}/edit/try")
async def try_it(
    request: Request,
    who: Operator,
    bench: TheBench,
    shown_id: str,
    text: Text = None,
    upload: Upload = None,
) -> Response:
    """What the edit would do; nothing is kept. Whoever tries goes on editing."""
    number = parse_id(DEAD_LETTER, shown_id)
    try:
        await begin_edit(bench, number, actor=who.by)
        body = await _edited(bench, number, text, upload)
        tried = await try_edit(bench, number, body)
    except (Contested, Malformed) as error:
        return render(request, "edit_tried.html", fault=error, tried=None, compared=[], **LOOKS)
    return render(
        request,
        "edit_tried.html",
        fault=None,
        tried=tried,
        compared=compare(tried.before, tried.after),
        **LOOKS,
    )


@router.post("/failures/{shown_id}/edit")
async def save(
    request: Request,
    who: Operator,
    bench: TheBench,
    shown_id: str,
    text: Text = None,
    upload: Upload = None,
    reason: Reason = "",
) -> Response:
    """Keep the edited copy and replay it, or put it before a second person."""
    number = parse_id(DEAD_LETTER, shown_id)
    try:
        body = await _edited(bench, number, text, upload)
        made = await edit(bench, number, body, actor=who.by, reason=reason)
    except (Contested, Malformed) as error:
        failure = await show_failure(bench, number)
        return await _editor(request, bench, failure, fault=error, typed=text, reason=reason)
    if made.proposal is None:
        return redirect(f"{FAILURES}/{shown_id}", note="The edited copy is on its way.")
    shown = show_id(PROPOSAL, made.proposal.proposal_id)
    return redirect(
        f"{FAILURES}/{shown_id}", note=f"It waits for a second person as {shown}.", kind="plain"
    )


async def _editor(
    request: Request,
    bench: Bench,
    failure: Failure,
    *,
    fault: GatewayError | None = None,
    typed: str | None = None,
    reason: str = "",
) -> Response:
    original = await _original(bench, failure.letter.dead_letter_id, failure)
    view = await show_payload(bench, failure, limit=1)
    status = 409 if isinstance(fault, Contested) else status_of(fault) if fault else 200
    known = original and original.text
    return render(
        request,
        "edit.html",
        status_code=status,
        here="failures",
        failure=failure,
        letter=failure.letter,
        editable=original,
        text=typed if typed is not None else known,
        place=_place(view, original, failure) if typed is None else None,
        reason=reason,
        fault=fault,
        largest=edits.LARGEST,
        **LOOKS,
    )


def _place(
    view: View | None, original: EditableText | None, failure: Failure
) -> tuple[int, int] | None:
    """Where in the text the error is, as browsers count: in units of UTF-16."""
    if view is None or view.mark is None or original is None or original.encoding != "utf-8":
        return None
    content = original.content(original.text)
    before, marked = content[: view.mark.start], content[view.mark.start : view.mark.end]
    start = _length(before, original)
    return start, start + _length(marked, original)


def _length(content: bytes, original: EditableText) -> int:
    text = content.decode(original.encoding, "ignore").removeprefix("\ufeff")
    return len(text.replace(original.newline, "\n").encode("utf-16-le")) // 2


async def _original(
    bench: Bench, dead_letter_id: int, failure: Failure | None = None
) -> EditableText | None:
    failure = failure or await show_failure(bench, dead_letter_id)
    receipt = failure.receipt
    if receipt is None or receipt.size > edits.LARGEST:
        return None
    number = receipt.receipt_id
    content = await bench.database.read(lambda connection: bodies.read_body(connection, number))
    return editable_text(content)


async def _edited(
    bench: Bench, dead_letter_id: int, text: str | None, upload: UploadFile | None
) -> bytes:
    """The edited bytes out of a form. Raises Malformed when nothing was sent."""
    if upload is not None and upload.filename:
        return await upload.read()
    original = await _original(bench, dead_letter_id) if text is not None else None
    if text is None or original is None:
        raise Malformed("choose the edited file", code="nothing_sent", path="upload")
    return original.content(text)


@router.get("/groups/{shown_id}/patch")
async def patch_page(request: Request, who: Operator, bench: TheBench, shown_id: str) -> Response:
    """One rule over a group."""
    return await _patch_page(request, bench, parse_id(GROUP, shown_id))


@router.post("/groups/{shown_id}/patch/preview")
async def preview(
    request: Request, who: Operator, bench: TheBench, shown_id: str, rule: RuleText = ""
) -> Response:
    """The rule tried on samples; nothing is kept."""
    number = parse_id(GROUP, shown_id)
    try:
        found = await preview_patch(bench, number, read_rule(_rule(rule)))
    except Malformed as error:
        return render(request, "patch_preview.html", fault=error, preview=None, **LOOKS)
    return render(request, "patch_preview.html", fault=None, preview=found, **LOOKS)


@router.post("/groups/{shown_id}/patch")
async def start_patch(
    request: Request,
    who: Operator,
    bench: TheBench,
    shown_id: str,
    rule: RuleText = "",
    reason: Reason = "",
    stages: Short = "",
    threshold_percent: Annotated[int, Form()] = campaigns.THRESHOLD_PERCENT,
    per_second: Short = "",
) -> Response:
    """Patch and replay the group by a ramp, or put the rule before a second person."""
    number = parse_id(GROUP, shown_id)
    try:
        started = await start_campaign(
            bench,
            number,
            actor=who.by,
            reason=reason,
            rule=_rule(rule),
            stages=read_stages(stages),
            threshold_percent=threshold_percent,
            per_second=read_rate(per_second),
        )
    except (Contested, Malformed) as error:
        return await _patch_page(request, bench, number, fault=error, rule=rule, reason=reason)
    shown = show_id(campaigns.CAMPAIGN, started.campaign.campaign_id)
    waits = started.proposal is not None
    return redirect(
        f"{CAMPAIGNS}/{shown}",
        note="It waits for a second person." if waits else "The campaign is started.",
        kind="plain" if waits else "good",
    )


async def _patch_page(
    request: Request,
    bench: Bench,
    group_id: int,
    *,
    fault: GatewayError | None = None,
    rule: str = "",
    reason: str = "",
) -> Response:
    def look(connection: Connection) -> tuple[Any, list[Any]]:
        group = load_group(connection, group_id)
        return group, list_letters(connection, group, limit=1)

    group, letters = await bench.database.read(look)
    view = None
    if letters:
        newest = await show_failure(bench, letters[0].dead_letter_id)
        view = await show_payload(bench, newest, limit=LINES_AROUND)
    status = 409 if isinstance(fault, Contested) else status_of(fault) if fault else 200
    return render(
        request,
        "patch.html",
        status_code=status,
        here="failures",
        group=group,
        newest=letters[0] if letters else None,
        payload=view,
        form=_FORMS.get(view.form, "text") if view else "json",
        rule=rule,
        reason=reason,
        fault=fault,
        **LOOKS,
    )


def _rule(text: str) -> dict[str, Any]:
    """A rule as it was typed. Raises Malformed (`bad_rule`)."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed("the rule is no JSON object", code="bad_rule", path="rule") from error
    if not isinstance(found, dict):
        raise Malformed("the rule is no JSON object", code="bad_rule", path="rule")
    return found


def _sentence(error: GatewayError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
