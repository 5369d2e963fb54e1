"""Lists of failure groups as pages and API read them: filtered, and page by page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from fastapi import Depends, Query

from canonical.errors import Malformed
from store.fingerprints import FIELD, GROUPINGS
from store.ids import parse_id, show_id
from store.mending.failure_groups import GROUP, Sort, page_key
from store.statements import storable
from workbench.bench import Bench
from workbench.failures.groups import GroupView, list_groups

AT_ONCE: Final = 200
MOST_LOOKED_AT: Final = 4000
"""Groups that are looked at for one page of a filter that no index answers."""

GroupState = Literal["open", "resolved", "muted", "all"]
_Text = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupQuery:
    """Which groups are asked for."""

    by: str = FIELD
    state: GroupState = "open"
    connector: str = ""
    owner: str = ""
    overdue: bool = False
    text: str = ""
    """Part of the code, the path, the stage, a tag or the message."""
    sort: Sort = "recent"

    @property
    def sifts(self) -> bool:
        """Whether groups are passed over that the store gives."""
        return self.overdue or bool(self.text)

    @property
    def narrows(self) -> bool:
        """Whether anything but the grouping and the state is asked for."""
        return self.sifts or bool(self.connector or self.owner)

    def fits(self, one: GroupView) -> bool:
        """Whether a group of the store's answer is wanted."""
        if self.overdue and not one.overdue:
            return False
        wanted = self.text.casefold()
        return not wanted or any(wanted in part.casefold() for part in _words(one))


def _words(one: GroupView) -> Iterator[str]:
    group = one.group
    yield from (group.error_code, group.field_path, group.stage, group.kind, group.text)
    yield from group.tags


def group_query(
    *,
    by: Annotated[str, Query(max_length=20, description=", ".join(GROUPINGS))] = FIELD,
    state: GroupState = "open",
    connector: _Text = "",
    owner: _Text = "",
    overdue: Annotated[bool, Query(description="only those past their time")] = False,
    text: Annotated[str, Query(max_length=200, description="part of code, path or message")] = "",
    sort: Annotated[Sort, Query(description="the latest, or the largest first")] = "recent",
) -> GroupQuery:
    """The dependency behind `WantedGroups`."""
    return GroupQuery(
        by=by,
        state=state,
        connector=storable(connector.strip()),
        owner=storable(owner.strip()),
        overdue=overdue,
        text=text.strip(),
        sort=sort,
    )


WantedGroups = Annotated[GroupQuery, Depends(group_query)]


@dataclass(frozen=True, slots=True)
class FoundGroups:
    """A page of groups, and the mark of the next one."""

    groups: tuple[GroupView, ...]
    next: str | None


async def find_groups(
    bench: Bench, query: GroupQuery, *, after: str | None, limit: int
) -> FoundGroups:
    """A page of groups. Raises Malformed for an unknown grouping or mark.

    Filters that no index answers are applied to at most 4,000 groups a page; then the page ends
    early and `next` goes on from there.
    """
    place, found = _place(after), list[GroupView]()
    for _ in range(0, MOST_LOOKED_AT, AT_ONCE):
        page = await list_groups(
            bench,
            query.by,
            state=None if query.state == "all" else query.state,
            connector=query.connector or None,
            owner=query.owner or None,
            sort=query.sort,
            after=place,
            limit=AT_ONCE if query.sifts else limit,
        )
        found += [one for one in page.groups if query.fits(one)]
        if len(found) > limit or (len(found) == limit and page.after):
            shown = found[:limit]
            return FoundGroups(tuple(shown), _mark(page_key(shown[-1].group, query.sort)))
        place = page.after
        if place is None or not query.sifts:
            break
    return FoundGroups(tuple(found), None if place is None else _mark(place))


def at_page(page: str, following: str | None) -> str | None:
    """The next page's address at the page itself, where a part of it or a form was asked for."""
    return None if following is None else f"{page}?{following.partition('?')[2]}"


def _mark(place: tuple[int, int]) -> str:
    value, group_id = place
    return f"{value}.{show_id(GROUP, group_id)}"


def _place(mark: str | None) -> tuple[int, int] | None:
    if mark is None:
        return None
    value, _, shown = mark.partition(".")
    if not value.isascii() or not value.isdecimal() or len(value) > 18:
        raise Malformed("`after` is what a page gave as `next`", code="bad_mark", path="after")
    return int(value), parse_id(GROUP, shown)
