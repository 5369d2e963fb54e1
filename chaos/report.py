"""What is printed: a line a round, and the sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from chaos.round import Outcome


def line_of(outcome: Outcome) -> str:
    """One round in one line."""
    plan, found = outcome.plan, outcome.findings
    told = " ".join(f"{count}×{status}" for status, count in sorted(outcome.answers.items()))
    harms = ", ".join(str(one) for one in plan.harms) + (", poison" if plan.poison else "")
    verdict = "ok" if outcome.held else f"VIOLATED ({len(found.violations)})"
    extra = [
        f"{count} {name}"
        for name, count in (("overtaken", found.overtaken), ("not refilled", found.not_refilled))
        if count
    ]
    counted = ", ".join(
        [f"{found.published} facts", f"{found.copies} copies", f"{found.stale} stale", *extra]
    )
    return (
        f"{plan.store} seed {plan.seed}: {plan.members}: [{harms}] told {told} -> {counted};"
        f" {outcome.seconds:.1f} s: {verdict}"
    )


def summary_of(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The table at the end."""
    if not outcomes:
        return
    harms = Counter(harm.kind for one in outcomes for harm in one.plan.harms)
    harms["poisonous message"] = sum(bool(one.plan.poison) for one in outcomes)
    answers = sum((one.answers for one in outcomes), Counter[str]())
    found = [one.findings for one in outcomes]
    rows = [
        ("rounds", len(outcomes)),
        ("rounds in which everything held", sum(one.held for one in outcomes)),
        ("rounds with roles apart", sum(any(one.plan.gateways) for one in outcomes)),
        *((f"harm: {kind}", count) for kind, count in sorted(harms.items()) if count),
        *((f"answers: {status}", count) for status, count in sorted(answers.items())),
        ("facts published", sum(one.published for one in found)),
        ("copies of entries (same id)", sum(one.copies for one in found)),
        ("facts stale", sum(one.stale for one in found)),
        ("entries behind a newer version", sum(one.overtaken for one in found)),
        ("facts lost with the stream server, not refilled", sum(o.not_refilled for o in found)),
        ("violations", sum(len(one.violations) for one in found)),
    ]
    width = max(len(name) for name, _ in rows)
    yield ""
    yield from (f"{name:<{width}}  {count:>7}" for name, count in rows)
    seconds = sum(one.seconds for one in outcomes)
    yield f"{'seconds a round':<{width}}  {seconds / len(outcomes):>7.1f}"
