"""The rule of a patch: what it changes, where, and when; read strictly, applied to bytes.

Rules are JSON objects with `form` and `op`:

- `json`: `set`, `replace`, `remove`, `copy` at a `path` (`line_items[].price`); `value` (text,
  whole number, true, false, null) or `number` (a decimal as text, written as a JSON number);
  `old`: only where this stands; `from`: what is copied; `when`: `{"path", "equals" | "exists"}`.
  `from` and `when` start at the object that holds the target, or at the outside with a `/`.
- `xml`: `set` the text, or with `attribute` an attribute, of the elements at a `path`
  (`Stmt/Ntry/Amt`); `old`.
- `segments` (X12, EDIFACT): `set` the `element` of segments with a `tag`; `old`.
- `text`: `replace` `old` by `new`, in lines that begin with `prefix`; no patterns, so that no
  payload can make a rule run for ever.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from canonical.errors import Malformed, Unsupported

MOST_CHANGES: Final = 10_000
"""Places one rule changes in one payload."""

Scalar = Annotated[str, Field(max_length=4000)] | int | bool | None
Path = Annotated[str, Field(min_length=1, max_length=300)]
Text = Annotated[str, Field(min_length=1, max_length=4000)]


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class When(_Rule):
    """A condition on the object that holds the target."""

    path: Path
    equals: Scalar = None
    exists: bool | None = None

    @model_validator(mode="after")
    def _one_question(self) -> When:
        if ("equals" in self.model_fields_set) == (self.exists is not None):
            raise ValueError("a condition has either equals or exists")
        return self


class JsonRule(_Rule):
    """A change of JSON members."""

    form: Literal["json"]
    op: Literal["set", "replace", "remove", "copy"]
    path: Path
    value: Scalar = None
    number: Annotated[str, Field(pattern=r"^-?(0|[1-9]\d{0,29})(\.\d{1,12})?$")] | None = None
    old: Scalar = None
    source: Annotated[Path | None, Field(alias="from")] = None
    when: When | None = None

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> JsonRule:
        given = {"value", "number"} & self.model_fields_set
        if self.op in ("set", "replace") and len(given) != 1:
            raise ValueError("either value or number is needed")
        if (self.op == "copy") != (self.source is not None):
            raise ValueError("copying needs from, and nothing else does")
        if self.path.endswith("[]"):
            raise ValueError("the path ends with a name or a place")
        return self

    @property
    def asks_old(self) -> bool:
        """Whether the rule is only for members with a certain value."""
        return "old" in self.model_fields_set


class XmlRule(_Rule):
    """A change of the text or an attribute of XML elements."""

    form: Literal["xml"]
    op: Literal["set"]
    path: Path
    attribute: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.:-]{0,99}$")] | None = None
    value: Annotated[str, Field(max_length=4000)]
    old: Annotated[str, Field(max_length=4000)] | None = None


class SegmentRule(_Rule):
    """A change of an element of X12 or EDIFACT segments."""

    form: Literal["segments"]
    op: Literal["set"]
    tag: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{1,2}$")]
    element: Annotated[int, Field(ge=1, le=99)]
    value: Annotated[str, Field(max_length=4000)]
    old: Annotated[str, Field(max_length=4000)] | None = None


class TextRule(_Rule):
    """A replacement of literal text."""

    form: Literal["text"]
    op: Literal["replace"]
    old: Text
    new: Annotated[str, Field(max_length=4000)]
    prefix: Annotated[str, Field(max_length=200)] = ""


Rule = JsonRule | XmlRule | SegmentRule | TextRule
_RULES: Final[TypeAdapter[Rule]] = TypeAdapter(Annotated[Rule, Field(discriminator="form")])


@dataclass(frozen=True, slots=True)
class Splice:
    """Bytes that take the place of others."""

    start: int
    end: int
    new: bytes


def read_rule(document: Mapping[str, Any]) -> Rule:
    """A rule. Raises Malformed (`bad_rule`) saying what is wrong with it."""
    try:
        return _RULES.validate_python(dict(document))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"][1:])
        raise Malformed(first["msg"], code="bad_rule", path=path) from None


def apply_rule(rule: Rule, content: bytes) -> bytes:
    """The payload with the rule applied.

    Raises Unsupported (`rule_does_not_fit`) where there is nothing the rule is about, Malformed
    for a payload that is not of its form, before or after.
    """
    from workbench.mending.patches import json_patch, text_patch, xml_patch  # noqa: PLC0415 - they know it

    match rule:
        case JsonRule():
            return json_patch.patch(rule, content)
        case XmlRule():
            return xml_patch.patch(rule, content)
        case SegmentRule():
            return text_patch.patch_segments(rule, content)
        case TextRule():
            return text_patch.patch_text(rule, content)


def spliced(content: bytes, splices: Sequence[Splice]) -> bytes:
    """The bytes with all splices in. Raises Unsupported when there are none, or too many."""
    if not splices:
        raise Unsupported("nothing in it is what the rule is about", code="rule_does_not_fit")
    if len(splices) > MOST_CHANGES:
        raise Unsupported("the rule would change too many places", code="rule_too_wide")
    parts, done = [], 0
    for one in sorted(splices, key=lambda splice: splice.start):
        parts += [content[done : one.start], one.new]
        done = one.end
    return b"".join([*parts, content[done:]])
