"""The senders: several keep-alive clients that redeliver until they hear a 2xx, and a log of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from chaos import payloads
from chaos.plan import Delivery
from chaos.processes import Gateway

ANSWER_S = 3.0
PAUSE_S = 0.1


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sender was told, once."""

    number: int
    gateway: int
    status: int | None
    """None: the connection ended without an answer; the delivery may have been accepted."""
    receipt: str | None


class Senders:
    """Everybody who sends webhooks."""

    def __init__(
        self, gateways: Sequence[Gateway], secrets: payloads.Secrets, on_heard: Callable[[], None]
    ) -> None:
        self._gateways = [one for one in gateways if one.has_door]
        self._secrets = secrets
        self._on_heard = on_heard
        self.told: list[Answer] = []

    async def send_all(self, lanes: Sequence[Sequence[Delivery]]) -> None:
        """Send every lane's deliveries, lane beside lane."""
        await asyncio.gather(*(self._lane(number, lane) for number, lane in enumerate(lanes)))

    def write_log(self, path: Path) -> None:
        """What was told, a line an answer."""
        path.write_text("".join(f"{json.dumps(asdict(one))}\n" for one in self.told))

    async def _lane(self, number: int, lane: Sequence[Delivery]) -> None:
        async with httpx.AsyncClient(timeout=ANSWER_S) as client:
            for one in lane:
                await self._deliver(client, number, one)

    async def _deliver(self, client: httpx.AsyncClient, lane: int, one: Delivery) -> None:
        for attempt in range(one.tries):
            gateway = self._gateways[(lane + attempt) % len(self._gateways)]
            address = gateway.address()
            if address:
                status = await self._try(client, gateway.number, address, one)
                if status is not None and not _comes_again(one, status):
                    return
            await asyncio.sleep(PAUSE_S)

    async def _try(
        self, client: httpx.AsyncClient, number: int, address: str, one: Delivery
    ) -> int | None:
        try:
            answered = await client.post(
                f"{address}/in/{one.door}/{payloads.ACCOUNT}",
                content=one.body,
                headers=self._headers(one),
            )
        except httpx.ConnectError:
            return None  # nothing was sent, so nothing was told
        except httpx.TransportError:
            self.told.append(Answer(one.number, number, None, None))
            return None
        self.told.append(Answer(one.number, number, answered.status_code, _receipt(answered)))
        self._on_heard()
        return answered.status_code

    def _headers(self, one: Delivery) -> dict[str, str]:
        if one.door == "stripe":
            return payloads.payment_headers(self._secrets.payments, one.body)
        secret = "forged" if one.kind == "forged" else self._secrets.shop
        return payloads.shop_headers(secret, one.body, one.topic, one.event)


def _comes_again(one: Delivery, status: int) -> bool:
    # A gateway whose clock is off takes a good signature for a stale one.
    return status >= 500 or (status == 401 and one.kind != "forged")


def _receipt(answered: httpx.Response) -> str | None:
    if answered.status_code != 200:
        return None
    receipt = answered.json().get("receipt")
    return None if receipt is None else str(receipt)
