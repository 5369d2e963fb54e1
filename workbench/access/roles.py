"""What people may do. Nobody's role contains another's by accident: the grants are spelled out."""

from __future__ import annotations

from enum import StrEnum

from canonical.errors import Malformed


class Role(StrEnum):
    """A person's or token's role; a route names the one it is for."""

    VIEWER = "viewer"
    """Sees everything, changes nothing."""
    OPERATOR = "operator"
    """Replays, edits, discards, tags."""
    APPROVER = "approver"
    """Decides on what operators propose, and does not operate."""
    ADMIN = "admin"
    """All of that, and people, tokens, and the gateway's own settings."""


GRANTS: dict[Role, frozenset[Role]] = {
    Role.VIEWER: frozenset({Role.VIEWER}),
    Role.OPERATOR: frozenset({Role.VIEWER, Role.OPERATOR}),
    Role.APPROVER: frozenset({Role.VIEWER, Role.APPROVER}),
    Role.ADMIN: frozenset(Role),
}
"""The role somebody has → the roles whose routes are open to them."""


def may(held: Role, needed: Role) -> bool:
    """Whether who holds one role may do what another is for."""
    return needed in GRANTS[held]


def parse_role(text: str) -> Role:
    """The role of this name. Raises Malformed (`unknown_role`)."""
    try:
        return Role(text)
    except ValueError:
        known = ", ".join(Role)
        raise Malformed(f"the roles are: {known}", code="unknown_role", path="role") from None
