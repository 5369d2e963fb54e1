"""What SdI reports about a file, and a public buyer about an invoice in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from canonical.billing import EInvoiceStatus, EInvoiceStatusChanged, StatusReason
from canonical.errors import Malformed, Unsupported
from canonical.keys import Key
from canonical.message import Message
from canonical.values import Identifier
from connectors.fatturapa.document import NUMBER, file_references
from connectors.fatturapa.fields import identifiers, parts, required, value
from connectors.kit.times import moment_of
from connectors.kit.xml import Element, local, text
from connectors.raw import RawMessage

_STATUS: Final = {
    "RC": EInvoiceStatus.SENT_TO_CUSTOMER,
    "NS": EInvoiceStatus.REJECTED,
    "MC": EInvoiceStatus.UNDELIVERABLE,
    "AT": EInvoiceStatus.UNDELIVERABLE,
    # The buyer said nothing in time and can say nothing any more: delivered, not approved.
    "DT": EInvoiceStatus.SENT_TO_CUSTOMER,
    "EC01": EInvoiceStatus.APPROVED,
    "EC02": EInvoiceStatus.REFUSED_BY_BUYER,
}
_SIGNING_TIME: Final = (
    "Signature", "Object", "QualifyingProperties", "SignedProperties",
    "SignedSignatureProperties", "SigningTime",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a notice says, and of which invoice where it names one."""

    notice: str
    code: str
    status: EInvoiceStatus
    message_id: str | None
    invoice: tuple[str | None, str | None, str | None]
    """Its number, year and place in the file."""


def notice(root: Element, kind: str, raw: RawMessage, zone: tzinfo | None, at: str) -> Message:
    """The message of a notice of this kind.

    Raises Malformed or Unsupported, or ValueError for a value the canonical model refuses.
    """
    document_id = required(root, "IdentificativoSdI")
    outcome = _outcome(root, kind.removeprefix("sdi/").upper())
    occurred = _occurred(root, outcome.notice, zone) or raw.received_at
    chain = Key.of("fatturapa", raw.account, "sdi", document_id).text
    return Message(
        key=_key(raw.account, document_id, outcome),
        data=EInvoiceStatusChanged(
            network="sdi",
            document_id=document_id,
            invoice_number=outcome.invoice[0],
            status=outcome.status,
            network_status=outcome.code,
            response_id=outcome.message_id,
            occurred_at=occurred,
            reasons=tuple(_reasons(root, outcome)),
            references=_references(root, document_id, outcome),
        ),
        occurred_at=occurred,
        subject=f"einvoice/{document_id}",
        correlation=chain,
        partition=chain,
        at=at,
    )


def _key(account: str, document_id: str, outcome: _Outcome) -> Key:
    name = outcome.notice if outcome.notice == outcome.code else f"{outcome.notice}-{outcome.code}"
    key = Key.of("einvoice-status", "fatturapa", account, "sdi", document_id, name)
    key = key.extended(outcome.message_id or "")
    if any(outcome.invoice):
        key = key.extended(*(told or "" for told in outcome.invoice))
    return key


def _references(root: Element, document_id: str, outcome: _Outcome) -> tuple[Identifier, ...]:
    archive = value(root, "RiferimentoArchivio/IdentificativoSdI")
    named = identifiers(
        ("sdi:IdentificativoSdI", document_id),
        ("sdi:MessageId", outcome.message_id),
        ("sdi:PecMessageId", value(root, "PecMessageId")),
        ("sdi:RiferimentoArchivio", archive),
        (NUMBER, outcome.invoice[0]),
    )
    return named + file_references(value(root, "NomeFile"))


def _outcome(root: Element, notice_code: str) -> _Outcome:
    code, place = notice_code, ""
    message_id = value(root, "MessageId")
    if notice_code in {"NE", "EC"}:
        place = "EsitoCommittente/" if notice_code == "NE" else ""
        code = required(root, f"{place}Esito")
    if notice_code == "EC":
        message_id = value(root, "MessageIdCommittente")
    if code not in _STATUS:
        raise Unsupported(f"Esito {code[:10]!r} is not known", code="unknown_status", path="Esito")
    invoice = f"{place}RiferimentoFattura"
    return _Outcome(
        notice=notice_code,
        code=code,
        status=_STATUS[code],
        message_id=message_id,
        invoice=(
            value(root, f"{invoice}/NumeroFattura"),
            value(root, f"{invoice}/AnnoFattura"),
            value(root, f"{invoice}/PosizioneFattura"),
        ),
    )


def _reasons(root: Element, outcome: _Outcome) -> Iterator[StatusReason]:
    for error in parts(root, "ListaErrori/Errore"):
        told = (value(error, "Descrizione"), value(error, "Suggerimento"))
        yield StatusReason(
            code=required(error, "Codice"), text="\n".join(one for one in told if one) or None
        )
    for path in ("EsitoCommittente/Descrizione", "Descrizione"):
        said = value(root, path)
        if said:
            code = outcome.code if outcome.code != outcome.notice else None
            yield StatusReason(code=code, text=said)
    # From this day on an invoice that could not be delivered counts as received.
    available = value(root, "DataMessaADisposizione")
    if available:
        yield StatusReason(text=available, path="DataMessaADisposizione")


def _occurred(root: Element, notice_code: str, zone: tzinfo | None) -> datetime | None:
    """The time of the event: of delivery, of the notice's signature, of the file's arrival.

    None when there is none. Raises Malformed when there are some and none can be used.
    """
    delivered = value(root, "DataOraConsegna") if notice_code == "RC" else None
    candidates = (
        ("DataOraConsegna", delivered),
        ("Signature/SigningTime", _signing_time(root)),
        ("DataOraRicezione", value(root, "DataOraRicezione")),
    )
    failure: Malformed | None = None
    for path, told in candidates:
        try:
            if told:
                return moment_of(told, path, zone=zone)
        except Malformed as error:
            failure = failure or error
    if failure:
        raise failure
    return None


def _signing_time(root: Element) -> str | None:
    """The time in SdI's own signature (XAdES, of whatever version)."""
    element = root
    for step in _SIGNING_TIME:
        found = next((child for child in element if local(child) == step), None)
        if found is None:
            return None
        element = found
    return text(element).strip() or None
