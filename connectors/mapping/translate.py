"""A payload of any sender → canonical messages, by the mapping in the account's options."""

from __future__ import annotations

from collections.abc import Iterator

from canonical.errors import GatewayError, Malformed
from canonical.message import Ignored, Item, Problem
from connectors.contract import Identity
from connectors.kit.archives import is_archive, members
from connectors.mapping.plan import Plan, plan_of
from connectors.mapping.records import Opener, Record, delivery_field, records_of
from connectors.mapping.rules import Ordinals, Rule
from connectors.mapping.scopes import Scope
from connectors.raw import RawMessage


def identify(raw: RawMessage) -> Identity:
    """The format as the kind; as the key what the options name, else the digest.

    Raises Unsupported (`bad_option`) for an account without a usable mapping, and Malformed for
    an empty payload.
    """
    plan = plan_of(raw.options)
    with raw.open() as stream:
        if not stream.read(1):
            raise Malformed("there is nothing in it", code="empty")
    settings = plan.settings
    named = (
        raw.headers.get(settings.delivery_key_header, "") if settings.delivery_key_header else ""
    )
    if not named and settings.delivery_key_field is not None:
        named = delivery_field(raw.body, plan)
    return Identity(kind=settings.form, delivery_key=named or raw.digest.hex())


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
    """The facts of a payload, of a gzip file's content, or of each file in a zip.

    A record that cannot be read is a Problem and the others go on. Malformed, TooLarge or
    Unsupported is raised when nothing of it can be trusted.
    """
    del identity  # The mapping says what there is to know.
    plan = plan_of(raw.options)
    if not is_archive(raw):
        for member in members(raw):
            yield from _document(member.open, plan, raw.account, "")
        return
    for member in members(raw):
        try:
            yield from _document(member.open, plan, raw.account, f"{member.name}!")
        except GatewayError as error:
            yield _problem(error, member.name)


def _document(open_stream: Opener, plan: Plan, account: str, place: str) -> Iterator[Item]:
    seen = Ordinals()
    for record in records_of(open_stream, plan, account):
        yield from _record(record, plan, seen, place + record.at)


def _record(record: Record, plan: Plan, seen: Ordinals, at: str) -> Iterator[Item]:
    if record.error is not None:
        yield _problem(record.error, at)
    elif record.scope is None:
        yield Ignored(reason=record.skipped, at=at)
    else:
        yield from _facts(record.scope, plan, seen, at)


def _facts(scope: Scope, plan: Plan, seen: Ordinals, at: str) -> Iterator[Item]:
    rule = next((one for one in plan.rules if one.when.holds(scope)), None)
    if rule is None:
        if plan.ignores_others:
            yield Ignored(reason="no rule is for it", at=at)
        else:
            yield Problem(code="no_rule", message="no rule is for this record", at=at)
        return
    try:
        parts = _parts(rule, scope)
    except GatewayError as error:
        yield _problem(error, at)
        return
    for part in parts:
        where = at if rule.each is None else f"{at}/{rule.each.text}[{part.position}]".lstrip("/")
        try:
            yield rule.message(part, seen, where)
        except GatewayError as error:
            yield _problem(error, where)


def _parts(rule: Rule, scope: Scope) -> list[Scope]:
    if rule.each is None:
        return [scope]
    found = rule.each.scope(scope).within(rule.each.path)
    if not found:
        raise Malformed("there is nothing in the list", code="missing_field", path=rule.each.text)
    return list(found)


def _problem(error: GatewayError, at: str) -> Problem:
    return Problem(code=error.code, message=str(error), path=error.path, at=at)
