"""Peppol's answers: Invoice Response (the buyer's), and the technical MLR and MLS."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from canonical.billing import EInvoiceStatus, EInvoiceStatusChanged, StatusReason
from canonical.errors import GatewayError, Malformed, Unsupported
from canonical.keys import Key
from canonical.message import Ignored, Item, Message, Problem
from canonical.values import Identifier, Party
from connectors.kit.xml import Element
from connectors.raw import RawMessage
from connectors.ubl.billing import invoice_chain
from connectors.ubl.document_types import CREDIT_NOTES, INVOICES
from connectors.ubl.formats import Document
from connectors.ubl.parties import endpoint_of, party_of
from connectors.ubl.times import Issued, issued
from connectors.ubl.tree import content, every, first, only, only_value, value, values

NETWORK: Final = "peppol"
_BUSINESS: Final = {
    "AB": EInvoiceStatus.SENT_TO_CUSTOMER,
    "IP": EInvoiceStatus.IN_PROCESS,
    "UQ": EInvoiceStatus.UNDER_QUERY,
    "CA": EInvoiceStatus.CONDITIONALLY_ACCEPTED,
    "RE": EInvoiceStatus.REFUSED_BY_BUYER,
    "AP": EInvoiceStatus.APPROVED,
    "PD": EInvoiceStatus.PAID,
}
_TECHNICAL: Final = {
    # Acknowledged says that the receiving provider has it; whether it is valid, AP or RE tells.
    "AB": EInvoiceStatus.SUBMITTED,
    "AP": EInvoiceStatus.ACCEPTED,
    "RE": EInvoiceStatus.REJECTED,
}
_NOWHERE: Final = frozenset({"NA"})
"""MLS for "no particular place in the document"."""


@dataclass(frozen=True, slots=True)
class _Response:
    """What all answers of one response have in common."""

    document: Document
    id: str
    standard: str
    """`invoice_response`, `mlr` or `mls`."""
    issued: Issued
    account: str

    @property
    def names_sending(self) -> bool:
        """Whether answers name the network's id of a sending, not the id of the invoice."""
        return self.standard == "mls"


def response_items(document: Document, raw: RawMessage) -> Iterator[Item]:
    """One status a document answered; a bad one is a Problem, the others go on.

    Raises Malformed without a date, an id or any answer.
    """
    response_id = only_value(document.root, "cbc:ID")
    if response_id is None:
        raise Malformed("the response has no ID", code="missing_field", path="ID")
    answers = every(document.root, "cac:DocumentResponse")
    if not answers:
        raise Malformed(
            "the response answers no document", code="missing_field", path="DocumentResponse"
        )
    response = _Response(
        document=document,
        id=response_id,
        standard=_standard(document),
        issued=issued(document.root, raw.options),
        account=raw.account,
    )
    for index, answer in enumerate(answers, start=1):
        at = f"DocumentResponse[{index}]"
        try:
            yield _item(response, answer, at)
        except GatewayError as error:
            yield Problem(code=error.code, message=str(error), path=error.path, at=at)


def _item(response: _Response, answer: Element, at: str) -> Item:
    document_id = only_value(answer, "cac:DocumentReference/cbc:ID")
    if document_id is None:
        raise Malformed("no document is named", code="missing_field", path="DocumentReference/ID")
    code = value(answer, "cac:DocumentReference/cbc:DocumentTypeCode")
    if code and code not in INVOICES | CREDIT_NOTES:
        return Ignored(reason=f"an answer to a document of type {code[:10]}", at=at)
    network_status, status = _status(response, answer)
    sender = endpoint_of(only(response.document.root, "cac:SenderParty"))
    chain = _chain(response, document_id)
    return Message(
        key=Key.of(
            "einvoice-status", "ubl", response.account, NETWORK, response.standard,
            f"{sender.scheme}:{sender.value}" if sender else "",
            document_id, network_status, response.id,
        ),
        data=EInvoiceStatusChanged(
            network=NETWORK,
            document_id=document_id,
            invoice_number=None if response.names_sending else document_id,
            document_type=code,
            seller=_seller(response, answer),
            status=status,
            network_status=network_status,
            response_id=response.id,
            occurred_at=response.issued.moment,
            reasons=tuple(dict.fromkeys(_reasons(answer))),
            references=_references(response, document_id),
        ),
        occurred_at=response.issued.moment,
        subject=Key.of("einvoice-status", document_id).text,
        correlation=chain,
        partition=chain,
        at=at,
    )  # fmt: skip


def _chain(response: _Response, document_id: str) -> str:
    if response.names_sending:
        return Key.of("ubl", response.account, "sending", document_id).text
    return invoice_chain(response.account, document_id)


def _standard(document: Document) -> str:
    if document.kind == "invoice_response":
        return "invoice_response"
    return "mls" if document.customization.startswith("urn:peppol:edec:mls:") else "mlr"


def _status(response: _Response, answer: Element) -> tuple[str, EInvoiceStatus]:
    path = "Response/ResponseCode"
    code = only_value(answer, "cac:Response/cbc:ResponseCode")
    if code is None:
        raise Malformed("there is no status", code="missing_field", path=path)
    known = _BUSINESS if response.standard == "invoice_response" else _TECHNICAL
    if code not in known:
        raise Unsupported(f"status {code[:10]!r} is not known", code="unknown_status", path=path)
    return code, known[code]


def _seller(response: _Response, answer: Element) -> Party | None:
    """Who issued the invoice, which only an Invoice Response tells.

    It names the seller in IssuerParty where service providers answer each other; otherwise the
    receiver of the response is the seller. MLR and MLS go to whoever sent the message.
    """
    if response.standard != "invoice_response":
        return None
    issuer = only(answer, "cac:IssuerParty")
    if issuer is None:
        issuer = only(response.document.root, "cac:ReceiverParty")
    return party_of(issuer)


def _references(response: _Response, document_id: str) -> tuple[Identifier, ...]:
    answered = "sbdh:instance" if response.names_sending else "ubl:invoice_number"
    return (
        Identifier(scheme=f"{NETWORK}:{response.standard}", value=response.id),
        Identifier(scheme=answered, value=document_id),
    )


def _reasons(answer: Element) -> Iterator[StatusReason]:
    for description in values(answer, "cac:Response/cbc:Description"):
        yield StatusReason(text=description)
    for status in every(answer, "cac:Response/cac:Status"):
        yield from _status_reasons(status)
    for line in every(answer, "cac:LineResponse"):
        yield from _line_reasons(line)


def _status_reasons(status: Element) -> Iterator[StatusReason]:
    """A reason (OPStatusReason) or wanted action (OPStatusAction); each condition is one more."""
    found = first(status, "cbc:StatusReasonCode")
    code = content(found)
    if found is not None and code:
        listed = (found.get("listID") or "").strip()
        code = f"{listed}:{code}" if listed else code
    told = value(status, "cbc:StatusReason")
    if code or told:
        yield StatusReason(code=code, text=told)
    for condition in every(status, "cac:Condition"):
        yield StatusReason(
            code=code,
            text=value(condition, "cbc:Description"),
            path=value(condition, "cbc:AttributeID"),
        )


def _line_reasons(line: Element) -> Iterator[StatusReason]:
    place = value(line, "cac:LineReference/cbc:LineID")
    for response in every(line, "cac:Response"):
        yield StatusReason(
            code=value(response, "cac:Status/cbc:StatusReasonCode"),
            text=value(response, "cbc:Description"),
            path=None if place in _NOWHERE else place,
        )
