"""Who may use the gateway, how they are recognised, and what they ask each other to approve."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, PrimaryKeyConstraint, Table, UniqueConstraint

from store.tables.columns import bytes_column, metadata, number, row_id, text_column

users = Table(
    "users",
    metadata,
    row_id(),
    text_column("name"),
    text_column("display_name"),
    text_column("password_hash", nullable=True),
    text_column("role"),
    number("created_at"),
    number("password_set_at", nullable=True),
    number("disabled_at", nullable=True),
    UniqueConstraint("name", name="users_name"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    row_id(),
    text_column("name"),
    text_column("prefix"),
    bytes_column("digest"),
    text_column("role"),
    number("user_id", nullable=True),
    text_column("made_by"),
    number("created_at"),
    number("expires_at"),
    number("last_used_at", nullable=True),
    number("revoked_at", nullable=True),
    text_column("revoked_by", nullable=True),
    UniqueConstraint("digest", name="api_tokens_digest"),
    Index("api_tokens_by_user", "user_id"),
)

sessions = Table(
    "sessions",
    metadata,
    bytes_column("digest"),
    number("user_id"),
    number("created_at"),
    number("last_seen_at"),
    number("ends_at"),
    PrimaryKeyConstraint("digest"),
    Index("sessions_by_user", "user_id"),
    Index("sessions_by_end", "ends_at"),
)

# A link without a user is for whoever becomes the first administrator.
one_time_links = Table(
    "one_time_links",
    metadata,
    bytes_column("digest"),
    number("user_id", nullable=True),
    text_column("made_by"),
    number("created_at"),
    number("expires_at"),
    PrimaryKeyConstraint("digest"),
)

# The key is a digest: what somebody types as a name may be a password.
login_throttles = Table(
    "login_throttles",
    metadata,
    bytes_column("key"),
    number("failures"),
    number("last_at"),
    number("blocked_until"),
    PrimaryKeyConstraint("key"),
)

proposals = Table(
    "proposals",
    metadata,
    row_id(),
    text_column("kind"),
    text_column("target"),
    text_column("payload"),
    text_column("made_by"),
    number("made_at"),
    text_column("state"),
    text_column("decided_by", nullable=True),
    number("decided_at", nullable=True),
    text_column("reason", nullable=True),
    number("applied_at", nullable=True),
    # Whatever the code above does: nobody approves what they proposed.
    CheckConstraint(
        "state NOT IN ('approved', 'applied') OR decided_by <> made_by",
        name="proposals_four_eyes",
    ),
    Index("proposals_by_state", "state", "id"),
    Index("proposals_by_target", "target"),
)
