"""A connector's answers made trustworthy: the one place that calls its functions.

The pipeline, the commands `translate` and `golden`, and the conformance suite all come through
here, so what a test or a dry run shows is what would be stored. Whatever a connector raises leaves
this module as a GatewayError, and whatever it yields has been checked against its manifest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import ValidationError

from canonical.errors import GatewayError, Malformed, Rejected, Unsupported
from canonical.keys import message_id
from canonical.message import Ignored, Item, Message, Problem
from canonical.payload import Payload, schema_uri
from connectors.contract import Connector, Identity, Manifest
from connectors.fetching import Fetch
from connectors.raw import RawMessage
from connectors.secret import Secret

REST = "rest of payload"
"""`Problem.at` when a payload broke off behind messages that were already told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What would become of one payload."""

    outcome: Literal["translated", "ignored", "refused", "dead"]
    kind: str = ""
    delivery_key: str = ""
    messages: tuple[Message, ...] = ()
    problems: tuple[Problem, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    fetches: tuple[Fetch, ...] = ()
    """Objects a thin event asks for; what they say comes with receipts of their own."""


def verify(connector: Connector, raw: RawMessage, secrets: Sequence[Secret]) -> Secret:
    """The secret that matched.

    Raises Rejected, whatever goes wrong: a verifier that fails has not verified.
    """
    try:
        matched = connector.verify(raw, secrets)
    except Rejected:
        raise
    except GatewayError as error:
        raise Rejected(str(error), code=error.code, path=error.path) from None
    except Exception as error:  # noqa: BLE001 - fail closed on anything
        raise Rejected(_fault("verify", error), code="connector_fault") from None
    if not any(matched is secret or matched == secret for secret in secrets):
        raise Rejected("verify named no secret of this account", code="connector_fault")
    return matched


def identify(connector: Connector, raw: RawMessage) -> Identity:
    """What the payload is.

    Raises Malformed: with code `unidentified` when it is not of this system, `invalid_value` or
    `connector_fault` for what the connector let escape, or the connector's own GatewayError.
    """
    try:
        identity = connector.identify(raw)
    except Exception as error:  # noqa: BLE001 - mapped, never lost
        raise _as_gateway_error("identify", error) from None
    if identity is None:
        raise Malformed("this is not a payload of this system", code="unidentified")
    if not isinstance(identity, Identity):
        raise Malformed("identify returned no Identity", code="connector_fault")
    if not identity.kind or not identity.delivery_key:
        # An empty delivery key would make every delivery the same one.
        raise Malformed("identify gave an empty kind or delivery key", code="connector_fault")
    if not (_storable(identity.kind) and _storable(identity.delivery_key)):
        raise Malformed("a kind or delivery key has unusable characters", code="invalid_value")
    return identity


def items(connector: Connector, raw: RawMessage, identity: Identity) -> Iterator[Item | Fetch]:
    """What the payload says, item by item.

    Raises Unsupported with code `unknown_kind`, and the mapped error of a payload that breaks
    before its first message. Behind a first message, an error becomes the last item: a Problem
    at `REST`, so that what was already told stays told.
    """
    manifest = connector.manifest
    if identity.kind in manifest.kinds:
        return _guarded(connector, raw, identity)
    if manifest.ignores(identity.kind):
        return iter((Ignored(reason=f"kind {identity.kind[:60]} is of no interest"),))
    raise Unsupported(f"kind {identity.kind[:60]!r} is not known", code="unknown_kind")


def dry_run(
    connector: Connector, raw: RawMessage, secrets: Sequence[Secret] | None = None
) -> Outcome:
    """The whole way of a payload, without storing anything; never raises a GatewayError.

    Without `secrets` (None, not empty) the signature is not looked at.
    """
    if secrets is not None:
        try:
            verify(connector, raw, secrets)
        except Rejected as error:
            return Outcome(outcome="refused", problems=(_problem(error),))
    try:
        identity = identify(connector, raw)
    except GatewayError as error:
        return dead(error)
    found: list[Item | Fetch] = []  # What was yielded before an error stays in it.
    try:
        found.extend(items(connector, raw, identity))
    except GatewayError as error:
        found.append(_problem(error))
    return _outcome(identity, found)


def dead(error: GatewayError) -> Outcome:
    """The outcome of a payload of which nothing could be read."""
    return Outcome(outcome="dead", problems=(_problem(error),))


def outcome_document(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON: the shape of golden files and of `gateway translate`."""
    return {
        "outcome": outcome.outcome,
        "kind": outcome.kind,
        "delivery_key": outcome.delivery_key,
        "messages": [_message_document(message) for message in outcome.messages],
        "problems": [
            {"code": one.code, "message": one.message, "path": one.path, "at": one.at}
            for one in outcome.problems
        ],
        "ignored": [{"reason": one.reason, "at": one.at} for one in outcome.ignored],
        **_fetches_document(outcome),
    }


def _fetches_document(outcome: Outcome) -> dict[str, Any]:
    if not outcome.fetches:
        return {}
    return {
        "fetches": [
            {"kind": one.kind, "object_id": one.object_id, "at": one.at} for one in outcome.fetches
        ]
    }


def unwrap_capture(body: bytes, headers: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """The body and headers inside a capture file; anything else comes back as it is.

    A capture file is a JSON object with the keys `headers` (an object of strings) and `body`, and
    beside them at most the capturing tool's notes (`topic`, `method`, `url`). A body that is text
    gives its UTF-8, any other exactly the characters it is written in, so that `10.00` stays
    `10.00`. Given headers win over captured ones; names are lowered.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        members = list(_members(body.decode("utf-8-sig")))
        written = dict(members)
        captured, inner = json.loads(written["headers"]), json.loads(written["body"])
    except (ValueError, KeyError, RecursionError):
        return body, given
    if not _is_capture([name for name, _ in members]) or not _is_headers(captured):
        return body, given
    content = inner if isinstance(inner, str) else written["body"]
    lowered = {name.lower(): value for name, value in captured.items()}
    return content.encode("utf-8", "surrogatepass"), {**lowered, **given}


def _guarded(connector: Connector, raw: RawMessage, identity: Identity) -> Iterator[Item | Fetch]:
    told = False
    try:
        for item in connector.translate(raw, identity):
            checked = _checked(item, connector)
            told = told or isinstance(checked, Message)
            yield checked
    except Exception as error:  # noqa: BLE001 - mapped, never lost
        failure = _as_gateway_error("translate", error)
        if not told:
            raise failure from None
        yield Problem(code=failure.code, message=str(failure), path=_shown(failure.path), at=REST)


def _checked(item: Item | Fetch, connector: Connector) -> Item | Fetch:
    match item:
        case Message():
            fault = _fault_of(item, connector.manifest)
            if fault:
                return Problem(code="connector_fault", message=fault, at=_shown(item.at))
            if not _is_storable(item):
                message = "an identifier has characters that cannot be stored"
                return Problem(code="invalid_value", message=message, at=_shown(item.at))
            return item
        case Fetch():
            if connector.fetch is None or not _storable(item.object_id):
                return Problem(code="connector_fault", message="a fetch nobody can make")
            return item
        case Problem():
            return Problem(
                code=_shown(item.code),
                message=_shown(item.message),
                path=_shown(item.path),
                at=_shown(item.at),
            )
        case Ignored():
            return Ignored(reason=_shown(item.reason), at=_shown(item.at))
    return Problem(code="connector_fault", message=f"translate yielded a {type(item).__name__}")


def _fault_of(message: Message, manifest: Manifest) -> str:
    data = message.data
    if not isinstance(data, Payload) or data.TYPE not in manifest.emits:
        return f"{getattr(data, 'TYPE', type(data).__name__)} is not in the manifest's emits"
    if not isinstance(message.occurred_at, datetime) or message.occurred_at.tzinfo is None:
        return "occurred_at has no zone"
    if not (message.subject and message.correlation and message.partition and message.key.text):
        return "key, subject, correlation and partition may not be empty"
    if (message.entity is None) != (message.version is None):
        return "entity and version are given together or not at all"
    return ""


def _is_storable(message: Message) -> bool:
    texts = [message.key.text, message.subject, message.correlation, message.partition, message.at]
    for reference in message.data.references:
        texts += (reference.scheme, reference.value)
    if message.entity is not None and message.version is not None:
        texts += (message.entity.text, message.version.text)
    return _storable("".join(texts))


def _storable(text: str) -> bool:
    # PostgreSQL's text takes neither NUL nor lone surrogates; one such value would fail a
    # whole batch of other senders' payloads.
    return "\0" not in text and (text.isascii() or _is_utf8(text))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(text: str) -> str:
    clean = text if _storable(text) else text.encode("ascii", "replace").decode()
    return clean.replace("\0", "�")[:500]


def _as_gateway_error(where: str, error: Exception) -> GatewayError:
    if isinstance(error, GatewayError):
        return error
    if isinstance(error, ValidationError):
        return _invalid_value(error)
    return Malformed(_fault(where, error), code="connector_fault")


def _invalid_value(error: ValidationError) -> Malformed:
    # The input stays out of the message: it may be anybody's name.
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    return Malformed(
        f"{error.title}: {first['msg']}"[:300], code="invalid_value", path=_shown(path.lstrip("."))
    )


def _fault(where: str, error: Exception) -> str:
    # The type's name only: a foreign message may quote the payload.
    return f"{where} failed with {type(error).__name__}"


def _problem(error: GatewayError) -> Problem:
    return Problem(code=error.code, message=_shown(str(error)), path=_shown(error.path))


def _outcome(identity: Identity, found: Sequence[Item | Fetch]) -> Outcome:
    messages = tuple(item for item in found if isinstance(item, Message))
    problems = tuple(item for item in found if isinstance(item, Problem))
    ignored = tuple(item for item in found if isinstance(item, Ignored))
    fetches = tuple(item for item in found if isinstance(item, Fetch))
    word: Literal["translated", "dead", "ignored"] = "translated"
    if not messages and problems:
        word = "dead"
    elif not messages and (ignored or fetches):
        word = "ignored"
    return Outcome(
        outcome=word,
        kind=identity.kind,
        delivery_key=identity.delivery_key,
        messages=messages,
        problems=problems,
        ignored=ignored,
        fetches=fetches,
    )


def _message_document(message: Message) -> dict[str, Any]:
    moment = message.occurred_at.astimezone(UTC).isoformat()
    return {
        "id": message_id(message.key.digest),
        "key": message.key.text,
        "type": message.data.TYPE,
        "subject": message.subject,
        "time": moment.removesuffix("+00:00") + "Z",
        "entity": message.entity.text if message.entity else None,
        "entityversion": message.version.text if message.version else None,
        "correlationid": message.correlation,
        "partitionkey": message.partition,
        "dataschema": schema_uri(type(message.data)),
        "at": message.at,
        "data": json.loads(message.data.json_data()),
    }


_NOTES = ("topic", "method", "url")
_SPACE = re.compile(r"[ \t\r\n]*")


def _members(text: str) -> Iterator[tuple[str, str]]:
    """The members of a JSON object, values as they are written. Raises ValueError."""
    decoder = json.JSONDecoder()
    at = _after(text, 0, "{")
    while True:
        name, at = decoder.raw_decode(text, at)
        start = _after(text, at, ":")
        _, end = decoder.raw_decode(text, start)
        yield str(name), text[start:end]
        at = _skip(text, end)
        if text[at : at + 1] != ",":
            break
        at = _after(text, at, ",")
    if _after(text, at, "}") != len(text):
        raise ValueError("text behind the object")


def _after(text: str, at: int, mark: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] != mark:
        raise ValueError(f"no {mark} at {at}")
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _is_capture(names: Sequence[str]) -> bool:
    return len(names) == len(set(names)) and set(names) <= {"headers", "body", *_NOTES}


def _is_headers(captured: Any) -> bool:
    return isinstance(captured, dict) and all(isinstance(one, str) for one in captured.values())
