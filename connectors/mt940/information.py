"""What `:86:` says about an entry, whichever of the dialects banks have it is written in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from connectors.mt940.accounts import Reference

WRAP_FROM = 60
"""A line of this width or more was wrapped by width: the next one goes on without a blank."""
_KNAB = re.compile(r"\bREK: (?P<account>[A-Z0-9]{5,34})/NAAM: (?P<name>.+)", re.DOTALL)


class Information(NamedTuple):
    """What is known of an entry beyond its `:61:`. Absent is None; nothing is invented."""

    remittance: tuple[str, ...] = ()
    posting_text: str | None = None
    name: str | None = None
    account: str | None = None
    bank: str | None = None
    address: tuple[str, ...] = ()
    ultimate_name: str | None = None
    end_to_end_id: str | None = None
    mandate_id: str | None = None
    creditor_reference: str | None = None
    code: str | None = None
    """The business transaction code (GVC) where the dialect has one."""
    return_reason: str | None = None
    references: tuple[Reference, ...] = ()


def joined(lines: Sequence[str]) -> str:
    """Lines as one text: without a blank where they were wrapped by width, else with one."""
    text = ""
    width = WRAP_FROM
    for line in lines:
        text += line if width >= WRAP_FROM or text.endswith(" ") else f" {line}"
        width = len(line)
    return text.strip()


def plain(lines: Sequence[str]) -> Information:
    """Free text: the remittance as it is written, line by line."""
    written = tuple(line.strip() for line in lines if line.strip())
    match = _KNAB.search(joined(lines))
    found = Information(remittance=written)
    if match:
        return found._replace(name=match["name"].strip(), account=match["account"])
    return found
