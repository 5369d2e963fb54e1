"""`:86:` with code words between slashes: `/TRTP/…/IBAN/…/NAME/…/REMI/…/EREF/…`.

Sources: SWIFT Standards MT, field 86; format descriptions of Dutch banks (ABN AMRO, ING, Rabobank).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from canonical.values import Direction
from connectors.mt940.accounts import Reference, creditor_reference_in
from connectors.mt940.figures import reference
from connectors.mt940.information import Information, joined

_SECTIONS = frozenset({"ORDP", "BENM", "ULTD", "ULTC", "ULTB", "CNTP"})
_IN_SECTIONS = frozenset({"NAME", "IBAN", "BBAN", "BIC", "ADDR", "ID", "ACCW"})
_OTHERS = (
    "TRTP", "REMI", "EREF", "PREF", "IREF", "MARF", "CSID", "ISDT", "RTRN", "PURP", "INIT", "CREF",
    "OCMT", "CHGS", "EXCH", "TRCD", "SVCL", "UREF", "RFB", "SUM",
)  # fmt: skip
_WORDS = "|".join(sorted({*_SECTIONS, *_IN_SECTIONS, *_OTHERS}))
_SPLIT = re.compile(rf"/({_WORDS})/")
_SHAPE = re.compile(rf"\s*/(?:{_WORDS})/")
_REFERENCES = {
    "PREF": "iso20022:PmtInfId",
    "IREF": "iso20022:InstrId",
    "CSID": "iso20022:CdtrSchmeId",
    "UREF": "iso20022:UETR",
    "CREF": "mt940:CREF",
}
_SILENT = frozenset({"OCMT", "CHGS", "ISDT", "SVCL"})
"""Not remittance: amounts and dates that the entry has itself."""


@dataclass(slots=True)
class _Words:
    """Values by section and code word; what is told twice differently is told by none."""

    values: dict[tuple[str, str], str] = field(default_factory=dict)
    in_doubt: set[tuple[str, str]] = field(default_factory=set)
    doubted: list[str] = field(default_factory=list)

    def add(self, section: str, word: str, value: str) -> None:
        key = (section, word)
        before = self.values.setdefault(key, value)
        if before != value or key in self.in_doubt:
            if key not in self.in_doubt:
                self.doubted.append(f"/{word}/{before}")
            self.in_doubt.add(key)
            self.doubted.append(f"/{word}/{value}")

    def get(self, word: str, section: str = "") -> str | None:
        """The value of a word in a section; None also for one in doubt."""
        key = (section, word)
        return None if key in self.in_doubt else self.values.get(key) or None

    def first_of(self, sections: Sequence[str]) -> str:
        """The first of these sections that says anything; the last one where none does."""
        told = {section for section, _ in self.values}
        return next((section for section in sections if section in told), sections[-1])


def has_codewords(lines: Sequence[str]) -> bool:
    """Whether the information has this shape."""
    return bool(lines) and _SHAPE.match(joined(lines)) is not None


def worded(lines: Sequence[str], original: Direction) -> Information:
    """Read it. `original` is the direction of the transaction that the parties are named for.

    A payer may write code words, too. A word with two values is not used at all: both stay in the
    remittance, where people see them.
    """
    words = _words_in(joined(lines))
    is_credit = original is Direction.CREDIT
    # Where a section names the party, words outside of it may be a payer's.
    party = words.first_of(["ORDP" if is_credit else "BENM", "CNTP", ""])
    behind = "ULTD" if is_credit else words.first_of(["ULTC", "ULTB"])
    remittance, structured = _remittance(words.get("REMI") or "")
    bank = words.get("BIC", party)
    address = words.get("ADDR", party)
    rest = [words.get(word) for word in ("PURP", "INIT", "TRCD", "RFB", "EXCH", "SUM")]
    lines_told = [remittance, *filter(None, rest), *words.doubted]
    return Information(
        remittance=tuple(line for line in lines_told if line),
        posting_text=words.get("TRTP"),
        name=words.get("NAME", party),
        account=words.get("IBAN", party) or words.get("BBAN", party),
        bank="".join(bank.split()) if bank else None,
        address=(address,) if address else (),
        ultimate_name=words.get("NAME", behind),
        end_to_end_id=_reference(words.get("EREF")),
        mandate_id=_reference(words.get("MARF")),
        creditor_reference=structured or creditor_reference_in(remittance),
        return_reason=words.get("RTRN"),
        references=_references(words),
    )


def _words_in(text: str) -> _Words:
    pieces = _SPLIT.split(text)
    words = _Words()
    section = ""
    for word, content in zip(pieces[1::2], pieces[2::2], strict=True):
        value = content.strip().strip("/").strip()
        if word in _SECTIONS:
            section = word
            _add_counterparty(words, word, value)
            continue
        if word not in _IN_SECTIONS:
            section = ""
        if word not in _SILENT:
            words.add(section, word, value if word != "REMI" else content.strip())
    return words


def _add_counterparty(words: _Words, section: str, value: str) -> None:
    """ING writes `/CNTP/account/bic/name/city/`."""
    if section == "CNTP" and value:
        parts = [part.strip() for part in value.split("/")]
        for word, part in zip(("IBAN", "BIC", "NAME", "ADDR"), parts, strict=False):
            words.add(section, word, part)


def _remittance(value: str) -> tuple[str, str | None]:
    """The text of `/REMI/`, and the reference where it is a structured one."""
    kind, _, rest = value.partition("/")
    if kind == "USTD":
        return rest.strip("/ "), None
    if kind == "STRD":
        # STRD/issuer/reference
        return "", rest.partition("/")[2].strip("/ ") or None
    return value.strip("/ "), None


def _reference(value: str | None) -> str | None:
    return reference(value) if value else None


def _references(words: _Words) -> tuple[Reference, ...]:
    found: Mapping[str, str | None] = {word: _reference(words.get(word)) for word in _REFERENCES}
    return tuple((_REFERENCES[word], value) for word, value in found.items() if value)
