"""What a fact of any family has in common, and the table of all of them."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from canonical.values import Identifier

TYPE_PREFIX = "o2c."


class Payload(BaseModel):
    """The typed data of one canonical message.

    A concrete payload states its `TYPE` and the version of its JSON Schema. `CONTEXT` names the
    fields that say where a fact was reported (which statement, which page) rather than what it
    is; they do not count when two reports of one fact are compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    TYPE: ClassVar[str]
    SCHEMA_VERSION: ClassVar[int] = 1
    CONTEXT: ClassVar[frozenset[str]] = frozenset()

    references: tuple[Identifier, ...] = ()
    """Every identifier by which people or other systems may ask for this fact."""

    def json_data(self) -> str:
        """The data as it is stored and published: compact JSON, absent fields left out."""
        return self.model_dump_json(exclude_none=True)

    def content(self) -> str:
        """What is compared between two reports of one fact: the data without its context."""
        if not self.CONTEXT:
            return self.json_data()
        return self.model_dump_json(exclude_none=True, exclude=set(self.CONTEXT))


def schema_uri(payload: type[Payload]) -> str:
    """The CloudEvents `dataschema` of a payload class; the hub serves it under `/schemas/`."""
    return f"urn:o2c:schema:{payload.TYPE}:v{payload.SCHEMA_VERSION}"
