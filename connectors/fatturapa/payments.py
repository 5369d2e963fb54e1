"""How and until when a document is to be paid (`DatiPagamento`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from canonical.errors import Malformed
from canonical.values import Identifier, Party
from connectors.fatturapa.fields import day, identifiers, inside, needed_number, only, parts, value
from connectors.kit.xml import Element

_BLOCK = "DatiPagamento"
_DETAIL = "DettaglioPagamento"


@dataclass(frozen=True, slots=True)
class Payment:
    """What all instalments say together, and each of them in words."""

    due: date | None
    """The day by which all is due: the last one."""
    payee: Party | None
    """Whose account it goes to; None when there is none, or more than one."""
    reference: str | None
    references: tuple[Identifier, ...]
    """What each instalment is to be paid under."""
    terms: str | None

    @classmethod
    def of(cls, body: Element, currency: str) -> Payment:
        """Raises Malformed for an amount or date that is none."""
        dues: list[date] = []
        details: list[Element] = []
        words: list[str] = []
        for position, block in enumerate(parts(body, _BLOCK), start=1):
            told = []
            for place, detail in enumerate(parts(block, _DETAIL), start=1):
                with inside(f"{_BLOCK}[{position}]/{_DETAIL}[{place}]"):
                    due = _due(detail)
                    told.append(_words(detail, due, currency))
                dues += [due] if due else []
                details.append(detail)
            words.append(f"{value(block, 'CondizioniPagamento') or ''} {'; '.join(told)}".strip())
        return cls(
            due=max(dues, default=None),
            payee=_payee(details),
            reference=only(value(detail, "CodicePagamento") for detail in details),
            references=identifiers(
                *(("fatturapa:CodicePagamento", value(one, "CodicePagamento")) for one in details)
            ),
            terms=" | ".join(words)[:4000] or None,
        )


def _due(detail: Element) -> date | None:
    told = day(detail, "DataScadenzaPagamento")
    start = day(detail, "DataRiferimentoTerminiPagamento")
    days = value(detail, "GiorniTerminiPagamento")
    if told or not start or not days:
        return told
    if not (days.isascii() and days.isdigit() and len(days) <= 3):
        raise Malformed("not a number of days", code="bad_amount", path="GiorniTerminiPagamento")
    return start + timedelta(days=int(days))


def _words(detail: Element, due: date | None, currency: str) -> str:
    amount = needed_number(detail, "ImportoPagamento")
    words = (
        value(detail, "ModalitaPagamento"),
        f"{amount} {currency}",
        due.isoformat() if due else None,
        _iban(detail),
    )
    return " ".join(word for word in words if word)


def _payee(details: list[Element]) -> Party | None:
    account = only(_iban(detail) for detail in details)
    if account is None:
        return None
    return Party(
        name=only(value(detail, "Beneficiario") for detail in details),
        account=Identifier(scheme="iban", value=account),
    )


def _iban(detail: Element) -> str | None:
    found = value(detail, "IBAN")
    return "".join(found.split()).upper() if found else None
