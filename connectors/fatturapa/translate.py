"""From a file to messages: one a body of an invoice file, one a notice."""

from __future__ import annotations

from collections.abc import Iterator

from canonical.errors import GatewayError, Malformed, Unsupported
from canonical.message import Ignored, Item, Message, Problem
from connectors.contract import Identity
from connectors.fatturapa.codes import IS_NO_INVOICE
from connectors.fatturapa.document import Source, tipo_documento
from connectors.fatturapa.fields import inside, needed, parts
from connectors.fatturapa.formats import (
    INVOICE,
    NOTICES,
    SIMPLIFIED,
    content_of,
    document_of,
    kind_of,
)
from connectors.fatturapa.invoices import invoice
from connectors.fatturapa.notices import notice
from connectors.fatturapa.parties import seller_tax_number
from connectors.fatturapa.settings import Settings
from connectors.fatturapa.simplified import simplified_invoice
from connectors.kit.archives import Member, is_archive, members
from connectors.kit.xml import Element
from connectors.raw import RawMessage

_HEADER = "FatturaElettronicaHeader"
_BODY = "FatturaElettronicaBody"
_OF_NO_INTEREST = {
    "sdi/mt": "metadata that come with a received file",
    "sdi/se": "SdI refused the buyer's own notice; the invoice stands where it stood",
}


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
    """What a file says.

    A document that cannot be read whole yields nothing: of a single one Malformed or Unsupported
    is raised; in a zip file it is a Problem at the member's name, and the other members go on.
    """
    del identity  # Each document says itself what it is.
    settings = Settings.of(raw.options)
    if not is_archive(raw):
        for member in members(raw):
            yield from _document(member, raw, settings, "")
        return
    for member in members(raw):
        try:
            yield from _document(member, raw, settings, member.name)
        except (GatewayError, ValueError) as error:
            yield _problem(error, member.name)


def _document(member: Member, raw: RawMessage, settings: Settings, name: str) -> Iterator[Item]:
    content = content_of(member)
    kind = kind_of(content)
    if kind in _OF_NO_INTEREST:
        yield Ignored(reason=_OF_NO_INTEREST[kind], at=name)
        return
    if kind is None:
        raise Malformed("no invoice and no message of SdI", code="foreign_member")
    if kind not in {INVOICE, SIMPLIFIED, *NOTICES}:
        raise Unsupported(f"kind {kind!r} is not known", code="unknown_kind")
    root = document_of(content, kind)
    if kind in {INVOICE, SIMPLIFIED}:
        yield from _bodies(root, kind, raw, name)
    else:
        yield _notice(root, kind, raw, settings, name)


def _notice(root: Element, kind: str, raw: RawMessage, settings: Settings, name: str) -> Message:
    try:
        return notice(root, kind, raw, settings.zone, name)
    except ValueError:
        raise _not_of_its_kind() from None


def _bodies(root: Element, kind: str, raw: RawMessage, name: str) -> Iterator[Item]:
    header = needed(root, _HEADER)
    with inside(_HEADER):
        place = "CedentePrestatore/DatiAnagrafici" if kind == INVOICE else "CedentePrestatore"
        seller_id = seller_tax_number(header, place)
    needed(root, _BODY)
    for position, body in enumerate(parts(root, _BODY), start=1):
        at = f"{_BODY}[{position}]"
        source = Source(
            account=raw.account,
            header=header,
            seller_id=seller_id,
            filename=name or raw.filename or "",
            at=f"{name}!{at}" if name else at,
        )
        yield from _body(body, kind, source)


def _body(body: Element, kind: str, source: Source) -> Iterator[Item]:
    """What one body says; a bad one is a Problem, and the others go on."""
    try:
        if tipo_documento(body) in IS_NO_INVOICE:
            yield Ignored(reason="a report to the authority, not an invoice", at=source.at)
            return
        found = list((invoice if kind == INVOICE else simplified_invoice)(body, source))
    except (GatewayError, ValueError) as error:
        yield _problem(error, source.at)
    else:
        yield from found


def _problem(error: GatewayError | ValueError, at: str) -> Problem:
    told = error if isinstance(error, GatewayError) else _not_of_its_kind()
    return Problem(code=told.code, message=str(told), path=told.path, at=at)


def _not_of_its_kind() -> Malformed:
    # The canonical model refused a value; what it was may be anybody's name.
    return Malformed("a value is too long or not of its kind", code="invalid_value")
