"""One round: traffic and harm, then quiet, then the check."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import redis

from chaos.checker import Checker, Findings
from chaos.evidence import Evidence, entries_of, read_audit, read_subscriber, traced_verdicts
from chaos.payloads import Secrets
from chaos.plan import Plan
from chaos.processes import Misbehaved, NeverCameTrue
from chaos.senders import Answer, Senders
from chaos.servers import Postgresql, held, unread
from chaos.stage import Stage, set_up
from chaos.subscriber import NAME, STREAMS

TRAFFIC_S = 240.0
"""For all senders together; after it the round is given up."""
SETTLED_S = 90.0
WATCH_S = 0.1
TRACED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a round went."""

    plan: Plan
    findings: Findings
    answers: Counter[str]
    seconds: float

    @property
    def held(self) -> bool:
        return not self.findings.violations


def run_round(
    plan: Plan, folder: Path, postgresql: Postgresql | None, clock_library: Path | None
) -> Outcome:
    """Run a plan in an empty folder. It takes some minutes at most, whatever happens."""
    began = time.monotonic()
    folder.mkdir(parents=True)
    (folder / "schedule.txt").write_text("\n".join(plan.described()) + "\n")
    secrets = Secrets(shop=f"chaos-shop-{plan.seed}", payments=f"whsec_chaos_{plan.seed}")
    with set_up(plan, folder, secrets, postgresql, clock_library) as stage:
        try:
            findings, told = _played(stage, secrets)
        except Exception as error:  # noqa: BLE001 - hundreds of rounds must not end with this one
            why = f"could not be played: {type(error).__name__}: {error}"
            findings, told = Findings.of_nothing(why), []
    (folder / "violations.txt").write_text("".join(f"{one}\n" for one in findings.violations))
    return Outcome(
        plan=plan,
        findings=findings,
        answers=Counter(str(one.status or "none") for one in told),
        seconds=time.monotonic() - began,
    )


def _played(stage: Stage, secrets: Secrets) -> tuple[Findings, list[Answer]]:
    stage.start()
    director = _Director(stage, secrets)
    problems = asyncio.run(director.direct())
    problems += _settle(stage)
    evidence = _collect(stage, director.senders, problems)
    return _checked(stage.plan, evidence, stage), director.senders.told


class _Director:
    """Lets the senders send, and does each harm when its moment has come."""

    def __init__(self, stage: Stage, secrets: Secrets) -> None:
        self.senders = Senders(stage.gateways, secrets, self._heard)
        self._stage = stage
        self._answers = 0
        self._doing: list[asyncio.Task[None]] = []
        self._problems: list[str] = []
        steps: list[tuple[int, str, Callable[[], None]]] = [
            *((one.after, str(one), _step(stage.hurt, one)) for one in stage.plan.harms),
            *((one.after, one.name, _step(stage.drop, one)) for one in stage.plan.drops),
        ]
        self._due = sorted(steps, key=lambda step: step[0], reverse=True)

    async def direct(self) -> list[str]:
        """Returns what went wrong with the harness itself or a process, when all is done."""
        watch = asyncio.create_task(self._look_after())
        try:
            async with asyncio.timeout(TRAFFIC_S):
                await self.senders.send_all(self._stage.plan.lanes)
        except TimeoutError:
            self._problems.append(f"senders: not done after {TRAFFIC_S:.0f} s")
        while self._due:
            self._take_next()
        await asyncio.gather(*self._doing)
        await asyncio.sleep(WATCH_S)
        watch.cancel()
        self.senders.write_log(self._stage.folder / "told.jsonl")
        return self._problems

    def _heard(self) -> None:
        self._answers += 1
        while self._due and self._due[-1][0] <= self._answers:
            self._take_next()

    def _take_next(self) -> None:
        _, name, step = self._due.pop()
        self._doing.append(asyncio.create_task(self._do(name, step)))

    async def _do(self, name: str, step: Callable[[], None]) -> None:
        try:
            await asyncio.to_thread(step)
        except (Misbehaved, NeverCameTrue, OSError, redis.RedisError) as error:
            self._problems.append(f"{name}: {type(error).__name__}: {error}")

    async def _look_after(self) -> None:
        while True:
            for process in self._stage.processes():
                await asyncio.to_thread(process.look_after)
            await asyncio.sleep(WATCH_S)


def _step(function: Callable[..., None], argument: object) -> Callable[[], None]:
    return lambda: function(argument)


# ── quiet ────────────────────────────────────────────────────────────────────────────────────────


def _settle(stage: Stage) -> list[str]:
    """Wait until nothing is left to do; what was still open at the deadline."""
    deadline = time.monotonic() + SETTLED_S
    open_ = ["nothing was looked at"]
    while open_ and time.monotonic() < deadline:
        for process in stage.processes():
            process.look_after()
        open_ = _open(stage)
        if open_:
            time.sleep(0.2)
    return [f"never settled: {one}" for one in open_]


def _open(stage: Stage) -> list[str]:
    """What is still to be done; the dearest look last."""
    left = [one.name for one in stage.inbox.iterdir() if not one.name.startswith(".")]
    if left:
        return [f"{len(left)} files not taken"]
    down = [one.name for one in stage.gateways if not one.address()]
    if down:
        return [f"not up: {down}"]
    if busy := _subscriber_is_busy(stage):
        return [busy]
    audit = read_audit(stage.gateways[0])
    if "all" not in audit:
        return [f"audit: {audit.get('error')}"]
    sides = audit["all"]
    pending = sides["receipts"]["pending"] + sides["messages"]["pending"]
    if pending:
        return [f"{pending} pending"]
    # What was published since the first look would show now.
    return [busy] if (busy := _subscriber_is_busy(stage)) else []


def _subscriber_is_busy(stage: Stage) -> str:
    """What it has still to do; empty when that is nothing. The streams first: what it read and
    failed at is noted before it is acknowledged."""
    try:
        behind = unread(stage.streams.url, NAME, STREAMS)
        waiting = read_subscriber(stage.subscriber_store).waiting
    except Exception as error:  # noqa: BLE001 - not there yet, whatever it says
        return f"subscriber or streams: {type(error).__name__}"
    if behind or behind is None or waiting:
        return f"subscriber: {behind} unread, {waiting} to be tried again"
    return ""


# ── the check ────────────────────────────────────────────────────────────────────────────────────


def _collect(stage: Stage, senders: Senders, problems: list[str]) -> Evidence:
    last = entries_of(held(stage.streams.url))
    subscribed = read_subscriber(stage.subscriber_store)
    audit = read_audit(stage.gateways[0])
    unasked = [end for one in stage.processes() for end in one.unasked_ends]
    if stage.plan.poison:
        # The poison ends its subscriber; that is what it is for.
        unasked = [end for end in unasked if not _by_poison(end)]
    return Evidence(
        told=senders.told,
        archived=stage.archived(),
        entries=[*stage.lost, *last],
        last=frozenset(one.id for one in last),
        subscribed=subscribed,
        audit=audit,
        troubles=[*problems, *unasked],
    )


def _by_poison(ending: str) -> bool:
    return ending.startswith("subscriber ") and " ended by itself with 9:" in ending


def _checked(plan: Plan, evidence: Evidence, stage: Stage) -> Findings:
    checker = Checker(plan, evidence)
    traced = [
        f"trace: {fact} is on no stream and none of its reports is stale: {sorted(verdicts)}"
        for fact in checker.missing[:TRACED]
        if "stale" not in (verdicts := _verdicts(stage, fact))
    ]
    findings = checker.check()
    findings.violations.extend(traced)
    findings.violations.extend(
        f"exit: a process that was asked to stop ended with {code}"
        for code in stage.clear()
        if code
    )
    findings.violations.extend(stage.left_behind())
    return findings


def _verdicts(stage: Stage, fact: str) -> set[str]:
    entity, _, version = fact.partition("@")
    verdicts = traced_verdicts(stage.gateways[0], entity.removeprefix("order/"))
    minute = f"T{9 + int(version) // 60:02d}:{int(version) % 60:02d}:"
    found = [judged for told, judged in verdicts.items() if minute in told]
    return found[0] if found else set()
