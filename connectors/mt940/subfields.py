"""`:86:` with numbered subfields: `166?00…?20…`, `020<00…<20…`, `~20`, `^20`.

Sources: German Banking Industry Committee, "DFÜ-Abkommen", annex 3 (business transaction codes and
SEPA keywords); the Polish banks' variant of it, which has the other party in 27 to 29 and 38.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from connectors.mt940.accounts import Reference, creditor_reference_in, is_iban
from connectors.mt940.figures import reference
from connectors.mt940.information import Information

_START = re.compile(r"(?P<code>[0-9]{3})?\s?(?P<mark>[^\w\s/+:.,\-])(?=[0-9]{2})")
_REPEATED = re.compile(r"[0-9]{3}\s?([0-9]{3}[^\w\s])")
_KEYWORD = re.compile(
    r"(EREF|KREF|MREF|BREF|RREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC|PURP|MTLG)[+:] ?"
)
_SUBFIELD_WIDTH = 27
_PURPOSE = [*range(20, 30), *range(60, 64)]
_POLISH_PURPOSE = [*range(20, 27), *range(60, 64)]
_POLISH_MARKS = frozenset("<~^÷")
_RETURNS = frozenset({"108", "109", "159"})
"""Business transaction codes of returned direct debits and credit transfers."""
_REFERENCES = {
    "KREF": "mt940:KREF",
    "BREF": "mt940:BREF",
    "RREF": "mt940:RREF",
    "CRED": "iso20022:CdtrSchmeId",
    "DEBT": "mt940:DEBT",
}
_TEXTS = frozenset({"", "SVWZ", "MTLG", "ABWA", "ABWE"})
_REFERENCE_LENGTH = 35
_USED = frozenset({"SVWZ", "MTLG", "EREF", "MREF", "ABWA", "ABWE", "IBAN", "BIC", *_REFERENCES})


def is_numbered(lines: Sequence[str]) -> bool:
    """Whether the information has this shape."""
    return _mark_in("".join(lines)) is not None


def numbered(lines: Sequence[str]) -> Information:
    """Read it. The lines were wrapped by width, whatever their width is."""
    text = "".join(lines)
    start = _mark_in(text)
    if start is None:
        return Information(remittance=tuple(line.strip() for line in lines if line.strip()))
    code, parts = start["code"], _split(text[start.end() - 1 :], start["mark"])
    purpose = _POLISH_PURPOSE if _is_polish(start["mark"], parts) else _PURPOSE
    words = _keywords([parts[number] for number in purpose if number in parts])
    lines_left = [line for word in ("SVWZ", "MTLG", "") for line in words.get(word, [])]
    lines_left += [f"{word}+{said[0]}" for word, said in words.items() if _is_left(word, said)]
    known = {word: "".join(said).strip() for word, said in words.items() if word}
    name = (parts.get(32, "") + parts.get(33, "")).strip()
    if not name and purpose is _POLISH_PURPOSE:
        name = " ".join(filter(None, (parts.get(number, "").strip() for number in (27, 28))))
    return Information(
        remittance=tuple(lines_left),
        posting_text=_told(parts.get(0)),
        name=_told(name),
        account=_account(parts) or _told(known.get("IBAN")),
        bank=_told(parts.get(30)) or _told(known.get("BIC")),
        address=_address(parts) if purpose is _POLISH_PURPOSE else (),
        ultimate_name=_told(known.get("ABWA")) or _told(known.get("ABWE")),
        end_to_end_id=_reference(known, "EREF"),
        mandate_id=_reference(known, "MREF"),
        creditor_reference=creditor_reference_in(" ".join(lines_left)),
        code=code,
        return_reason=_told(parts.get(34)) if code in _RETURNS else None,
        references=_references(known),
    )


def _mark_in(text: str) -> re.Match[str] | None:
    # Some banks write the code on a line of its own and again in front of the subfields.
    repeated = _REPEATED.match(text)
    return _START.match(text, repeated.start(1) if repeated else 0)


def _split(text: str, mark: str) -> dict[int, str]:
    """Subfields by number; one that comes twice is joined to its first part."""
    found: dict[int, str] = {}
    pieces = _numbers_behind(mark).split(text)
    for number, content in zip(pieces[1::2], pieces[2::2], strict=True):
        found[int(number)] = found.get(int(number), "") + content
    return found


@lru_cache(maxsize=16)
def _numbers_behind(mark: str) -> re.Pattern[str]:
    return re.compile(f"{re.escape(mark)}([0-9]{{2}})")


def _is_polish(mark: str, parts: Mapping[int, str]) -> bool:
    return mark in _POLISH_MARKS and (38 in parts or (27 in parts and 32 not in parts))


def _account(parts: Mapping[int, str]) -> str | None:
    """38 has the IBAN where there is one beside the national number."""
    iban = parts.get(38)
    return iban if iban and is_iban(iban) else _told(parts.get(31))


def _address(parts: Mapping[int, str]) -> tuple[str, ...]:
    return tuple(filter(None, [parts.get(29, "").strip()]))


def _keywords(subfields: Sequence[str]) -> dict[str, list[str]]:
    """Texts by SEPA keyword (empty: without one), each as lines.

    A keyword stands at the start of a subfield. A subfield as wide as they may be was wrapped: what
    follows goes on without a break, but no reference beyond its greatest length.
    """
    found: dict[str, list[str]] = {}
    word, is_wrapped = "", False
    for subfield in subfields:
        match = _KEYWORD.match(subfield)
        text = subfield[match.end() :] if match else subfield
        if match:
            word, is_wrapped = match[1], False
        elif word not in _TEXTS and not (is_wrapped and _fits(found[word], text)):
            word, is_wrapped = "", False
        listed = found.setdefault(word, [])
        if listed and is_wrapped:
            listed[-1] += text
        elif text.strip():
            listed.append(text)
        is_wrapped = len(subfield) >= _SUBFIELD_WIDTH
    return {key: [line.strip() for line in listed if line.strip()] for key, listed in found.items()}


def _fits(listed: Sequence[str], text: str) -> bool:
    return len("".join(listed) + text.rstrip()) <= _REFERENCE_LENGTH


def _is_left(word: str, said: Sequence[str]) -> bool:
    return bool(word and said) and word not in _USED


def _reference(known: Mapping[str, str], word: str) -> str | None:
    return reference(known[word]) if word in known else None


def _references(known: Mapping[str, str]) -> tuple[Reference, ...]:
    if known.keys().isdisjoint(_REFERENCES):
        return ()
    found = [(scheme, _reference(known, word)) for word, scheme in _REFERENCES.items()]
    return tuple((scheme, value) for scheme, value in found if value)


def _told(text: str | None) -> str | None:
    return text.strip() or None if text else None
