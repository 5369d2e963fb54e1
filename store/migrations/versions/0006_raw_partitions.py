"""Raw payloads by week on PostgreSQL; what retention drops is counted.

No body is copied: the table as it stands becomes the partition of everything before next Monday,
under the name `raw_payloads_before`. Attaching it reads its rows once, without their bodies, which
PostgreSQL keeps apart; the rest is renaming. It is dropped like any other when all of it is due.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
IDS_BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
ID_SHIFT = 22
MOVED = "receipt_id, part, encoding, body"


def upgrade() -> None:
    op.create_table(
        "dropped",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("part", "connector", "account")),
        sa.Column("rows", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("part", "connector", "account"),
    )
    op.create_table(
        "retention_marks",
        sa.Column("part", sa.Text(), nullable=False),
        *(sa.Column(name, NUMBER, nullable=False) for name in ("before_id", "at")),
        sa.PrimaryKeyConstraint("part"),
    )
    if op.get_context().dialect.name == "postgresql":
        _partition()


def _partition() -> None:
    op.execute("ALTER TABLE raw_payloads RENAME TO raw_payloads_before")
    op.execute("ALTER INDEX raw_payloads_pkey RENAME TO raw_payloads_before_pkey")
    _raw_payloads("raw_payloads", postgresql_partition_by="RANGE (receipt_id)")
    op.execute("CREATE TABLE raw_payloads_default PARTITION OF raw_payloads DEFAULT")
    last = op.get_bind().scalar(sa.text("SELECT max(receipt_id) FROM raw_payloads_before"))
    if last is None:
        op.drop_table("raw_payloads_before")
        return
    # Ids may run ahead of the clock: whatever is there stays below.
    made = IDS_BEGAN + timedelta(milliseconds=last >> ID_SHIFT)
    before = _next_monday(max(made, datetime.now(UTC)))
    op.execute(
        "ALTER TABLE raw_payloads ATTACH PARTITION raw_payloads_before"
        f" FOR VALUES FROM (MINVALUE) TO ({before})"
    )


def _next_monday(moment: datetime) -> int:
    """The lowest receipt id of the week after this moment's."""
    monday = (moment - timedelta(days=moment.weekday())).date() + timedelta(days=7)
    since = datetime(monday.year, monday.month, monday.day, tzinfo=UTC) - IDS_BEGAN
    return (since // timedelta(milliseconds=1)) << ID_SHIFT


def _raw_payloads(name: str, **options: Any) -> None:
    op.create_table(
        name,
        *(
            sa.Column(number, NUMBER, nullable=False, autoincrement=False)
            for number in ("receipt_id", "part")
        ),
        sa.Column("encoding", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("receipt_id", "part"),
        **options,
    )
    op.execute(f"ALTER TABLE {name} ALTER COLUMN body SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Puts the bodies back into one table; every row is copied."""
    if op.get_context().dialect.name == "postgresql":
        op.execute("ALTER TABLE raw_payloads RENAME TO raw_payloads_by_week")
        op.execute("ALTER INDEX raw_payloads_pkey RENAME TO raw_payloads_by_week_pkey")
        _raw_payloads("raw_payloads")
        op.execute(
            f"INSERT INTO raw_payloads ({MOVED}) SELECT {MOVED} FROM raw_payloads_by_week"  # noqa: S608 - our own names
        )
        op.drop_table("raw_payloads_by_week")
    op.drop_table("retention_marks")
    op.drop_table("dropped")
