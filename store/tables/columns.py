"""The metadata all tables share, and their kinds of columns."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Text, text

metadata = MetaData()

# In SQLite only a column of type INTEGER can be the row id itself; it holds 64 bits there.
Number = BigInteger().with_variant(Integer(), "sqlite")
# Versions are compared byte by byte, whatever the language of the database.
VersionText = Text().with_variant(Text(collation="C"), "postgresql")


def row_id(name: str = "id") -> Column[int]:
    return Column(name, Number, primary_key=True, autoincrement=False)


def counted_id() -> Column[int]:
    return Column("id", Number, primary_key=True, autoincrement=True)


def number(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Number, nullable=nullable)


def text_column(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def bytes_column(name: str, *, nullable: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=nullable)


def index_where(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    condition = text(where)
    return Index(name, *columns, unique=unique, postgresql_where=condition, sqlite_where=condition)
