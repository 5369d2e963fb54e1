"""What the ordinary and the simplified invoice have in common: a body, its head, its message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from canonical.billing import CreditNoteIssued, InvoiceIssued
from canonical.errors import Malformed
from canonical.keys import Key
from canonical.message import Message
from canonical.values import Identifier, Money
from connectors.fatturapa.codes import DocumentType, document_type
from connectors.fatturapa.fields import identifiers, needed_day, part, required, value
from connectors.kit.decimals import money_of
from connectors.kit.xml import Element

GENERAL = "DatiGenerali/DatiGeneraliDocumento"
NUMBER = "fatturapa:Numero"
Billing = InvoiceIssued | CreditNoteIssued

_SDI_FILE = re.compile(
    r"([A-Z]{2}[A-Z0-9]{2,28}_[A-Z0-9]{1,5})\.(?:xml|zip)(?:\.p7m)*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a body stands: the account, the header it shares with others, its place."""

    account: str
    header: Element
    seller_id: str
    """The seller's VAT number with its country."""
    filename: str
    at: str


@dataclass(frozen=True, slots=True)
class Head:
    """What identifies a document."""

    kind: DocumentType
    currency: str
    number: str
    issued: date

    @classmethod
    def of(cls, body: Element, *, simplified: bool) -> Head:
        """Raises Malformed for a field that is missing, Unsupported for an unknown code."""
        code = required(body, f"{GENERAL}/TipoDocumento")
        currency = required(body, f"{GENERAL}/Divisa")
        # Asked here once, so that an unknown currency is reported where it stands.
        money_of("0", currency, f"{GENERAL}/Divisa")
        return cls(
            kind=document_type(code, simplified=simplified, path=f"{GENERAL}/TipoDocumento"),
            currency=currency.upper(),
            number=required(body, f"{GENERAL}/Numero"),
            issued=needed_day(body, f"{GENERAL}/Data"),
        )


def tipo_documento(body: Element) -> str | None:
    """The body's `TipoDocumento` as it stands."""
    return value(body, f"{GENERAL}/TipoDocumento")


def message(
    fact: Billing, head: Head, source: Source, preceding: tuple[tuple[str, date | None], ...] = ()
) -> Message:
    """The message of a document; a credit note of one dated invoice belongs to its chain."""
    own = (head.number, head.issued.year)
    chain = own
    if head.kind.is_credit_note and len(preceding) == 1 and preceding[0][1]:
        chain = (preceding[0][0], preceding[0][1].year)
    correlation = Key.of("fatturapa", source.account, "invoice", source.seller_id, *chain).text
    family = "credit-note" if head.kind.is_credit_note else "invoice"
    return Message(
        key=Key.of(
            "invoice",
            "fatturapa",
            source.account,
            source.seller_id,
            head.number,
            head.kind.code,
            head.issued.year,
        ),
        data=fact,
        # A date has no zone, so none is invented: midnight UTC.
        occurred_at=datetime.combine(head.issued, time(), UTC),
        subject=f"{family}/{head.number}",
        correlation=correlation,
        partition=correlation,
        at=source.at,
    )


def transmission_references(source: Source) -> tuple[Identifier, ...]:
    """By what the file itself is asked for: SdI's file name and the sender's own count."""
    sent = "DatiTrasmissione"
    sender = [value(source.header, f"{sent}/IdTrasmittente/{name}") for name in _SENDER]
    count = value(source.header, f"{sent}/ProgressivoInvio")
    told = f"{''.join(one or '' for one in sender)}/{count}" if count else None
    name = source.filename.rpartition("/")[2].rpartition("\\")[2]
    return (*file_references(name), *identifiers(("fatturapa:ProgressivoInvio", told)))


def file_references(name: str | None) -> tuple[Identifier, ...]:
    """A file's name and what stays of it when an envelope is added or taken off.

    Nothing for a name that is not one by SdI's rules.
    """
    match = _SDI_FILE.fullmatch(name or "")
    return identifiers(("sdi:NomeFile", name), ("sdi:File", match[1])) if match else ()


def refuse_negative_credit(head: Head, payable: Money) -> None:
    """Raises Malformed: a credit note below zero says two things, and neither for sure."""
    if head.kind.is_credit_note and payable.amount < 0:
        raise Malformed(
            "a credit note with a negative total may mean either sign",
            code="negative_credit_note",
            path=f"{GENERAL}/ImportoTotaleDocumento",
        )


def fact_class(head: Head) -> type[InvoiceIssued] | type[CreditNoteIssued]:
    """Which fact a document is."""
    return CreditNoteIssued if head.kind.is_credit_note else InvoiceIssued


def stamp_note(body: Element, path: str, currency: str) -> str | None:
    """A note that stamp duty was paid on the document."""
    if part(body, path) is None:
        return None
    amount = value(body, f"{path}/ImportoBollo")
    return f"Bollo {amount} {currency}" if amount else "Bollo"


_SENDER = ("IdPaese", "IdCodice")
