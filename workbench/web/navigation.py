"""The way around: a page's module names its entry, and who may see it."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.access.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigationItem:
    """An entry of the header. A module of `pages` has it as `NAVIGATION`."""

    key: str
    """What a page passes to its template as `here`."""
    title: str
    href: str
    order: int
    """Overview 10, Failures 20, Exceptions 22, Conflicts 30, Proposals 36, Search 40, Reports 50,
    People 80, Audit log 90."""
    aside: bool = False
    """In the menu of whoever is signed in, not in the header: not of everyday work."""
    role: Role = Role.VIEWER
    badge: str = ""
    """The address of a part that tells how many of it wait for whoever looks."""
