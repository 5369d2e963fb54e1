"""The results as one document, and as one table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks.contenders import IMPOSSIBLE
from benchmarks.machine import described
from benchmarks.rounds import PARTS_OF_SUM, Figures, Results

PART_NAMES = {
    "http": "HTTP: raw ASGI, 6 KB in",
    "signature": "HMAC-SHA256",
    "insert_raw": "raw row, 100 a commit",
    "translate": "JSON → model → JSON",
    "insert_message": "message row, 100 a commit",
    "append": "XADD, 100 a pipeline",
    "consume": "read + acknowledge, by 100",
}
COLUMNS = (
    "what", "store", "CPU\nµs", "of it\nconsumer", "Valkey\nµs", "Postgre-\nSQL µs",
    "gene-\nrator µs",
    "accepted/s", "through/s", "ack p50/p99 ms\nhalf load", "e2e p50/p99 ms\nhalf load",
    "e2e p50/p99 ms\n8 connections", "lone\nack ms",
)  # fmt: skip


def document(
    results: Results, arguments: Mapping[str, Any], load_before: tuple[float, float, float]
) -> dict[str, Any]:
    """Everything measured, as it is written to the file."""
    medians = results.medians()
    told: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "arguments": {name: arguments[name] for name in ("rounds", "seconds", "sync_delay_ms")},
        "machine": described() | {"load_average_before": load_before},
        "bare_parts": {},
        "baseline": {},
        "ours": {},
        "acknowledging": {},
        "failed": {f"{name} on {store}": why for (name, store), why in results.failed.items()},
    }
    for (name, store), figures in medians.items():
        whole = figures | {"rounds": results.measured[name, store]}
        if name == "bare":
            told["bare_parts"][store] = whole
        elif name in {"baseline", "acknowledging"}:
            told[name][store] = whole
        else:
            _enter_ours(told["ours"], store, name.removeprefix("ours_"), whole)
    told["ratios"] = _ratios(told)
    told["notes"] = [
        *_ratio_lines(told),
        *(f"{what}: {why}" for what, why in told["failed"].items()),
    ]
    return told


def write(file: Path, told: Mapping[str, Any]) -> None:
    """Write the document."""
    file.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def table_of(told: Mapping[str, Any]) -> Table:
    """One table: the parts, then the contenders."""
    rounds, seconds = told["arguments"]["rounds"], told["arguments"]["seconds"]
    delay = told["arguments"]["sync_delay_ms"]
    title = f"medians of {rounds} rounds of {seconds:g} s"
    if delay:
        title += f", every sync {delay} ms slower"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(COLUMNS):
        table.add_column(name, justify="left" if number < 2 else "right", no_wrap=True)
    for store, figures in told["bare_parts"].items():
        _add_parts(table, store, figures)
    for store, figures in told["baseline"].items():
        table.add_row(*_contender("baseline", store, figures))
    for store, found in told["ours"].items():
        for number, figures in found["by_processes"].items():
            plural = "es" if number != "1" else ""
            table.add_row(*_contender(f"ours, {number} process{plural}", store, figures))
    for store, figures in told["acknowledging"].items():
        table.add_row(*_acknowledging(store, figures))
    for what, why in told["failed"].items():
        name, _, store = what.partition(" on ")
        how = "not possible" if why == IMPOSSIBLE else "failed"
        table.add_row(f"{name.replace('_', ' × ')}: {how}", store)
    return table


def _enter_ours(ours: dict[str, Any], store: str, processes: str, figures: Figures) -> None:
    found = ours.setdefault(store, {"by_processes": {}})
    found["by_processes"][processes] = figures
    if processes == "1" or "cpu_us_per_message" not in found:
        found |= {**figures, "processes": int(processes)}


def _add_parts(table: Table, store: str, figures: Figures) -> None:
    for part in PARTS_OF_SUM:
        rate = f"{figures[f'{part}_per_s']:,.0f}"
        table.add_row(PART_NAMES[part], store, f"{figures[part]:.1f}", *[""] * 5, rate)
    lone = f"{figures['lone_commit_ms'] + figures['round_trip_ms']:.2f}"
    table.add_row("sum of the bare parts", store, f"{figures['sum']:.1f}", *[""] * 9, lone)
    table.add_section()


def _contender(name: str, store: str, figures: Figures) -> list[str]:
    def whole(key: str) -> str:
        return f"{figures[key]:,.0f}"

    def both(key: str) -> str:
        return f"{figures[f'{key}_p50_ms']:.1f} / {figures[f'{key}_p99_ms']:.1f}"

    return [
        name, store, whole("cpu_us_per_message"), whole("consumer_cpu_us"), whole("valkey_cpu_us"),
        whole("postgresql_cpu_us") if store == "postgresql" else "", whole("generator_cpu_us"),
        whole("accepted_per_s"), whole("messages_per_s"), both("ack"), both("e2e"), both("e2e_8"),
        f"{figures['lone_ack_ms']:.2f}",
    ]  # fmt: skip


def _acknowledging(store: str, figures: Figures) -> list[str]:
    ack = f"{figures['ack_p50_ms']:.1f} / {figures['ack_p99_ms']:.1f} (full)"
    cpu, rate = f"{figures['cpu_us_per_message']:,.0f}", f"{figures['accepted_per_s']:,.0f}"
    return ["ours, acknowledging alone", store, cpu, *[""] * 4, rate, "", ack]


def _ratios(told: Mapping[str, Any]) -> dict[str, Any]:
    """Of each store: the CPU of ours over the bare sum and over the baseline, and the rates."""
    ratios: dict[str, Any] = {}
    for store, found in told["ours"].items():
        bare, plain = told["bare_parts"].get(store), told["baseline"].get(store)
        of_store: dict[str, float] = {}
        alone = told["acknowledging"].get(store)
        if bare and alone:
            rate = alone["accepted_per_s"] / bare["http_per_s"]
            of_store["acknowledging_to_bare_http"] = rate
        if bare:
            of_store["cpu_to_bare_sum"] = found["cpu_us_per_message"] / bare["sum"]
            floor = bare["lone_commit_ms"] + bare["round_trip_ms"]
            of_store["lone_ack_to_commit_and_round_trip"] = found["lone_ack_ms"] / floor
        if plain:
            of_store["cpu_to_baseline"] = found["cpu_us_per_message"] / plain["cpu_us_per_message"]
            of_store["messages_to_baseline"] = found["messages_per_s"] / plain["messages_per_s"]
        ratios[store] = of_store
    return ratios


def _ratio_lines(told: Mapping[str, Any]) -> Iterator[str]:
    words = {
        "cpu_to_bare_sum": "CPU, ours / sum of the bare parts",
        "lone_ack_to_commit_and_round_trip": "lone ack, ours / bare commit + round trip",
        "acknowledging_to_bare_http": "acknowledged/s alone, ours / bare HTTP",
        "cpu_to_baseline": "CPU, ours / baseline",
        "messages_to_baseline": "messages/s, ours / baseline",
    }
    for store, ratios in told["ratios"].items():
        for name, value in ratios.items():
            yield f"{store}: {words[name]}: {value:.2f}"
