"""People: users, tokens, sessions, one-time links, throttles, proposals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _users()
    _api_tokens()
    _sessions()
    _one_time_links()
    _login_throttles()
    _proposals()


def downgrade() -> None:
    for table in (
        "proposals",
        "login_throttles",
        "one_time_links",
        "sessions",
        "api_tokens",
        "users",
    ):
        op.drop_table(table)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, NUMBER, nullable=nullable, autoincrement=False)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def _users() -> None:
    op.create_table(
        "users",
        _number("id"),
        _text("name"),
        _text("display_name"),
        _text("password_hash", nullable=True),
        _text("role"),
        _number("created_at"),
        _number("password_set_at", nullable=True),
        _number("disabled_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name="users_name"),
    )


def _api_tokens() -> None:
    op.create_table(
        "api_tokens",
        _number("id"),
        _text("name"),
        _text("prefix"),
        _bytes("digest"),
        _text("role"),
        _number("user_id", nullable=True),
        _text("made_by"),
        _number("created_at"),
        _number("expires_at"),
        _number("last_used_at", nullable=True),
        _number("revoked_at", nullable=True),
        _text("revoked_by", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest", name="api_tokens_digest"),
    )
    op.create_index("api_tokens_by_user", "api_tokens", ["user_id"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        _bytes("digest"),
        _number("user_id"),
        _number("created_at"),
        _number("last_seen_at"),
        _number("ends_at"),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("sessions_by_user", "sessions", ["user_id"])
    op.create_index("sessions_by_end", "sessions", ["ends_at"])


def _one_time_links() -> None:
    op.create_table(
        "one_time_links",
        _bytes("digest"),
        _number("user_id", nullable=True),
        _text("made_by"),
        _number("created_at"),
        _number("expires_at"),
        sa.PrimaryKeyConstraint("digest"),
    )


def _login_throttles() -> None:
    op.create_table(
        "login_throttles",
        _bytes("key"),
        _number("failures"),
        _number("last_at"),
        _number("blocked_until"),
        sa.PrimaryKeyConstraint("key"),
    )


def _proposals() -> None:
    op.create_table(
        "proposals",
        _number("id"),
        _text("kind"),
        _text("target"),
        _text("payload"),
        _text("made_by"),
        _number("made_at"),
        _text("state"),
        _text("decided_by", nullable=True),
        _number("decided_at", nullable=True),
        _text("reason", nullable=True),
        _number("applied_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'applied') OR decided_by <> made_by",
            name="proposals_four_eyes",
        ),
    )
    op.create_index("proposals_by_state", "proposals", ["state", "id"])
    op.create_index("proposals_by_target", "proposals", ["target"])
