"""Conditions on a record: the value of a field is one of some texts, or begins with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from canonical.errors import GatewayError
from connectors.mapping.compiler import Compiler
from connectors.mapping.faults import join
from connectors.mapping.scopes import Scope
from connectors.mapping.sources import Source, plain


@dataclass(frozen=True, slots=True)
class Condition:
    """All of some fields have one of the texts written for them.

    `abc` is the text itself, `abc*` any text that begins with it, `*` any value at all, and the
    empty text stands for no value.
    """

    tests: tuple[tuple[Source, tuple[str, ...]], ...] = ()

    def holds(self, scope: Scope) -> bool:
        """Whether it holds; a field without a single value has none of the texts."""
        return all(_is_one_of(_said(source, scope), texts) for source, texts in self.tests)


def condition_of(spec: Any, where: str, compiler: Compiler) -> Condition:
    """Compile a table of source = text or list of texts."""
    if not isinstance(spec, Mapping) or not spec:
        compiler.faults.add(where, "must be a table: a field = the text it has to have")
        return Condition()
    tests = []
    for name, texts in spec.items():
        inner = join(where, str(name))
        source = compiler.source(name, inner, 0)
        listed = texts if isinstance(texts, list) else [texts]
        if not listed or not all(isinstance(one, str | bool | int) for one in listed):
            compiler.faults.add(inner, "must be a text or a list of texts")
        elif source is not None:
            tests.append((source, tuple(plain(one) for one in listed)))
    return Condition(tuple(tests))


def conditions_of(spec: Any, where: str, compiler: Compiler) -> tuple[Condition, ...]:
    """Compile one table of conditions or a list of them, of which any may hold."""
    if spec is None:
        return ()
    listed = spec if isinstance(spec, list) else [spec]
    return tuple(condition_of(one, join(where, n), compiler) for n, one in enumerate(listed))


def _said(source: Source, scope: Scope) -> str | None:
    try:
        found = source.read(scope)
    except GatewayError:
        return None
    return "" if found is None else plain(found)


def _is_one_of(said: str | None, texts: tuple[str, ...]) -> bool:
    return said is not None and any(_matches(said, text) for text in texts)


def _matches(said: str, text: str) -> bool:
    if text.endswith("*"):
        return bool(said) and said.startswith(text[:-1])
    return said == text
