"""What every connector must hold to, as plain functions.

A check takes a specimen (and one of its fixtures) and returns findings in words; no finding means
that it passed. The test suite, `gateway connectors check` and the tests of the checks call them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

from canonical.errors import GatewayError, Rejected
from canonical.families import FACT_OF
from canonical.message import Item, Message
from connectors.contract import Connector, Identity
from connectors.damage import bodies_cut, bodies_flipped, bodies_with_other_values, flipped_at
from connectors.fetching import Fetch
from connectors.goldens import Fixture, Specimen, diff_of, golden, golden_text
from connectors.purity import impurities
from connectors.raw import RawMessage
from connectors.secret import Secret
from connectors.translation import Outcome, dry_run, outcome_document

LATER = timedelta(hours=26)
WRONG = Secret("wrong", b"d2hvbGx5LWRpZmZlcmVudC1zZWNyZXQ=")
UNKNOWN_KIND = "unknown_kind"
"""A fixture whose case starts with this shows what a kind that is not declared gives."""

SECTIONS = {
    "what is supported": ("support", "kind", "message"),
    "identity and version": ("identity", "version"),
    "signature": ("signature", "verif"),
    "delivery habits": ("deliver",),
    "options": ("option",),
    "what is ignored": ("ignore",),
    "sources": ("source",),
}
"""Sections of a connector's README: its heading contains one of the words."""

Findings = list[str]


def check_golden(one: Specimen, fixture: Fixture) -> Findings:
    """The fixture becomes what its golden says."""
    if not fixture.expected_path.exists():
        return [f"no golden: run `gateway connectors golden {one.connector.manifest.name}`"]
    expected = fixture.expected_path.read_text("utf-8")
    difference = diff_of(expected, golden_text(golden(one, fixture)), fixture.path.name)
    return [difference] if difference else []


def check_determinism(one: Specimen, fixture: Fixture) -> Findings:
    """The same delivery gives the same answer, in every detail."""
    first = golden_text(outcome_document(dry_run(one.connector, fixture.raw)))
    again = golden_text(outcome_document(dry_run(one.connector, fixture.raw)))
    return [f"a second reading differs:\n{diff_of(first, again, '')}"] if first != again else []


def check_answers(one: Specimen, fixture: Fixture) -> Findings:
    """No fault of the connector hides in the outcome, and no float in the data."""
    outcome = dry_run(one.connector, fixture.raw)
    faults = [
        f"{problem.at or 'payload'}: {problem.message}"
        for problem in outcome.problems
        if problem.code == "connector_fault"
    ]
    document = outcome_document(outcome)
    floats = [f"a float at {path}" for path in _floats(document["messages"], "messages")]
    return faults + floats


def check_redelivery(one: Specimen, fixture: Fixture) -> Findings:
    """The same fact, sent again later under other delivery ids: same keys, same content."""
    headers = {
        name: f"other-{value}" if _names_delivery(one, name) else value
        for name, value in fixture.meta.headers.items()
    }
    later = fixture.arriving(headers=headers, received_at=fixture.meta.received_at + LATER)
    first = _facts(dry_run(one.connector, fixture.raw))
    again = _facts(dry_run(one.connector, later))
    if first == again:
        return []
    shown = diff_of(golden_text({"facts": first}), golden_text({"facts": again}), "redelivery")
    return [f"a redelivery is another fact:\n{shown}"]


def check_signature(one: Specimen, fixture: Fixture) -> Findings:
    """The genuine delivery passes; a tampered, unsigned or wrongly keyed one is refused."""
    if not one.is_signed(fixture) or _is_meant_refused(one, fixture):
        return []
    if not one.secrets:
        return ["a signed connector needs fixtures/secrets.toml"]
    findings = _accepts(one, fixture)
    for what, raw, secrets in _forgeries(one, fixture):
        findings += [f"{what}: {fault}" for fault in _refuses(one, raw, secrets)]
    return findings


def check_truncation(one: Specimen, fixture: Fixture) -> Findings:
    """Cut anywhere, the payload gives problems or our own errors, nothing foreign."""
    return _endures(one, fixture, bodies_cut(fixture.raw.body), "cut")


def check_flipped_bytes(one: Specimen, fixture: Fixture) -> Findings:
    """Bytes changed by chance give problems or our own errors, nothing foreign."""
    return _endures(one, fixture, bodies_flipped(fixture.raw.body), "flipped")


def check_other_values(one: Specimen, fixture: Fixture) -> Findings:
    """JSON values of unexpected types give problems or our own errors, nothing foreign."""
    return _endures(one, fixture, bodies_with_other_values(fixture.raw.body), "other value")


def check_kinds(one: Specimen) -> Findings:
    """Declared kinds and the kinds of the fixtures are the same; file names tell the kind."""
    manifest = one.connector.manifest
    findings, seen = [], set()
    for fixture in one.fixtures:
        kind = dry_run(one.connector, fixture.raw).kind
        stem, _, case = fixture.path.name.partition("__")
        seen.add(kind)
        if kind and stem not in _file_names(kind):
            findings.append(f"{fixture.path.name} is named after another kind than {kind!r}")
        known = kind in manifest.kinds or manifest.ignores(kind) or not kind
        if not known and not case.startswith(UNKNOWN_KIND):
            findings.append(f"{fixture.path.name}: kind {kind!r} is not declared")
    findings += [f"kind {kind!r} has no fixture" for kind in manifest.kinds if kind not in seen]
    findings += [f"kind {kind!r} is ignored, too" for kind in _also_ignored(one)]
    if "*" in manifest.ignored_kinds:
        findings.append("`*` would ignore what nobody has understood")
    return findings


def check_emits(one: Specimen) -> Findings:
    """Declared message types exist, and exactly they come out of the fixtures."""
    declared = one.connector.manifest.emits
    emitted = {
        message.data.TYPE
        for fixture in one.fixtures
        for message in dry_run(one.connector, fixture.raw).messages
    }
    unknown = [f"{type_} is no canonical type" for type_ in declared if type_ not in FACT_OF]
    missing = [f"no fixture emits {type_}" for type_ in declared if type_ not in emitted]
    return unknown + missing + [f"{type_} is not declared" for type_ in emitted - set(declared)]


def check_readme(one: Specimen) -> Findings:
    """The README has its sections and explains every kind and option."""
    path = one.folder / "README.md"
    if not path.exists():
        return ["README.md is missing"]
    text = path.read_text("utf-8")
    headings = [line.lower() for line in text.splitlines() if line.startswith("#")][1:]
    findings = [
        f"README.md has no section on {section}"
        for section, words in SECTIONS.items()
        if not any(word in heading for heading in headings for word in words)
    ]
    told = [*one.connector.manifest.options, *one.connector.manifest.kinds]
    return findings + [f"README.md does not mention {name!r}" for name in told if name not in text]


def check_purity(one: Specimen) -> Findings:
    """The source imports only what a connector may, and reads no clock, file or chance."""
    return impurities(one.folder)


FIXTURE_CHECKS: tuple[Callable[[Specimen, Fixture], Findings], ...] = (
    check_golden,
    check_determinism,
    check_answers,
    check_redelivery,
    check_signature,
    check_truncation,
    check_flipped_bytes,
    check_other_values,
)
CONNECTOR_CHECKS: tuple[Callable[[Specimen], Findings], ...] = (
    check_kinds,
    check_emits,
    check_readme,
    check_purity,
)


def check_all(one: Specimen) -> Iterator[str]:
    """Every finding of every check, each with where it was found."""
    name = one.connector.manifest.name
    for check in CONNECTOR_CHECKS:
        yield from (f"{name}: {finding}" for finding in check(one))
    for fixture in one.fixtures:
        for fixture_check in FIXTURE_CHECKS:
            where = f"{name}:{fixture.path.name}: {fixture_check.__name__}"
            yield from (f"{where}: {finding}" for finding in fixture_check(one, fixture))


def _floats(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, float):
        yield path
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _floats(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _floats(inner, f"{path}[{number}]")


def _names_delivery(one: Specimen, header: str) -> bool:
    return re.search(r"(^|-)id$", header) is not None and header not in one.settings.fact_headers


def _facts(outcome: Outcome) -> list[Any]:
    return [_fact(message) for message in outcome.messages] + [
        {"problem": problem.code, "path": problem.path, "at": problem.at}
        for problem in outcome.problems
    ]


def _fact(message: Message) -> dict[str, Any]:
    return {
        "key": message.key.text,
        "type": message.data.TYPE,
        "subject": message.subject,
        "entity": str(message.entity),
        "version": str(message.version),
        "correlation": message.correlation,
        "partition": message.partition,
        "content": json.loads(message.data.content()),
    }


def _is_meant_refused(one: Specimen, fixture: Fixture) -> bool:
    return golden(one, fixture)["outcome"] == "refused" and (
        fixture.expected_path.exists()
        and json.loads(fixture.expected_path.read_bytes())["outcome"] == "refused"
    )


def _accepts(one: Specimen, fixture: Fixture) -> Findings:
    right = one.secrets[0]
    findings = []
    for what, secrets in (
        ("the right secret", [right]),
        ("rotation, new first", [WRONG, right]),
        ("rotation, old first", [right, WRONG]),
    ):
        try:
            if one.connector.verify(fixture.raw, secrets) != right:
                findings.append(f"{what}: verify did not return the secret that matched")
        except GatewayError as error:
            findings.append(f"{what}: refused as {error.code}")
    return findings


def _forgeries(
    one: Specimen, fixture: Fixture
) -> Iterator[tuple[str, RawMessage, Sequence[Secret]]]:
    headers, secrets = fixture.meta.headers, one.secrets
    if not one.connector.manifest.secret_headers:  # A static token says nothing of the body.
        for what, body in _tampered(fixture.raw.body):
            yield what, fixture.arriving(body=body), secrets
    if not one.settings.signed_in_body:
        yield "no headers", fixture.arriving(headers={}), secrets
        for junk in ("", " ", "x" * 10_000, "t=,v1=", "ü\ud800", "v1,"):
            unreadable = fixture.arriving(headers=dict.fromkeys(headers, junk))
            yield f"headers of {junk[:6]!r}", unreadable, secrets
    yield "wrong secret", fixture.raw, [WRONG]
    yield "no secret", fixture.raw, []
    yield "empty secret", fixture.raw, [Secret("empty", b"")]


def _tampered(body: bytes) -> Iterator[tuple[str, bytes]]:
    yield "longer body", body + b"0"
    if body:
        yield "empty body", b""
        for place in sorted({0, len(body) // 3, len(body) // 2, len(body) - 1}):
            yield f"tampered body (byte {place})", flipped_at(body, place)


def _refuses(one: Specimen, raw: RawMessage, secrets: Sequence[Secret]) -> Findings:
    try:
        one.connector.verify(raw, secrets)
    except Rejected:
        return []
    except Exception as error:  # noqa: BLE001 - any other exception is the finding
        return [f"raised {type(error).__name__} instead of Rejected"]
    return ["was accepted"]


def _endures(one: Specimen, fixture: Fixture, bodies: Iterator[bytes], what: str) -> Findings:
    found: dict[str, int] = {}
    for number, body in enumerate(bodies):
        fault = _foreign(one, fixture.arriving(body=body), strict=what == "cut")
        if fault:
            found.setdefault(fault, number)
    return [f"{what} (no. {number}): {fault}" for fault, number in found.items()]


def _foreign(one: Specimen, raw: RawMessage, *, strict: bool) -> str:
    escaped: list[Exception] = []
    outcome_document(dry_run(_watched(one.connector, escaped), raw))
    for error in escaped:
        # A value outside the model's limits may fall into the net that translation is; but a
        # payload that is only cut short must be refused by the connector's own reading.
        if strict or type(error).__name__ != "ValidationError":
            return f"raised {type(error).__name__}"
    return ""


def _watched(connector: Connector, escaped: list[Exception]) -> Connector:
    """The connector; what it lets escape beside our own errors is noted."""

    def identify(raw: RawMessage) -> Identity | None:
        with _noting(escaped):
            return connector.identify(raw)

    def translate(raw: RawMessage, identity: Identity) -> Iterator[Item | Fetch]:
        with _noting(escaped):
            yield from connector.translate(raw, identity)

    return replace(connector, identify=identify, translate=translate)


@contextmanager
def _noting(escaped: list[Exception]) -> Iterator[None]:
    try:
        yield
    except GatewayError:
        raise
    except Exception as error:
        escaped.append(error)
        raise


def _file_names(kind: str) -> set[str]:
    # A colon may stay, but keeps the fixture from being checked out where files cannot have one.
    return {kind.replace("/", "."), re.sub("[/:]", ".", kind)}


def _also_ignored(one: Specimen) -> list[str]:
    ignored = one.connector.manifest.ignored_kinds
    return [kind for kind in one.connector.manifest.kinds if kind in ignored]
