"""Scrubbing: a payload without the persons in it, in the same form, for a test.

Replaced are the fields whose names say that they are personal, whatever reads like an e-mail
address, an IBAN, a card or a phone number wherever it stands, and every other place where a value
of those fields stands again. Lengths, formats, codes, ids, times and amounts stay.
"""

from __future__ import annotations

import codecs
import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from canonical.errors import Unsupported
from canonical.message import Message
from workbench.locating import form_of
from workbench.scrub_fakes import CARD, EMAIL, IBAN, PHONE, Fakes, is_card, mod97
from workbench.scrub_leaves import LEAVES, Leaf, check_xml
from workbench.scrub_rules import Category, category_of

LARGEST: Final = 1024 * 1024
_DECLARED = re.compile(rb"^<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9_.:-]+)[\"']")
_MOST_ORIGINALS: Final = 3000
_SHORTEST: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrubbed:
    """A payload without persons."""

    body: bytes
    form: str
    counts: Mapping[str, int]
    """How many values of each category were replaced."""


@dataclass(slots=True)
class _Work:
    """One payload while it is scrubbed."""

    fakes: Fakes
    counts: Counter[str] = field(default_factory=Counter)
    originals: dict[str, Category] = field(default_factory=dict)
    """What stood in personal fields: replaced wherever else it stands."""
    again: re.Pattern[str] | None = None


def scrub(body: bytes, salt: bytes, known: Iterable[str] = ()) -> Scrubbed:
    """The payload without persons; `known` are values that are personal wherever they stand.

    Raises Unsupported (`unscrubbable`) for what cannot be read or is larger than 1 MiB.
    """
    form = form_of(body)
    if form not in LEAVES:
        raise Unsupported(f"a {form} payload cannot be scrubbed", code="unscrubbable")
    if len(body) > LARGEST:
        raise Unsupported("a fixture has at most 1 MiB", code="unscrubbable")
    if form == "xml":
        check_xml(body)
    mark, text, encoding = _decoded(body)
    work = _Work(Fakes(salt))
    for value in known:
        _remember(work, value, "name")
    made = _scrub_text(work, text, LEAVES[form])
    return Scrubbed(
        body=mark + made.encode(encoding, "replace"), form=form, counts=dict(work.counts)
    )


def _decoded(body: bytes) -> tuple[bytes, str, str]:
    """Byte order mark, text and encoding."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if body.startswith(mark):
            return mark, body.removeprefix(mark).decode(encoding, "replace"), encoding
    declared = _DECLARED.match(body)
    candidates = [declared[1].decode()] if declared else []
    for encoding in (*candidates, "utf-8"):
        try:
            return b"", body.decode(encoding), encoding
        except (LookupError, UnicodeDecodeError):
            continue
    return b"", body.decode("latin-1"), "latin-1"


def _scrub_text(work: _Work, text: str, leaves_of: Callable[[str], Iterator[Leaf]]) -> str:
    leaves = [(leaf, _value(text, leaf), category_of(leaf.path)) for leaf in leaves_of(text)]
    for _, value, category in leaves:
        if category in {"name", "address", "phone", "account", "email"}:
            _remember(work, value, category)
    work.again = _any_of(work.originals)
    made, at = [], 0
    for leaf, value, category in leaves:
        replaced = _replaced(work, leaf, value, category)
        if replaced != value:
            made += [text[at : leaf.start], _written(text, leaf, replaced)]
            at = leaf.end
    return "".join([*made, text[at:]])


def _value(text: str, leaf: Leaf) -> str:
    raw = text[leaf.start : leaf.end]
    if leaf.form == "json":
        value: str = json.loads(f'"{raw}"', strict=False)
        return value
    return html.unescape(raw) if leaf.form == "xml" else raw


def _written(text: str, leaf: Leaf, value: str) -> str:
    if leaf.form == "json":
        plain = text[leaf.start : leaf.end].isascii()
        return json.dumps(value, ensure_ascii=plain)[1:-1]
    return html.escape(value, quote=True) if leaf.form == "xml" else value


def _remember(work: _Work, value: str, category: Category | None) -> None:
    plain = value.strip()
    says_something = len(plain) >= _SHORTEST and not plain.isspace()
    if says_something and category and len(work.originals) < _MOST_ORIGINALS:
        work.originals.setdefault(plain, category)


def _any_of(originals: Iterable[str]) -> re.Pattern[str] | None:
    longest_first = sorted(originals, key=len, reverse=True)
    if not longest_first:
        return None
    choices = "|".join(re.escape(one) for one in longest_first)
    return re.compile(rf"(?<![^\W_])(?:{choices})(?![^\W_])", re.IGNORECASE)


def _replaced(work: _Work, leaf: Leaf, value: str, category: Category | None) -> str:
    if not any(one.isalnum() for one in value):
        return value
    if leaf.form == "number":
        return _number(work, value, category)
    inner = _inner_document(work, value)
    if inner is not None:
        return inner
    if category is None:
        return _by_looks(work, value)
    made = _FAKED[category](work, value)
    if made != value:
        work.counts[category] += 1
    return made


def _number(work: _Work, value: str, category: Category | None) -> str:
    """A number stays one, of as many digits; ids and amounts stay as they are."""
    if category not in {"phone", "account", "address"}:
        return value
    work.counts[category] += 1
    return work.fakes.text(value)


def _inner_document(work: _Work, value: str) -> str | None:
    """A JSON document within a text is scrubbed as one."""
    if value.lstrip()[:1] not in {"{", "["} or len(value) < 3:
        return None
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return None
    before = work.again
    made = _scrub_text(work, value, LEAVES["json"])
    work.again = before
    return made


def _by_looks(work: _Work, value: str) -> str:
    """A value of which nothing is known: what reads like something personal is replaced."""
    made = value
    for category, pattern, fake in _LOOKS:
        made = pattern.sub(_counting(work, category, fake), made)
    if work.again is not None:
        made = work.again.sub(_counting(work, "again", _same_as), made)
    return made


def _counting(
    work: _Work, category: str, fake: Callable[[_Work, str], str]
) -> Callable[[re.Match[str]], str]:
    def replace(found: re.Match[str]) -> str:
        made = fake(work, found[0])
        work.counts[category] += made != found[0]
        return made

    return replace


def _same_as(work: _Work, text: str) -> str:
    """What a value that stands elsewhere too is replaced by there."""
    category = work.originals.get(text, "name")
    return _FAKED[category](work, text)


def _account(work: _Work, value: str) -> str:
    if IBAN.fullmatch(value.strip()) and not value.startswith("RF"):
        return work.fakes.iban(value)
    if CARD.fullmatch(value.strip()) and is_card(value):
        return work.fakes.card(value)
    return work.fakes.text(value)


def _email(work: _Work, value: str) -> str:
    if EMAIL.search(value):
        return EMAIL.sub(lambda found: work.fakes.email(found[0]), value)
    return work.fakes.text(value)


def _text(work: _Work, value: str) -> str:
    """Free text: what it holds first, then its words."""
    kept: list[str] = []

    def keep(made: str) -> str:
        # Out of the way of what comes after; no digit and no letter, so that it stays.
        kept.append(made)
        return "\ue000" * len(kept) + "\ue001"

    made = EMAIL.sub(lambda found: keep(work.fakes.email(found[0])), value)
    made = IBAN.sub(lambda found: keep(_iban_like(work, found[0])), made)
    made = CARD.sub(lambda found: keep(_card_like(work, found[0])), made)
    made = work.fakes.prose(made)
    return re.sub("(\ue000+)\ue001", lambda found: kept[len(found[1]) - 1], made)


def _iban_like(work: _Work, found: str) -> str:
    if mod97(found.replace(" ", "")) != 1:
        return work.fakes.text(found)
    # A creditor reference looks the same; it names an invoice.
    return found if found.startswith("RF") else work.fakes.iban(found)


def _valid_iban(work: _Work, found: str) -> str:
    return _iban_like(work, found) if mod97(found.replace(" ", "")) == 1 else found


def _card_like(work: _Work, found: str) -> str:
    return work.fakes.card(found) if is_card(found) else found


_FAKED: Final[Mapping[Category, Callable[[_Work, str], str]]] = {
    "name": lambda work, value: work.fakes.text(value),
    "address": lambda work, value: work.fakes.text(value),
    "email": _email,
    "phone": lambda work, value: work.fakes.phone(value),
    "account": _account,
    "ip": lambda work, value: work.fakes.ip(value),
    "text": _text,
    "token": lambda work, value: work.fakes.text(value),
}
_LOOKS: Final[Sequence[tuple[str, re.Pattern[str], Callable[[_Work, str], str]]]] = (
    ("email", EMAIL, lambda work, found: work.fakes.email(found)),
    ("account", IBAN, _valid_iban),
    ("account", CARD, _card_like),
    ("phone", PHONE, lambda work, found: work.fakes.phone(found)),
)


def personal_values(messages: Iterable[Message]) -> set[str]:
    """What canonical messages say of persons: names, addresses, ways to reach them, accounts."""
    found: set[str] = set()
    for one in messages:
        _collect(one.data.model_dump(mode="json"), found)
    return {one for one in found if len(one) >= _SHORTEST}


def _collect(value: Any, found: set[str]) -> None:
    if isinstance(value, list):
        for one in value:
            _collect(one, found)
    if not isinstance(value, dict):
        return
    if {"email", "phone", "address"} <= value.keys():
        found.update(str(value[name]) for name in ("name", "email", "phone") if value[name])
        _collect_account(value.get("account"), found)
    if {"lines", "city", "postal_code"} <= value.keys():
        found.update(value["lines"])
        found.update(value[name] for name in ("city", "postal_code") if value[name])
    _collect_account(value.get("bank_account"), found)
    for one in value.values():
        _collect(one, found)


def _collect_account(account: Any, found: set[str]) -> None:
    if isinstance(account, dict) and account.get("value"):
        found.add(str(account["value"]))
