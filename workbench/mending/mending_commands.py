"""`gateway dead groups | dry-run | edit | patch | campaign …`: the actions, printed."""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from canonical.errors import Malformed
from store.access.proposals import PROPOSAL
from store.ids import DEAD_LETTER, MESSAGE, parse_id, show_id
from store.mending import reprocessed
from store.mending.campaigns import CAMPAIGN, Campaign, list_campaigns, load_campaign
from store.mending.conflicts import Decision, Verdict
from store.mending.failure_groups import GROUP, Sort
from store.mending.reprocessing import REPROCESSING, list_reprocessings, load_reprocessing
from workbench.bench import Bench
from workbench.documents import document
from workbench.failures import groups
from workbench.failures.dry_runs import DryRun
from workbench.failures.failure import show_failure, what_replay_would_do
from workbench.mending import campaigns, conflicts, editing, proposing, reprocessing
from workbench.mending.discarding import discard_group
from workbench.mending.patch_rules import read_rule
from workbench.mending.patching import preview_patch
from workbench.showing import console, harmless, time_text


def _actor() -> str:
    return getpass.getuser()


def _print(value: Any) -> None:
    """A value as JSON, harmless for a terminal."""
    print(json.dumps(document(value), indent=2, ensure_ascii=True))


async def print_groups(
    bench: Bench, grouping: str, *, state: str, sort: Sort, limit: int, as_json: bool
) -> None:
    """Failures in groups."""
    page = await groups.list_groups(bench, grouping, state=state, sort=sort, limit=limit)
    if as_json:
        _print(page.groups)
        return
    table = Table("group", "open", "total", "24 h", "last seen", "what", "owner", "due")
    for one in page.groups:
        group = one.group
        names = ("connector", "account", "kind", "stage", "error_code", "field_path", "text")
        what = " ".join(text for name in names if (text := getattr(group, name)))
        table.add_row(
            show_id(GROUP, group.group_id),
            str(group.open_count),
            str(group.total_count),
            str(sum(one.trend.hours)),
            time_text(group.last_seen),
            harmless(what),
            harmless(group.owner or "–"),
            f"overdue since {time_text(one.due_at)}" if one.overdue else time_text(one.due_at),
        )
    console().print(table if page.groups else f"no group is {state}")


async def change_group(bench: Bench, shown: str, changes: dict[str, Any], reason: str) -> None:
    """Change or, without changes, show a group."""
    group_id = parse_id(GROUP, shown)
    if changes:
        await groups.change_group(bench, group_id, changes, actor=_actor(), reason=reason)
    _print(await groups.show_group(bench, group_id))


async def discard_whole_group(bench: Bench, shown: str, reason: str, text: str) -> None:
    """Give up what is open of a group."""
    group_id = parse_id(GROUP, shown)
    _print(await discard_group(bench, group_id, actor=_actor(), reason=reason, text=text))


async def print_dry_run(bench: Bench, shown: str, *, as_json: bool) -> bool:
    """What a replay of a failure would do; whether it would succeed."""
    failure = await show_failure(bench, parse_id(DEAD_LETTER, shown))
    replay = await what_replay_would_do(bench, failure)
    if replay is None:
        print("replaying is not about a payload here: the message or the fetch is tried again")
        return True
    if as_json:
        _print(replay)
    else:
        _show(replay)
    return replay.succeeds


def _show(replay: DryRun) -> None:
    counts = ", ".join(f"{number} {name}" for name, number in replay.counts.items() if number)
    print(f"{replay.outcome}: {counts or 'nothing'}{' and more' if replay.more else ''}")
    if replay.failure is not None:
        print(harmless(f"  would fail: [{replay.failure.code}] {replay.failure.message}"))
    for problem in replay.problems:
        print(
            harmless(f"  would fail at {problem.at or 'payload'}: [{problem.code}] {problem.path}")
        )
    for fact in replay.facts:
        print(harmless(f"  {fact.expected}: {fact.message.type} {fact.message.subject}"))
        for one in fact.differences:
            print(harmless(f"    {one.path}: {one.old!r} → {one.new!r}"))


async def edit_failure(
    bench: Bench, shown: str, body: bytes, reason: str, *, dry_run: bool
) -> None:
    """Replay a failure with other bytes in place of its own."""
    letter = parse_id(DEAD_LETTER, shown)
    if dry_run:
        tried = await editing.try_edit(bench, letter, body)
        _show(tried.after)
        if tried.second_person:
            print(f"needs a second person: {', '.join(tried.second_person[:10])}")
        return
    done = await editing.edit(bench, letter, body, actor=_actor(), reason=reason)
    if done.proposal is not None:
        proposal = show_id(PROPOSAL, done.proposal.proposal_id)
        print(f"{shown}: waits for a second person: gateway dead approve {proposal}")
    else:
        print(f"{shown}: on its way as an edited copy")


async def approve(bench: Bench, shown: str, reason: str) -> None:
    """Agree to a proposal of somebody else's and carry it out."""
    done = await proposing.approve(bench, parse_id(PROPOSAL, shown), actor=_actor(), reason=reason)
    print(f"{shown}: {done.state}")


def rule_of(file: Path) -> dict[str, Any]:
    """A patch's rule out of a JSON file. Raises Malformed."""
    try:
        rule = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise Malformed(f"{file}: not readable as JSON", code="bad_rule") from None
    if not isinstance(rule, dict):
        raise Malformed(f"{file}: a rule is a JSON object", code="bad_rule")
    return rule


async def print_preview(bench: Bench, shown: str, file: Path, samples: int) -> None:
    """What a rule would do to a group."""
    rule = read_rule(rule_of(file))
    preview = await preview_patch(bench, parse_id(GROUP, shown), rule, samples=samples)
    print(f"{preview.total} open, {len(preview.samples)} tried:")
    for name, number in preview.counts.items():
        print(f"  {number} {name}")
    for sample in preview.samples[:3]:
        for one in sample.changes:
            print(harmless(f"  {one.path}: {one.old!r}\n    → {one.new!r}"))
    if preview.second_person:
        print("needs a second person")


async def start_campaign(
    bench: Bench,
    shown: str,
    reason: str,
    *,
    rule: Path | None,
    stages: Sequence[int],
    threshold: int,
    per_second: int | None,
) -> None:
    """Replay or patch a group by a ramp."""
    started = await campaigns.start_campaign(
        bench,
        parse_id(GROUP, shown),
        actor=_actor(),
        reason=reason,
        rule=None if rule is None else rule_of(rule),
        stages=stages,
        threshold_percent=threshold,
        per_second=per_second,
    )
    _show_campaign(started.campaign)
    if started.proposal is not None:
        proposal = show_id(PROPOSAL, started.proposal.proposal_id)
        print(f"waits for a second person: gateway dead approve {proposal}")


def _show_campaign(one: Campaign) -> None:
    shown = show_id(CAMPAIGN, one.campaign_id)
    print(
        f"{shown}: {one.state}, stage {one.stage + 1}, {one.released} of {one.total} released: "
        f"{one.succeeded} succeeded, {one.failed} failed, {one.skipped} passed over, "
        f"{one.outstanding} under way" + (f"; {one.stop_reason}" if one.stop_reason else "")
    )


async def turn_campaign(bench: Bench, shown: str, verb: str) -> None:
    """Pause, resume or cancel a campaign, or say how it stands."""
    campaign_id = parse_id(CAMPAIGN, shown)
    turns = {
        "pause": campaigns.pause_campaign,
        "resume": campaigns.resume_campaign,
        "cancel": campaigns.cancel_campaign,
    }
    if verb in turns:
        _show_campaign(await turns[verb](bench, campaign_id, actor=_actor()))
    else:
        found = await bench.database.read(lambda c: load_campaign(c, campaign_id))
        _show_campaign(found)


async def print_campaigns(bench: Bench, *, as_json: bool) -> None:
    """Campaigns, newest first."""
    found = await bench.database.read(list_campaigns)
    if as_json:
        _print(found)
        return
    for one in found:
        _show_campaign(one)


async def reprocess(bench: Bench, shown: str, verb: str) -> None:
    """Say how a reprocessing stands, publish its corrections, or cancel it."""
    run_id = parse_id(REPROCESSING, shown)
    told: dict[str, Any] = {}
    if verb == "publish":
        done = await reprocessing.publish_corrections(bench, run_id, actor=_actor())
        told = {} if done.proposal is None else {"waits_for_a_second_person": done.proposal}
    elif verb == "cancel":
        await reprocessing.cancel_reprocessing(bench, run_id, actor=_actor())
    run = await bench.database.read(lambda c: load_reprocessing(c, run_id))
    found = await bench.database.read(lambda c: reprocessed.list_differences(c, run_id, limit=20))
    _print(told | {"run": run, "first_differences": found})


async def print_reprocessings(bench: Bench) -> None:
    """Reprocessings, newest first."""
    _print(await bench.database.read(list_reprocessings))


async def print_conflicts(bench: Bench, verdict: Verdict, limit: int, *, as_json: bool) -> None:
    """Conflicts, stale messages or duplicates, newest first."""
    found = await conflicts.list_judged(bench, verdict, limit=limit)
    if as_json:
        _print(found)
        return
    table = Table("message", "at", "account", "type", "subject", "key")
    for one in found:
        table.add_row(
            show_id(MESSAGE, one.row_id),
            time_text(one.created_at),
            f"{one.connector}/{one.account}",
            one.type,
            harmless(one.subject),
            harmless(one.key),
        )
    console().print(table if found else f"nothing is {verdict}")


async def print_conflict(bench: Bench, shown: str, *, as_json: bool) -> None:
    """A conflict, side by side."""
    view = await conflicts.show_conflict(bench, parse_id(MESSAGE, shown))
    if as_json:
        _print(view)
        return
    print(harmless(view.conflict.report.key))
    for one in view.differences:
        print(harmless(f"  {one.path}: {one.old!r} → {one.new!r}"))
    if view.decided is not None:
        print(f"{view.decided.decision} by {view.decided.actor}: {harmless(view.decided.reason)}")


async def decide(bench: Bench, shown: str, decision: Decision, reason: str) -> None:
    """Decide about a conflict."""
    row_id = parse_id(MESSAGE, shown)
    done = await conflicts.decide_conflict(bench, row_id, decision, actor=_actor(), reason=reason)
    print(f"{shown}: {done.decision}")


def verdict_of(text: str) -> Verdict:
    """Raises Malformed for a word that is none."""
    match text:
        case "conflict" | "stale" | "duplicate":
            return text
    raise Malformed("a verdict is conflict, stale or duplicate", code="bad_verdict")


def decision_of(text: str) -> Decision:
    """Raises Malformed for a word that is none."""
    match text:
        case "accepted" | "kept_first" | "discarded":
            return text
    raise Malformed("a decision is accepted, kept_first or discarded", code="bad_decision")
