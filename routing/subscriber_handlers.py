"""Which function handles which message type."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from routing.envelope import Envelope

Effect = Callable[[Envelope, Connection], None]
Call = Callable[[Envelope], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class InTransaction:
    """Its effects are rows of the subscriber's own transaction: exactly one effect a message."""

    run: Effect


@dataclass(frozen=True, slots=True)
class Outside:
    """Its effects are outside of the database: at least one effect a message."""

    run: Call


Handler = InTransaction | Outside


class Handlers:
    """The handlers of one subscriber: one a type, and one for all other types."""

    def __init__(self) -> None:
        self._by_type: dict[str, Handler] = {}
        self._otherwise: Handler | None = None

    def add(self, types: tuple[str, ...], function: Effect | Call) -> None:
        """Let this function handle these types; without types, all that have no own handler.

        Raises ValueError when a type has a handler already, TypeError for a function of another
        shape than `def (envelope, connection)` or `async def (envelope)`.
        """
        handler = _handler(function)
        if not types:
            if self._otherwise:
                raise ValueError("there is a handler for all other types already")
            self._otherwise = handler
        for type_ in types:
            if type_ in self._by_type:
                raise ValueError(f"there is a handler for {type_} already")
            self._by_type[type_] = handler

    def find(self, type_: str) -> Handler:
        """The handler of this type; one without any effect where there is none."""
        return self._by_type.get(type_) or self._otherwise or _LEAVE_ASIDE


def _leave_aside(envelope: Envelope, connection: Connection) -> None:
    """A type nobody asked for is handled by doing nothing."""


_LEAVE_ASIDE = InTransaction(_leave_aside)


def _handler(function: Effect | Call) -> Handler:
    places = len(inspect.signature(function).parameters)
    called = function if inspect.isroutine(function) else type(function).__call__
    if inspect.iscoroutinefunction(called) and places == 1:
        return Outside(function)  # type: ignore[arg-type]
    if not inspect.iscoroutinefunction(called) and places == 2:
        return InTransaction(function)  # type: ignore[arg-type]
    raise TypeError(
        "a handler is `def handler(envelope, connection)` or `async def handler(envelope)`"
    )
