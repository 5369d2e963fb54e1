"""Commands to a stream server as bytes, and their answers: what the client's pipeline does slowly.

The client's own pipeline packs in Python, at twice the cost of the whole append.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, cast

from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError, ResponseError

from canonical.errors import Unavailable

Command = Sequence[str]

UNREACHABLE: Final = "streams_unreachable"


@contextmanager
def reachable() -> Iterator[None]:
    """Turn what the client raises into Unavailable, with the server's own word as the code."""
    try:
        yield
    except RedisError as error:
        raise refusal(error) from error
    except OSError as error:
        raise Unavailable(
            f"the stream server cannot be reached ({type(error).__name__})", code=UNREACHABLE
        ) from error


def refusal(error: RedisError) -> Unavailable:
    """What a client's error means. A server's answer begins with a word: READONLY, OOM …"""
    text = str(error)
    word = text.split(" ", 1)[0]
    if isinstance(error, ResponseError):
        # redis-py drops the word from the errors it knows, and keeps it in the class's name.
        slug = word if word.isupper() and word.isalpha() else type(error).__name__
        return Unavailable(
            f"the stream server refuses: {text[:200]}",
            code=f"streams_{slug.removesuffix('Error').lower()}",
        )
    return Unavailable(
        f"the stream server cannot be reached ({type(error).__name__})", code=UNREACHABLE
    )


async def exchange(connection: AbstractConnection, commands: Sequence[Command]) -> list[object]:
    """Send all commands at once; their answers in order. A refusal is an answer too.

    Raises what the client raises when the connection fails; then it is of no more use.
    """
    await connection.send_packed_command([_packed(commands)])
    return [await _answer(connection) for _ in commands]


def raise_first(answers: Sequence[object], commands: Sequence[Command]) -> None:
    """Raise Unavailable about the first refusal among the answers to appending commands."""
    failed = [
        (answer, command[1] if len(command) > 1 else "")
        for answer, command in zip(answers, commands, strict=True)
        if isinstance(answer, Exception)
    ]
    if not failed:
        return
    error, stream = failed[0]
    if not isinstance(error, RedisError):
        raise error
    reason = refusal(error)
    raise Unavailable(
        f"{len(failed)} of {len(commands)} entries were not appended, first to {stream}: {reason}",
        code=reason.code,
        path=stream,
    ) from error


def _packed(commands: Iterable[Command]) -> bytes:
    # hiredis' own annotation says a tuple of one; any length is meant.
    return b"".join(pack_command(cast("tuple[str]", command)) for command in commands)


async def _answer(connection: AbstractConnection) -> object:
    try:
        answer: object = await connection.read_response()
    except ResponseError as refused:
        return refused
    return answer
