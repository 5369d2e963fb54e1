"""Edit and replay, and trying a rule on a group before it is run."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field, model_validator

from canonical.errors import Malformed
from store.access.proposals import PROPOSAL
from store.ids import DEAD_LETTER, parse_id, show_id
from store.mending.edits import load_editable
from store.mending.failure_groups import GROUP
from workbench.mending.editing import begin_edit, edit, end_edit, try_edit
from workbench.mending.patch_rules import read_rule
from workbench.mending.patching import MOST_SAMPLES, SAMPLES, Sample, preview_patch
from workbench.web.access import Operator
from workbench.web.benches import TheBench
from workbench.web.failure_models import (
    Body,
    Shown,
    ShownDifference,
    ShownDryRun,
    ShownEdit,
    ShownLease,
    shown_dry_run,
    shown_edit,
    shown_lease,
)

router = APIRouter(tags=["mending"])


class EditedPayload(Body):
    """The whole payload as it is to be: as text, or as base64 where it is none."""

    text: str | None = None
    base64: str | None = None

    model_config = ConfigDict(
        json_schema_extra={"example": {"text": '{"id": 1001, "currency": "EUR"}'}}
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> EditedPayload:
        if (self.text is None) == (self.base64 is None):
            raise ValueError("either text or base64 is needed")
        return self

    def content(self) -> bytes:
        """The bytes. Raises Malformed for what is no base64."""
        if self.text is not None:
            return self.text.encode("utf-8", "surrogatepass")
        try:
            return base64.b64decode(self.base64 or "", validate=True)
        except binascii.Error as error:
            raise Malformed("this is no base64", code="bad_base64", path="base64") from error


class NewEdit(EditedPayload):
    """An edit to be kept."""

    reason: Annotated[str, Field(min_length=1, max_length=2000)]

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"text": '{"id": 1001, "currency": "EUR"}', "reason": "a typing error"}
        }
    )


class ShownTriedEdit(Shown):
    """What an edit would do."""

    before: ShownDryRun
    after: ShownDryRun
    second_person: list[str]
    """What of it needs a second person's agreement; empty: one person is enough."""


class MadeEdit(Shown):
    """An edit that was kept: applied at once, or a proposal that waits for a second person."""

    edit: ShownEdit
    proposal_id: str | None


class PatchWish(Body):
    """A rule to try; docs/dead-letters.md has one of each form."""

    rule: dict[str, Any]
    samples: Annotated[int, Field(ge=1, le=MOST_SAMPLES)] = SAMPLES

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "rule": {
                    "form": "json", "op": "replace", "path": "currency", "value": "EUR",
                    "old": "EURO",
                }
            }
        }
    )  # fmt: skip


class ShownSample(Shown):
    """One failure the rule was tried on."""

    id: str
    refused: str | None
    """The code of what is in the way of patching it."""
    changes: list[ShownDifference]
    """The places in the raw payload that change."""
    before: ShownDryRun | None
    after: ShownDryRun | None
    second_person: list[str]


class ShownPreview(Shown):
    """What a rule would do to a group."""

    total: int
    counts: dict[str, int]
    second_person: list[str]
    samples: list[ShownSample]


@router.put("/failures/{shown_id}/lease", summary="Begin to edit, or go on")
async def put_lease(shown_id: str, who: Operator, bench: TheBench) -> ShownLease:
    """One editor at a time: 409 `being_edited` while somebody else does."""
    return shown_lease(await begin_edit(bench, parse_id(DEAD_LETTER, shown_id), actor=who.by))


@router.delete("/failures/{shown_id}/lease", status_code=204, summary="Stop editing")
async def delete_lease(shown_id: str, who: Operator, bench: TheBench) -> Response:
    """Nothing happens when it is not yours."""
    await end_edit(bench, parse_id(DEAD_LETTER, shown_id), actor=who.by)
    return Response(status_code=204)


@router.post("/failures/{shown_id}/edits/try", summary="What an edit would do")
async def post_try(
    shown_id: str, body: EditedPayload, who: Operator, bench: TheBench
) -> ShownTriedEdit:
    """Today's connector on the edited bytes; nothing is stored."""
    number = parse_id(DEAD_LETTER, shown_id)
    tried = await try_edit(bench, number, body.content())
    return ShownTriedEdit(
        before=shown_dry_run(tried.before),
        after=shown_dry_run(tried.after),
        second_person=list(tried.second_person),
    )


@router.post("/failures/{shown_id}/edits", status_code=201, summary="Edit and replay")
async def post_edit(shown_id: str, body: NewEdit, who: Operator, bench: TheBench) -> MadeEdit:
    """The original bytes never change. 409 `being_edited`, `not_open`."""
    number = parse_id(DEAD_LETTER, shown_id)
    await bench.database.read(lambda connection: load_editable(connection, number))
    made = await edit(bench, number, body.content(), actor=who.by, reason=body.reason)
    waiting = made.proposal
    return MadeEdit(
        edit=shown_edit(made.edit),
        proposal_id=None if waiting is None else show_id(PROPOSAL, waiting.proposal_id),
    )


@router.post("/failure-groups/{shown_id}/patch-preview", summary="Try a rule on samples")
async def post_preview(
    shown_id: str, body: PatchWish, who: Operator, bench: TheBench
) -> ShownPreview:
    """Nothing is stored. The rule is run by starting a campaign with it."""
    number, rule = parse_id(GROUP, shown_id), read_rule(body.rule)
    preview = await preview_patch(bench, number, rule, samples=body.samples)
    return ShownPreview(
        total=preview.total,
        counts=dict(preview.counts),
        second_person=list(preview.second_person),
        samples=[_sample(one) for one in preview.samples],
    )


def _sample(one: Sample) -> ShownSample:
    patched = one.patched
    return ShownSample(
        id=show_id(DEAD_LETTER, patched.letter.dead_letter_id),
        refused=patched.refused,
        changes=[ShownDifference.model_validate(change) for change in one.changes],
        before=patched.before and shown_dry_run(patched.before),
        after=patched.after and shown_dry_run(patched.after),
        second_person=list(patched.second_person),
    )
