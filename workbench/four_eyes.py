"""Four eyes: which changes need a second person, and how the second person decides.

`needs_second_person` is derived from the types of the canonical model: whatever is money, a
currency, a direction of money, a party, an address or a bank account is guarded wherever it
stands, and a field that is added to the model tomorrow is guarded by its type.
"""

from __future__ import annotations

import types
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from canonical.families import FACT_OF
from canonical.values import (
    Address,
    Currency,
    Direction,
    ExactDecimal,
    Identifier,
    Money,
    Party,
    Quantity,
)
from store.access import proposals
from store.access.proposals import NewProposal, NotYours, Proposal
from store.database import Connection

GUARDED_TYPES = (Money, Party, Address, Direction)
"""Everything inside a value of these types needs a second person."""

GUARDED_FIELDS = frozenset(
    {
        "bank_account", "servicer", "account", "destination", "mandate_id", "creditor_reference",
        "payment_reference", "bank_reference",
    }
)  # fmt: skip
"""Fields that say to or from which bank account money goes, or what it pays; their types
(`Identifier`, `Text`) do not tell. `account` is one only as an `Identifier`: as text it names the
account at the sender."""

_Leaf = tuple[str, Any]
_ABSENT = object()


def needs_second_person(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> list[str]:
    """The changed fields that concern money, bank details or parties, as paths in the data.

    Both are canonical messages as JSON with `type` and `data`, as `routing.envelope.cloudevent`
    writes them; None where there is no message before or after. An empty list: one person is
    enough. What the model does not know is guarded.
    """
    old, new = _guarded(before), _guarded(after)
    changed = [
        path
        for path in [*old, *(path for path in new if path not in old)]
        if old.get(path, _ABSENT) != new.get(path, _ABSENT)
    ]
    if before is not None and after is not None and before.get("type") != after.get("type"):
        changed.insert(0, "type")
    return changed


def needs_second_person_in_all(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> list[str]:
    """The same over all messages of a payload; they are paired by `idempotencykey`.

    Paths are led by the message's key, so that one sees which message changes.
    """
    old, new = _by_key(before), _by_key(after)
    return [
        f"{key}: {path}"
        for key in [*old, *(key for key in new if key not in old)]
        for path in needs_second_person(old.get(key), new.get(key))
    ]


def propose(connection: Connection, new: NewProposal, now: datetime) -> Proposal:
    """Put a change before a second person."""
    return proposals.add_proposal(connection, new, now)


def approve(
    connection: Connection, proposal_id: int, *, by: str, reason: str = "", now: datetime
) -> Proposal:
    """A second person agrees. `by` is a person's name: a program's token decides nothing.

    Raises NotYours (`four_eyes`), AlreadyDecided, Unsupported (`unknown_proposal`).
    """
    _refuse_programs(by)
    return proposals.decide(connection, proposal_id, "approved", by=by, reason=reason, now=now)


def reject(
    connection: Connection, proposal_id: int, *, by: str, reason: str, now: datetime
) -> Proposal:
    """A second person says no, and why. Raises as `approve`."""
    _refuse_programs(by)
    return proposals.decide(connection, proposal_id, "rejected", by=by, reason=reason, now=now)


def withdraw(
    connection: Connection, proposal_id: int, *, by: str, reason: str = "", now: datetime
) -> Proposal:
    """Who proposed it takes it back. Raises NotYours for anybody else, AlreadyDecided."""
    return proposals.decide(connection, proposal_id, "withdrawn", by=by, reason=reason, now=now)


def _refuse_programs(by: str) -> None:
    if by.startswith("token:") or not by.strip():
        raise NotYours("only a person decides on a proposal", code="person_required")


def _by_key(messages: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    seen: Counter[str] = Counter()
    for one in messages:
        key = str(one.get("idempotencykey") or "message")
        seen[key] += 1
        # One fact may be told twice in a payload: each telling is compared with its like.
        found[key if seen[key] == 1 else f"{key} ({seen[key]})"] = one
    return found


def _guarded(message: Mapping[str, Any] | None) -> dict[str, Any]:
    if message is None:
        return {}
    model = FACT_OF.get(str(message.get("type")))
    data = message.get("data")
    found = _everything("", data) if model is None else _of_model(model, data, "")
    return dict(found)


def _of_model(model: type[BaseModel], value: Any, path: str) -> Iterator[_Leaf]:
    if not isinstance(value, Mapping):
        yield from _everything(path, value)
        return
    hints = _hints(model)
    for name, item in value.items():
        here = f"{path}.{name}" if path else str(name)
        if name not in hints or _is_guarded_field(name, hints[name]):
            yield from _everything(here, item)
        else:
            yield from _of_hint(hints[name], item, here)


def _of_hint(hint: Any, value: Any, path: str) -> Iterator[_Leaf]:
    if _is_guarded(hint):
        yield from _everything(path, value)
    elif get_origin(hint) is tuple and isinstance(value, Sequence) and not isinstance(value, str):
        for place, item in enumerate(value):
            yield from _of_hint(get_args(hint)[0], item, f"{path}[{place}]")
    elif get_origin(hint) in {Union, types.UnionType}:
        yield from _of_hint(_present(hint), value, path)
    elif isinstance(hint, type) and issubclass(hint, BaseModel) and hint is not Quantity:
        yield from _of_model(hint, value, path)


def _is_guarded_field(name: str, hint: Any) -> bool:
    bare = _present(hint) if get_origin(hint) in {Union, types.UnionType} else hint
    return name in GUARDED_FIELDS and (name != "account" or bare is Identifier)


def _is_guarded(hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        return hint in {Currency, ExactDecimal}
    return isinstance(hint, type) and issubclass(hint, GUARDED_TYPES)


def _present(hint: Any) -> Any:
    """What an optional field holds when it is there."""
    return next(one for one in get_args(hint) if one is not types.NoneType)


def _everything(path: str, value: Any) -> Iterator[_Leaf]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _everything(f"{path}.{name}" if path else str(name), item)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        for place, item in enumerate(value):
            yield from _everything(f"{path}[{place}]", item)
    elif value is not None:
        yield path, value


@cache
def _hints(model: type[BaseModel]) -> dict[str, Any]:
    return get_type_hints(model, include_extras=True)
