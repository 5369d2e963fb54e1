"""Which exceptions and records are asked for, as pages and API read it off a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Query

from domains.engine.record_lists import RecordQuery
from domains.exceptions.listing import Age, Sort, Wanted
from store.statements import storable
from workbench.web.paging import LIMIT, MOST, Paging

ExceptionState = Literal["open", "resolved", "ended", "all"]
_Text = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionFilter:
    """Which exceptions; empty: whatever."""

    state: ExceptionState
    domain: str
    owner: str
    kind: str
    age: Age | Literal[""]
    overdue: bool
    assigned: str
    text: str
    sort: Sort

    @property
    def narrows(self) -> bool:
        """Whether anything but the state is asked for."""
        named = (self.domain, self.owner, self.kind, self.age, self.assigned, self.text)
        return self.overdue or any(named)

    @property
    def wanted(self) -> Wanted:
        """What the store is asked."""
        return Wanted(
            domain=self.domain or None,
            owner=self.owner or None,
            kind=self.kind or None,
            state=None if self.state == "all" else self.state,
            age=self.age or None,
            overdue=self.overdue,
            assigned_to=self.assigned or None,
            text=self.text,
            sort=self.sort,
        )


def exception_filter(
    *,
    state: ExceptionState = "open",
    domain: _Text = "",
    owner: _Text = "",
    kind: _Text = "",
    age: Annotated[
        Age | Literal[""],
        Query(description="days since it was opened: current, or at least 7, 14 or 30"),
    ] = "",
    overdue: Annotated[bool, Query(description="only those past their time")] = False,
    assigned: _Text = "",
    text: Annotated[str, Query(max_length=200, description="part of number, kind or words")] = "",
    sort: Annotated[
        Sort | Literal[""], Query(description="what is due first, or what changed last")
    ] = "",
) -> ExceptionFilter:
    """The dependency behind `WantedExceptions`."""
    return ExceptionFilter(
        state=state,
        domain=storable(domain.strip()),
        owner=storable(owner.strip()),
        kind=storable(kind.strip()),
        age=age,
        overdue=overdue,
        assigned=storable(assigned.strip()),
        text=text.strip(),
        sort=sort or ("due" if state == "open" else "recent"),
    )


WantedExceptions = Annotated[ExceptionFilter, Depends(exception_filter)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """Which records of a domain; empty: whatever."""

    kind: str
    status: str
    text: str

    @property
    def narrows(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.kind or self.status or self.text)

    def of(self, domain: str) -> RecordQuery:
        """What the store is asked."""
        return RecordQuery(
            domain=domain, kind=self.kind or None, status=self.status or None, text=self.text
        )


def record_paging(
    after: Annotated[
        str | None, Query(max_length=1000, description="`next` of the page before this one")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="rows on a page")] = LIMIT,
) -> Paging:
    """The dependency behind `RecordPages`: records are paged by their keys, which may be long."""
    return Paging(storable(after) if after else None, limit)


RecordPages = Annotated[Paging, Depends(record_paging)]


def record_filter(kind: _Text = "", status: _Text = "", text: _Text = "") -> RecordFilter:
    """The dependency behind `WantedRecords`."""
    return RecordFilter(
        kind=storable(kind.strip()), status=storable(status.strip()), text=text.strip()
    )


WantedRecords = Annotated[RecordFilter, Depends(record_filter)]
