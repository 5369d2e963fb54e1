"""The baseline's tables, as ORM classes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, DateTime, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Base of both tables."""


class InboxRow(Base):
    """One delivery."""

    __tablename__ = "inbox"
    __table_args__ = (UniqueConstraint("connector", "account", "delivery_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    connector: Mapped[str]
    account: Mapped[str]
    delivery_key: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    headers: Mapped[dict[str, str]] = mapped_column(JSON)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class MessageRow(Base):
    """One canonical message."""

    __tablename__ = "message"

    id: Mapped[int] = mapped_column(primary_key=True)
    inbox_id: Mapped[int] = mapped_column(ForeignKey("inbox.id"))
    key: Mapped[str] = mapped_column(unique=True)
    type: Mapped[str]
    subject: Mapped[str]
    data: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
