"""A stage for scenarios: orders to send things about, and the public API to see what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import httpx

from tests.acceptance.conftest import DEADLINE_S
from tests.acceptance.vendors.desk import BEGAN, Desk
from tests.acceptance.vendors.doors import Dropped, Posted

Row = Mapping[str, Any]
Seen = Mapping[str, Row | Sequence[Row]]
"""`domain/kind` → what its records of this order say; all of them, in any order."""

LOOK_AGAIN_S = 0.15
NOTHING_WRONG: Mapping[str, str] = MappingProxyType({})


@dataclass
class Theatre:
    """The running gateway, as vendors and a viewer of the API have it."""

    address: str
    folder: Path
    token: str

    def __post_init__(self) -> None:
        self._client = httpx.Client(base_url=self.address, timeout=30)
        self._headers = {"authorization": f"Bearer {self.token}"}

    def send(self, sent: Posted | Dropped) -> None:
        """Post a webhook, or put a file into an account's folder."""
        if isinstance(sent, Dropped):
            # As careful senders do: a name nobody looks at until it is whole.
            written = self.folder / sent.folder / f".{sent.name}"
            written.write_bytes(sent.content)
            written.rename(written.with_name(sent.name))
            return
        path, body, headers = sent
        answered = self._client.post(path, content=body, headers=headers)
        assert answered.status_code == 200, f"{path}: {answered.status_code} {answered.text}"

    def api(self, path: str) -> Any:
        """What the REST API says."""
        answered = self._client.get(f"/api/v1{path}", headers=self._headers)
        assert answered.status_code == 200, f"{path}: {answered.status_code} {answered.text}"
        return answered.json()

    def records(self, domain: str, kind: str, number: int) -> list[dict[str, Any]]:
        """Records about an order, each as one mapping: label, status, and all of its state.

        The dimensions of an order's status stand in the place of the figures of their names.
        """
        listed = self.api(f"/records/{domain}?kind={kind}&text={number}&limit=100")["items"]
        found = []
        for one in listed:
            told = self.api(f"/records/{domain}/{quote(one['key'], safe='')}")
            state = {**told["state"], **told["state"].get("dimensions", {})}
            found.append({**state, "label": told["label"], "status": told["status"]})
        return found

    def exceptions(self, number: int) -> dict[str, str]:
        """Kind → owner of the open exceptions about an order."""
        listed = self.api(f"/exceptions?text={number}&limit=100")["items"]
        return {one["kind"]: one["owner"] for one in listed}

    def trace(self, reference: str) -> list[dict[str, Any]]:
        """The steps of business a reference belongs to."""
        chain: list[dict[str, Any]] = self.api(f"/trace?ref={quote(reference)}")["chain"]
        return chain

    def payload(self, receipt: str) -> bytes:
        """The raw payload of a receipt, as it came in."""
        answered = self._client.get(f"/api/v1/receipts/{receipt}/payload", headers=self._headers)
        assert answered.status_code == 200, f"{receipt}: {answered.status_code} {answered.text}"
        return answered.content

    def end(self) -> None:
        self._client.close()


@dataclass
class Scene:
    """One scenario on that stage."""

    theatre: Theatre
    first: int
    """The number of its first order."""
    seen: list[tuple[int, Seen, Mapping[str, str] | None]] = field(default_factory=list)
    """What was seen last of each order."""
    _desks: int = 0

    def desk(self, *, lamps: int = 1, pens: int = 0, began: datetime = BEGAN) -> Desk:
        """A new order nothing has been sent about."""
        number = self.first + self._desks
        self._desks += 1
        return Desk(self.theatre.send, number, lamps=lamps, pens=pens, began=began)

    def sees(
        self, desk: Desk, seen: Seen, exceptions: Mapping[str, str] | None = NOTHING_WRONG
    ) -> None:
        """Wait until the API says this of an order, and these exceptions (kind → owner) are open.

        None for exceptions: whatever. Raises AssertionError with what it said last.
        """
        differs = [""]
        deadline = time.monotonic() + DEADLINE_S
        while differs and time.monotonic() < deadline:
            differs = self._differences(desk.number, seen, exceptions)
            if differs:
                time.sleep(LOOK_AGAIN_S)
        assert not differs, "\n".join(differs)
        self.seen = [one for one in self.seen if one[0] != desk.number]
        self.seen.append((desk.number, seen, exceptions))

    def still_sees(self) -> None:
        """What was seen last still holds. Raises AssertionError."""
        told = [
            line
            for number, seen, exceptions in self.seen
            for line in self._differences(number, seen, exceptions)
        ]
        assert not told, "\n".join(told)

    def _differences(
        self, number: int, seen: Seen, exceptions: Mapping[str, str] | None
    ) -> list[str]:
        told = []
        for name, rows in seen.items():
            domain, _, kind = name.partition("/")
            expected = [rows] if isinstance(rows, Mapping) else list(rows)
            found = self.theatre.records(domain, kind, number)
            if not _all_match(expected, found):
                told.append(f"{name} of {number}:\n  expected {expected}\n  found {found}")
        open_now = self.theatre.exceptions(number)
        if exceptions is not None and open_now != exceptions:
            told.append(f"exceptions of {number}:\n  expected {exceptions}\n  open {open_now}")
        return told


def _all_match(expected: Sequence[Row], found: Iterable[Row]) -> bool:
    left = list(found)
    for row in expected:
        match = next((one for one in left if _matches(row, one)), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def _matches(row: Row, found: Any) -> bool:
    return all(_at(found, path) == value for path, value in row.items())


def _at(found: Any, path: str) -> Any:
    """What is at a dotted path, e.g. `lines.0.allowed`; None where nothing is."""
    for part in path.split("."):
        if isinstance(found, list):
            found = found[int(part)] if int(part) < len(found) else None
        else:
            found = found.get(part) if isinstance(found, Mapping) else None
    return found
