"""What the demo's billing system and the e-invoicing network say, in UBL 2.1 (Peppol BIS 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from demo.shop import VAT_RATE, ShopOrder

_CENT = Decimal("0.01")
_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_NAMESPACES = (
    f'xmlns:cac="{_UBL}CommonAggregateComponents-2" xmlns:cbc="{_UBL}CommonBasicComponents-2"'
)
_SCHEME = "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
_CATEGORY = f"<cbc:ID>S</cbc:ID><cbc:Percent>{VAT_RATE * 100:f}</cbc:Percent>{_SCHEME}"


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice, or a credit note where it names the invoice it corrects."""

    order: ShopOrder
    number: str
    issued: date
    counts: Sequence[int]
    """Pieces of each line of the order."""
    seller: str = "DK11223344"
    """The seller's VAT number."""
    shipment: str | None = None
    """The delivery it bills, as the warehouse names it."""
    corrects: str | None = None
    payment_reference: str | None = None

    @property
    def total(self) -> Decimal:
        return self.order.worth(self.counts)

    @property
    def net(self) -> Decimal:
        return _net(self.total)


def document(one: Document) -> bytes:
    """An Invoice (380) or a CreditNote (381) whose arithmetic holds."""
    root = "CreditNote" if one.corrects else "Invoice"
    code = "381" if one.corrects else "380"
    due = one.issued + timedelta(days=30)
    due_date = "" if one.corrects else f"<cbc:DueDate>{due}</cbc:DueDate>"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<{root} xmlns="{_UBL}{root}-2" {_NAMESPACES}>
<cbc:CustomizationID>urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0</cbc:CustomizationID>
<cbc:ProfileID>urn:fdc:peppol.eu:2017:poacc:billing:01:1.0</cbc:ProfileID>
<cbc:ID>{one.number}</cbc:ID><cbc:IssueDate>{one.issued}</cbc:IssueDate>{due_date}
<cbc:{root}TypeCode>{code}</cbc:{root}TypeCode><cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
<cac:OrderReference><cbc:ID>{one.order.number}</cbc:ID></cac:OrderReference>
{_named(one)}{_parties(one)}{_means(one)}{_totals(one)}
{"".join(_lines(one, root))}</{root}>
""".encode()


def network_response(
    invoice: str, code: str, moment: datetime, *, response: str, business: bool = False
) -> bytes:
    """The network's answer to an invoice: `AB`, `AP` or `RE`; the buyer's with `business`."""
    name = "invoice_response" if business else "mlr"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ApplicationResponse xmlns="{_UBL}ApplicationResponse-2" {_NAMESPACES}>
<cbc:CustomizationID>urn:fdc:peppol.eu:poacc:trns:{name}:3</cbc:CustomizationID>
<cbc:ProfileID>urn:fdc:peppol.eu:poacc:bis:{name}:3</cbc:ProfileID>
<cbc:ID>{response}</cbc:ID>
<cbc:IssueDate>{moment:%Y-%m-%d}</cbc:IssueDate><cbc:IssueTime>{moment:%H:%M:%S}Z</cbc:IssueTime>
<cac:SenderParty><cbc:EndpointID schemeID="9930">DE999888777</cbc:EndpointID></cac:SenderParty>
<cac:ReceiverParty><cbc:EndpointID schemeID="0184">11223344</cbc:EndpointID></cac:ReceiverParty>
<cac:DocumentResponse><cac:Response><cbc:ResponseCode>{code}</cbc:ResponseCode></cac:Response>
<cac:DocumentReference><cbc:ID>{invoice}</cbc:ID><cbc:DocumentTypeCode>380</cbc:DocumentTypeCode>
</cac:DocumentReference></cac:DocumentResponse></ApplicationResponse>
""".encode()


def _named(one: Document) -> str:
    corrected = (
        f"<cac:BillingReference><cac:InvoiceDocumentReference><cbc:ID>{one.corrects}</cbc:ID>"
        "</cac:InvoiceDocumentReference></cac:BillingReference>"
    )
    delivery = (
        f"<cac:DespatchDocumentReference><cbc:ID>{one.shipment}</cbc:ID>"
        "</cac:DespatchDocumentReference>"
    )
    return (corrected if one.corrects else "") + (delivery if one.shipment else "")


def _parties(one: Document) -> str:
    seller = _party(
        "0184", one.seller.removeprefix("DK"), one.seller, "Nordic Desk ApS", "Aarhus", "DK"
    )
    buyer = _party("9930", "DE999888777", "DE999888777", "Beispiel Handel GmbH", "Hamburg", "DE")
    return (
        f"<cac:AccountingSupplierParty>{seller}</cac:AccountingSupplierParty>"
        f"<cac:AccountingCustomerParty>{buyer}</cac:AccountingCustomerParty>"
    )


def _party(  # noqa: PLR0917 - a party's parts in the order of the document
    scheme: str, endpoint: str, vat: str, name: str, city: str, country: str
) -> str:
    return f"""<cac:Party><cbc:EndpointID schemeID="{scheme}">{endpoint}</cbc:EndpointID>
<cac:PostalAddress><cbc:CityName>{city}</cbc:CityName>
<cac:Country><cbc:IdentificationCode>{country}</cbc:IdentificationCode></cac:Country></cac:PostalAddress>
<cac:PartyTaxScheme><cbc:CompanyID>{vat}</cbc:CompanyID>{_SCHEME}</cac:PartyTaxScheme>
<cac:PartyLegalEntity><cbc:RegistrationName>{name}</cbc:RegistrationName></cac:PartyLegalEntity>
</cac:Party>
"""


def _means(one: Document) -> str:
    reference = one.payment_reference or one.number
    return (
        '<cac:PaymentMeans><cbc:PaymentMeansCode name="Credit transfer">58</cbc:PaymentMeansCode>'
        f"<cbc:PaymentID>{reference}</cbc:PaymentID></cac:PaymentMeans>"
    )


def _totals(one: Document) -> str:
    tax = one.total - one.net
    return f"""<cac:TaxTotal>{_amount("Tax", tax)}<cac:TaxSubtotal>{_amount("Taxable", one.net)}
{_amount("Tax", tax)}<cac:TaxCategory>{_CATEGORY}</cac:TaxCategory></cac:TaxSubtotal></cac:TaxTotal>
<cac:LegalMonetaryTotal>{_amount("LineExtension", one.net)}{_amount("TaxExclusive", one.net)}
{_amount("TaxInclusive", one.total)}{_amount("Payable", one.total)}</cac:LegalMonetaryTotal>"""


def _lines(one: Document, root: str) -> list[str]:
    kind = "Credited" if root == "CreditNote" else "Invoiced"
    written = []
    for index, count in enumerate(one.counts):
        if not count:
            continue
        line = one.order.lines[index]
        written.append(
            f"""<cac:{root}Line><cbc:ID>{index + 1}</cbc:ID>
<cbc:{kind}Quantity unitCode="C62">{count}</cbc:{kind}Quantity>
{_amount("LineExtension", _net(line.price) * count)}
<cac:OrderLineReference><cbc:LineID>{one.order.line_id(index)}</cbc:LineID></cac:OrderLineReference>
<cac:Item><cbc:Name>{line.title}</cbc:Name>
<cac:SellersItemIdentification><cbc:ID>{line.sku}</cbc:ID></cac:SellersItemIdentification>
<cac:ClassifiedTaxCategory>{_CATEGORY}</cac:ClassifiedTaxCategory></cac:Item>
<cac:Price>{_amount("Price", _net(line.price))}</cac:Price></cac:{root}Line>
"""
        )
    return written


def _amount(name: str, amount: Decimal) -> str:
    return f'<cbc:{name}Amount currencyID="EUR">{amount:f}</cbc:{name}Amount>'


def _net(gross: Decimal) -> Decimal:
    return (gross / (1 + VAT_RATE)).quantize(_CENT)
