"""Notification items and reports → canonical messages: which function reads what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from canonical.errors import GatewayError, Malformed, Unsupported
from canonical.message import Ignored, Item, Problem
from connectors.adyen import disputes, payments
from connectors.adyen.identity import SETTLEMENT_DETAIL
from connectors.adyen.notice import Notice, truth
from connectors.adyen.settlement import settlement_detail
from connectors.contract import Identity
from connectors.kit.json_body import as_list, as_object, join
from connectors.raw import RawMessage

Read = Callable[[Notice], Iterator[Item]]

_EVENTS: Mapping[str, Read] = MappingProxyType(
    {
        "AUTHORISATION": payments.authorisation,
        "CANCELLATION": payments.cancellation,
        "CANCEL_OR_REFUND": payments.cancel_or_refund,
        "CAPTURE": payments.capture,
        "CAPTURE_FAILED": payments.capture_failed,
        "CHARGEBACK": disputes.opened,
        "CHARGEBACK_REVERSED": disputes.closed,
        "DISPUTE_DEFENSE_PERIOD_ENDED": disputes.closed_by_status,
        "EXPIRE": payments.ended,
        "ISSUER_RESPONSE_TIMEFRAME_EXPIRED": disputes.closed_by_status,
        "NOTIFICATION_OF_CHARGEBACK": disputes.opened,
        "OFFER_CLOSED": payments.ended,
        "PREARBITRATION_ACCEPTED": disputes.closed_by_status,
        "PREARBITRATION_DECLINED": disputes.closed_by_status,
        "PREARBITRATION_ISSUER_WITHDRAWN": disputes.closed,
        "PREARBITRATION_LOST": disputes.closed,
        "PREARBITRATION_OPEN": disputes.opened,
        "PREARBITRATION_WON": disputes.closed,
        "REFUND": payments.refund,
        "REFUNDED_REVERSED": payments.refund_reversed,
        "REFUND_FAILED": payments.refund_failed,
        "REFUND_WITH_DATA": payments.refund,
        "REQUEST_FOR_INFORMATION": disputes.opened,
        "SCHEME_ARBITRATION_LOST": disputes.closed,
        "SCHEME_ARBITRATION_WON": disputes.closed,
        "SECOND_CHARGEBACK": disputes.closed,
        "TECHNICAL_CANCEL": payments.cancellation,
    }
)
_TO_SHOPPERS = "a payout to a third party is no part of order to cash"
_IGNORED: Mapping[str, str] = MappingProxyType(
    {
        "ACH_NOTIFICATION_OF_CHANGE": "changed bank details of a payer",
        "AUTHENTICATION": "the payer proved who it is; AUTHORISATION tells the outcome",
        "AUTHORISATION_ADJUSTMENT": "another amount is reserved; CAPTURE tells what is taken",
        "AUTORESCUE": "AUTHORISATION tells whether the payment was rescued",
        "CANCEL_AUTORESCUE": "AUTHORISATION tells whether the payment was rescued",
        "INFORMATION_SUPPLIED": "the merchant's own defence of a dispute",
        "ISSUER_COMMENTS": "words about a dispute; its stages are told by themselves",
        "MANUAL_REVIEW_ACCEPT": "the payment goes on as it was told",
        "MANUAL_REVIEW_REJECT": "the cancellation or refund that follows is told by itself",
        "NOTIFICATION_OF_FRAUD": "an alert for information; no dispute was opened",
        "ORDER_CLOSED": "each partial payment is told by itself",
        "ORDER_OPENED": "each partial payment is told by itself",
        "PAIDOUT_REVERSED": _TO_SHOPPERS,
        "PAYOUT_DECLINE": _TO_SHOPPERS,
        "PAYOUT_EXPIRE": _TO_SHOPPERS,
        "PAYOUT_THIRDPARTY": _TO_SHOPPERS,
        "PENDING": "not final; AUTHORISATION tells the outcome",
        "POSTPONED_REFUND": "it waits for the capture; REFUND tells its outcome",
        "RECURRING_CONTRACT": "payment details were stored; no money moved",
        "REPORT_AVAILABLE": "the report itself is read as a file",
        "SCHEME_ARBITRATION": "the dispute goes on; its end is told by itself",
        "VOID_PENDING_REFUND": "a refund that waited was withdrawn; it was not told as issued",
    }
)


def translate(raw: RawMessage, identity: Identity) -> Iterator[Item]:
    """The facts of each notification item, or of a report's rows.

    An item that cannot be used is a Problem and the others go on: Adyen holds back everything
    behind a delivery that is not accepted. Raises Malformed for a report beyond use.
    """
    if identity.kind == SETTLEMENT_DETAIL:
        yield from settlement_detail(raw)
        return
    document = as_object(raw.json())
    for index, wrapper in enumerate(
        as_list(document.get("notificationItems"), "notificationItems")
    ):
        at = join("notificationItems", index)
        try:
            yield from _item(raw, document, wrapper, at)
        except GatewayError as error:
            yield Problem(code=error.code, message=str(error), path=error.path, at=at)


def _item(raw: RawMessage, document: Mapping[str, Any], wrapper: Any, at: str) -> Iterator[Item]:
    item = as_object(as_object(wrapper).get("NotificationRequestItem"), "NotificationRequestItem")
    notice = Notice(raw, item, truth(document, "live"), at)
    if not _is_wanted(raw, notice.live):
        yield Ignored(reason="the account does not take items of this environment", at=at)
        return
    event = notice.event
    if event in _EVENTS:
        yield from _EVENTS[event](notice)
    elif event in _IGNORED:
        yield Ignored(reason=f"{event}: {_IGNORED[event]}", at=at)
    else:
        raise Unsupported(
            f"event {event[:40]!r} is not known", code="unknown_kind", path="eventCode"
        )


def _is_wanted(raw: RawMessage, live: bool) -> bool:
    wanted = raw.options.get("live")
    if wanted is None:
        return True
    if not isinstance(wanted, bool):
        raise Malformed("option live must be true or false", code="bad_option", path="live")
    return wanted is live
