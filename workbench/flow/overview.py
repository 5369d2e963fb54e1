"""The overview: how messages flow, what waits, and what needs a person now."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from routing.router import FAMILY_STREAM
from routing.stream_states import StreamState
from store.finding.overview import Standing
from store.finding.traffic import FAILED, MINUTE_US, RECEIVED, Tallies
from store.times import micros
from workbench.flow.attention import Beside, Item, items_of, short
from workbench.flow.flow_picture import DOMAINS, VERDICTS, Flow, Station
from workbench.flow.silence import Silent

_MOST_CONNECTORS: Final = 9
_OTHERS: Final = "others"
_KINDS: Final = {
    "new": "good", "duplicate": "plain", "stale": "plain", "conflict": "warn", "failed": "bad",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How much came through."""

    minute: int = 0
    """In the last sixty seconds, by whole minutes in part."""
    hour: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainLag:
    """A domain's stream, and who is behind on it."""

    name: str
    stream: str
    length: int
    groups: int
    waiting: int | None
    """What the slowest group has not acknowledged; None without groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All of it, at one moment."""

    at: datetime
    items: Sequence[Item]
    rates: Mapping[str, Rate]
    """received, new, failed … in all."""
    connectors: Mapping[str, Mapping[str, Rate]]
    domains: Mapping[str, Rate]
    lags: Sequence[DomainLag] | None
    """None where the stream server does not answer."""
    standing: Standing
    flow: Flow
    silent: Sequence[Silent]

    @property
    def age(self) -> Mapping[str, float]:
        """How many seconds the oldest that waits has waited, to be translated and published."""
        backlog = self.standing.backlog
        return {
            "receipts": _age(self.at, backlog.oldest_receipt),
            "messages": _age(self.at, backlog.oldest_message),
        }


def build(standing: Standing, beside: Beside) -> Overview:
    """The overview of what was found."""
    rates, connectors, domains = _rates(standing.traffic, standing.at)
    lags = None if beside.streams is None else _lags(beside.streams)
    return Overview(
        at=standing.at,
        items=items_of(standing, beside),
        rates=rates,
        connectors=connectors,
        domains=domains,
        lags=lags,
        standing=standing,
        flow=_flow(standing.traffic, connectors, rates, domains, lags),
        silent=beside.silent,
    )


def _age(now: datetime, since: datetime | None) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def _rates(
    traffic: Tallies, now: datetime
) -> tuple[dict[str, Rate], dict[str, dict[str, Rate]], dict[str, Rate]]:
    """In all, by connector, and new ones by domain."""
    minute = micros(now) // MINUTE_US
    hours: Counter[tuple[str, str]] = Counter()
    minutes: Counter[tuple[str, str]] = Counter()
    passed = (micros(now) % MINUTE_US) / MINUTE_US
    for slot, tally in traffic.items():
        verdict, _, family = slot.what.partition(":")
        ages = minute - slot.minute
        share = 1.0 if ages <= 0 else (1 - passed if ages == 1 else 0.0)
        names = [("", verdict), (slot.connector, verdict)]
        if verdict == "new" and family:
            names.append(("domain", family))
        for name in names:
            hours[name] += tally.number
            minutes[name] += round(tally.number * share)
    found = {
        name: Rate(minute=minutes[name], hour=hours[name])
        for name in sorted(hours, key=lambda one: (-hours[one], one))
    }
    in_all = {what: rate for (group, what), rate in found.items() if not group}
    domains = {what: rate for (group, what), rate in found.items() if group == "domain"}
    connectors: dict[str, dict[str, Rate]] = defaultdict(dict)
    for (group, what), rate in found.items():
        if group and group != "domain":
            connectors[group][what] = rate
    return in_all, dict(connectors), domains


def _lags(streams: Sequence[StreamState]) -> list[DomainLag]:
    states = {one.name: one for one in streams}
    found = []
    for family, stream in FAMILY_STREAM.items():
        state = states.get(stream)
        groups = state.groups if state else ()
        waiting = max((one.waiting or 0 for one in groups), default=None)
        found.append(
            DomainLag(
                name=family,
                stream=stream,
                length=state.length if state else 0,
                groups=len(groups),
                waiting=waiting,
            )
        )
    return found


def _flow(
    traffic: Tallies,
    connectors: Mapping[str, Mapping[str, Rate]],
    rates: Mapping[str, Rate],
    domains: Mapping[str, Rate],
    lags: Sequence[DomainLag] | None,
) -> Flow:
    shown = _shown_connectors(connectors)
    links: Counter[tuple[str, str]] = Counter()
    for slot, tally in traffic.items():
        verdict, _, family = slot.what.partition(":")
        if verdict not in VERDICTS:
            continue
        name = slot.connector if slot.connector in shown else _OTHERS
        links[f"c:{name}", verdict] += tally.number
        if verdict == "new" and family in DOMAINS:
            links[verdict, f"d:{family}"] += tally.number
    left = [
        Station(
            key=f"c:{name}",
            title=name,
            notes=_rate_notes(_received(connectors, shown, name)),
            kind="source",
            href="" if name == _OTHERS else f"/workbench/receipts?connector={name}",
        )
        for name in shown
    ]
    middle = [
        Station(
            key=verdict,
            title=verdict,
            notes=_rate_notes(rates.get(verdict, Rate())),
            kind=_KINDS[verdict],
            href=_VERDICT_PAGES[verdict],
        )
        for verdict in VERDICTS
    ]
    by_name = {one.name: one for one in lags or ()}
    right = [
        Station(
            key=f"d:{family}",
            title=family,
            notes=_domain_notes(domains.get(family, Rate()), by_name.get(family)),
            kind="domain",
            href=f"/workbench/search?domain={family}",
        )
        for family in DOMAINS
    ]
    return Flow(columns=(left, middle, right), links=dict(links))


_VERDICT_PAGES: Final = {
    "new": "/workbench/search?state=published",
    "duplicate": "/workbench/search?state=duplicate",
    "stale": "/workbench/search?state=stale",
    "conflict": "/workbench/conflicts",
    "failed": "/workbench/failures",
}


def _shown_connectors(connectors: Mapping[str, Mapping[str, Rate]]) -> list[str]:
    """The busiest, by name; the others together."""
    busiest = sorted(connectors, key=lambda one: -_busy(connectors[one]))
    if len(busiest) <= _MOST_CONNECTORS:
        return sorted(busiest)
    return [*sorted(busiest[: _MOST_CONNECTORS - 1]), _OTHERS]


def _busy(rates: Mapping[str, Rate]) -> int:
    return sum(one.hour for one in rates.values())


def _received(
    connectors: Mapping[str, Mapping[str, Rate]], shown: Sequence[str], name: str
) -> Rate:
    if name != _OTHERS:
        return connectors[name].get(RECEIVED, Rate())
    some = [rates.get(RECEIVED, Rate()) for one, rates in connectors.items() if one not in shown]
    return Rate(minute=sum(one.minute for one in some), hour=sum(one.hour for one in some))


def _rate_notes(rate: Rate) -> tuple[str, ...]:
    minute, hour = short(rate.minute), short(rate.hour)
    return f"{minute} a minute · {hour} an hour", f"{minute}/min · {hour}/h", f"{hour}/h"


def _domain_notes(rate: Rate, lag: DomainLag | None) -> tuple[str, ...]:
    hour = short(rate.hour)
    if lag is None:
        return f"{hour} an hour · not reachable", f"{hour}/h"
    if lag.waiting is None:
        return f"{hour} an hour · no readers", f"{hour}/h · unread"
    if not lag.waiting:
        return f"{hour} an hour · all read", f"{hour}/h · read"
    return f"{hour} an hour · {short(lag.waiting)} waiting", f"{hour}/h, {short(lag.waiting)} wait"


PLOTTED: Final = ("received", "failed", "new facts")


def plot_series(traffic: Tallies, now: datetime, hours: int) -> list[list[int]]:
    """Seconds since 1970 by minute, and received, failed and new in each."""
    last = micros(now) // MINUTE_US
    first = last - hours * 60
    series = {name: [0] * (last - first) for name in (RECEIVED, "new", FAILED)}
    for slot, tally in traffic.items():
        what = slot.what.partition(":")[0]
        # The minute that is passing would look like a fall.
        if what in series and first <= slot.minute < last:
            series[what][slot.minute - first] += tally.number
    times = [minute * 60 for minute in range(first, last)]
    return [times, series[RECEIVED], series[FAILED], series["new"]]


def overview_document(shown: Overview) -> dict[str, Any]:
    """The overview as JSON."""
    backlog = shown.standing.backlog
    return {
        "at": shown.at,
        "needs_a_person": [
            {"kind": one.kind, "title": one.title, "detail": one.detail, "since": one.since}
            for one in shown.items
        ],
        "rates": {name: _rate(rate) for name, rate in shown.rates.items()},
        "connectors": {
            name: {what: _rate(rate) for what, rate in rates.items()}
            for name, rates in shown.connectors.items()
        },
        "domains": {name: _rate(rate) for name, rate in shown.domains.items()},
        "waiting": {
            "receipts": backlog.receipts,
            "receipts_oldest_seconds": shown.age["receipts"],
            "messages": backlog.messages,
            "messages_oldest_seconds": shown.age["messages"],
            "retries": sum(backlog.retries.values()),
            "fetches": sum(backlog.fetches.values()),
        },
        "streams": None
        if shown.lags is None
        else [
            {
                "stream": one.stream,
                "length": one.length,
                "groups": one.groups,
                "waiting": one.waiting,
            }
            for one in shown.lags
        ],
    }


def _rate(rate: Rate) -> dict[str, int]:
    return {"last_minute": rate.minute, "last_hour": rate.hour}
