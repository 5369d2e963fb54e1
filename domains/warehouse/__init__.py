"""The domains' tables as Parquet files, for a data warehouse."""

from __future__ import annotations

from domains.warehouse.exporting import Exported, export

__all__ = ["Exported", "export"]
