"""Where a value comes from: a place in the record, the account, or the mapping itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from canonical.errors import Malformed, Unsupported
from connectors.mapping.scopes import Path, Scope, Value

ACCOUNT = "$account"
POSITION = "$position"
_XML_STEP = re.compile(r"@?[^\W\d][\w.\-]*")


@dataclass(frozen=True, slots=True)
class Source:
    """One source as a mapping writes it.

    =text       the text itself
    $account    the account's name
    $position   which one of its list this part is, from 1
    ../a/b      a place in the record (or list, or document) around this part
    a/b         a place in the record: a column, a JSON pointer, a path of elements
    """

    text: str
    constant: str | None = None
    special: str = ""
    up: int = 0
    path: Path = ()

    @property
    def is_told(self) -> bool:
        """Whether the sender says it."""
        return self.constant is None and not self.special

    def read(self, scope: Scope) -> Value | None:
        """Raises Malformed where the place holds no single value."""
        if self.constant is not None:
            return self.constant
        if self.special == ACCOUNT:
            return scope.account
        if self.special == POSITION:
            return str(scope.position)
        return self.scope(scope).value(self.path)

    def scope(self, scope: Scope) -> Scope:
        """The scope this source's path begins in."""
        for _ in range(self.up):
            assert scope.parent is not None  # noqa: S101 - compiled: the levels are known
            scope = scope.parent
        return scope


@dataclass(frozen=True, slots=True)
class Pick:
    """The first of some sources that says something, put into canonical words by a code table."""

    sources: tuple[Source, ...]
    codes: Mapping[str, str] | None = None

    @property
    def is_told(self) -> bool:
        return any(source.is_told for source in self.sources)

    @property
    def shown(self) -> str:
        """How errors name it: only what the sender says."""
        return " | ".join(source.text for source in self.sources if source.is_told)

    def read(self, scope: Scope) -> Value | None:
        """The value. Raises Unsupported (`unmapped_code`) for one the code table does not have."""
        for source in self.sources:
            found = source.read(scope)
            if found is not None:
                return found if self.codes is None else self._coded(found)
        return None

    def text(self, scope: Scope) -> str | None:
        """The value as text. Raises Malformed for a fraction: it is no identifier or word."""
        found = self.read(scope)
        if isinstance(found, bool | Decimal):
            raise Malformed("not text", code="unexpected_type", path=self.shown)
        return None if found is None else str(found)

    def _coded(self, found: Value) -> str:
        assert self.codes is not None  # noqa: S101 - asked by the caller
        code = plain(found)
        if code not in self.codes:
            raise Unsupported(
                f"code {code[:40]!r} is not mapped", code="unmapped_code", path=self.shown
            )
        return self.codes[code]


def plain(value: Value) -> str:
    """A value as text, as a condition or a code table writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def source_of(text: str, form: str, ups: int) -> Source:
    """Read a source. Raises ValueError with what is wrong with it.

    `form` is `csv`, `json` or `xml`; `ups` how often `../` can go up.
    """
    if text.startswith("="):
        return Source(text, constant=text[1:])
    if text in {ACCOUNT, POSITION}:
        return Source(text, special=text)
    if text.startswith("$"):
        raise ValueError(f"is neither {ACCOUNT} nor {POSITION}")
    rest, up = text, 0
    while rest.startswith("../"):
        rest, up = rest[3:], up + 1
    if up > ups:
        raise ValueError("goes up further than there is anything")
    return Source(text, up=up, path=path_of(rest, form))


def path_of(text: str, form: str) -> Path:
    """The steps of a path. Raises ValueError."""
    if not text.strip():
        raise ValueError("is empty")
    if form == "csv":
        return (text.strip(),)
    if text == ".":
        return ()
    steps = tuple(text.split("/"))
    if "" in steps:
        raise ValueError("has an empty step")
    if form == "json":
        # RFC 6901, without the slash at the beginning.
        return tuple(step.replace("~1", "/").replace("~0", "~") for step in steps)
    for step in steps:
        if not _XML_STEP.fullmatch(step):
            raise ValueError(f"has a step {step[:40]!r} that is no name of an element")
    if any(step.startswith("@") for step in steps[:-1]):
        raise ValueError("goes on behind an attribute")
    return steps
