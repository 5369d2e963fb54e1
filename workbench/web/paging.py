"""Keyset paging: `?after=…&limit=…` asks, `{"items": […], "next": …}` answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query, Request
from pydantic import BaseModel

LIMIT = 50
MOST = 200
_LONGEST_MARK = 200

T = TypeVar("T")


class Listing(BaseModel, Generic[T]):
    """A page of a list; `next` is what to send as `after`, absent on the last page."""

    items: list[T]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page is asked for."""

    after: str | None
    limit: int

    @property
    def wanted(self) -> int:
        """How many rows to ask the store for: one more than shown tells whether there is more."""
        return self.limit + 1

    def cut(self, rows: Sequence[T], mark: Callable[[T], str]) -> tuple[list[T], str | None]:
        """The rows of this page, and the mark of the last if there are more behind it."""
        shown = list(rows[: self.limit])
        return shown, (mark(shown[-1]) if len(rows) > self.limit and shown else None)


def paging(
    after: Annotated[
        str | None,
        Query(max_length=_LONGEST_MARK, description="`next` of the page before this one"),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="rows on a page")] = LIMIT,
) -> Paging:
    """The dependency behind `Pages`."""
    return Paging(after or None, limit)


Pages = Annotated[Paging, Depends(paging)]


def next_address(request: Request, mark: str | None) -> str | None:
    """The address of the next page of the list that is shown here."""
    if mark is None:
        return None
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
    return f"{request.url.path}?{urlencode([*kept, ('after', mark)])}"
