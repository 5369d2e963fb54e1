"""What dashboard and alerts ask for exists; their files are what Grafana and Prometheus read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from store.database import open_database
from tests.observability.shown import ROOT, names_in, registry_of, sample_names

FOLDER = ROOT / "observability"
DASHBOARD = json.loads((FOLDER / "grafana/dashboards/gateway.json").read_text())
RULES = yaml.safe_load((FOLDER / "prometheus/rules.yml").read_text())
YAMLS = [*FOLDER.rglob("*.yml"), ROOT / "docker-compose.observability.yml"]


def _panels() -> list[dict[str, Any]]:
    return [one for one in DASHBOARD["panels"] if one["type"] != "row"]


def _expressions() -> Iterator[str]:
    for panel in _panels():
        yield from (target["expr"] for target in panel["targets"])
    for variable in DASHBOARD["templating"]["list"]:
        yield variable["definition"]
    yield from (rule["expr"] for rule in _rules())


def _rules() -> list[dict[str, Any]]:
    return [rule for group in RULES["groups"] for rule in group["rules"]]


async def test_they_ask_only_for_metrics_there_are(sqlite_url: str) -> None:
    database = await open_database(sqlite_url)
    known = sample_names(registry_of(database))
    await database.close()
    asked = {name for expression in _expressions() for name in names_in(expression)}
    assert len(asked) > 30
    assert asked <= known, asked - known


def test_every_expression_is_balanced_and_names_a_metric() -> None:
    for expression in _expressions():
        for opening, closing in ("()", "[]", "{}"):
            assert expression.count(opening) == expression.count(closing), expression
        assert list(names_in(expression)) or expression.startswith("up{"), expression


@pytest.mark.parametrize("rule", _rules(), ids=lambda rule: rule["alert"])
def test_a_rule_has_what_promtool_asks_for(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"[A-Z][A-Za-z]+", rule["alert"])
    assert rule.keys() <= {"alert", "expr", "for", "labels", "annotations", "keep_firing_for"}
    assert re.fullmatch(r"\d+[smhd]", rule.get("for", "0s"))
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"].keys() == {"summary", "description"}


def test_rules_have_names_of_their_own() -> None:
    alerts = [rule["alert"] for rule in _rules()]
    groups = [group["name"] for group in RULES["groups"]]
    assert len(set(alerts)) == len(alerts)
    assert len(set(groups)) == len(groups)


def test_labels_of_a_summary_are_left_by_its_expression() -> None:
    for rule in _rules():
        for label in re.findall(r"\$labels\.(\w+)", str(rule["annotations"])):
            kept = re.findall(r"by \(([\w, ]+)\)", rule["expr"])
            assert label == "instance" or any(label in one for one in kept), rule["alert"]


def test_panels_have_ids_places_and_a_source_of_their_own() -> None:
    ids = [one["id"] for one in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells
    for panel in _panels():
        assert panel["datasource"]["uid"] == "prometheus"
        assert panel["description"], panel["title"]


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: path.name)
def test_yaml_files_can_be_read(path: Any) -> None:
    assert isinstance(yaml.safe_load(path.read_text()), dict)


def test_the_overlay_mounts_what_is_there() -> None:
    overlay = yaml.safe_load((ROOT / "docker-compose.observability.yml").read_text())
    mounts = [one for service in overlay["services"].values() for one in service.get("volumes", [])]
    folders = [one.split(":", 1)[0] for one in mounts if one.startswith("./")]
    assert folders
    for folder in folders:
        assert (ROOT / folder).exists(), folder
