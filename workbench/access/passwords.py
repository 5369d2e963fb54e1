"""Passwords, one-time secrets and API tokens: made, hashed and compared."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from functools import cache
from typing import TYPE_CHECKING

from canonical.errors import Malformed

if TYPE_CHECKING:
    from pwdlib import PasswordHash

SHORTEST = 12
LONGEST = 256
TOKEN_START = "o2c_"  # noqa: S105 - what every token begins with
SHOWN_CHARACTERS = 10
"""How much of a token is kept readable, so that its owner recognises it."""
_SECRET_BYTES = 32
_HASHING_AT_ONCE = 2
"""Hashing takes 64 MiB and a good part of a core each time."""


class Passwords:
    """Hashes passwords off the event loop, a few at a time."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_HASHING_AT_ONCE)

    async def hash(self, password: str) -> str:
        """The Argon2id hash of a password."""
        async with self._turns:
            return await asyncio.to_thread(hash_password, password)

    async def verify(self, password: str, stored: str | None) -> tuple[bool, str | None]:
        """Whether it is the password, and a better hash to keep if there is one.

        With nothing stored the answer is no, and takes as long.
        """
        if len(password) > LONGEST:
            password = ""
        async with self._turns:
            matches, better = await asyncio.to_thread(
                _hasher().verify_and_update, password, stored or _nobodys_hash()
            )
        return (matches and stored is not None), (better if matches and stored else None)


def hash_password(password: str) -> str:
    """The Argon2id hash of a password; takes a while."""
    return _hasher().hash(password)


def check_password(password: str, *names: str) -> None:
    """Raises Malformed (`weak_password`) for one that is too short, too long or too plain."""
    problem = ""
    if len(password) < SHORTEST:
        problem = f"at least {SHORTEST} characters"
    elif len(password) > LONGEST:
        problem = f"at most {LONGEST} characters"
    elif len(set(password)) < 5:
        problem = "more than a few different characters"
    elif any(name and len(name) > 3 and name.lower() in password.lower() for name in names):
        problem = "no name in it"
    if problem:
        raise Malformed(f"a password needs {problem}", code="weak_password", path="password")


def new_secret() -> str:
    """256 random bits for a session or a link, as URL-safe text."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def new_token() -> str:
    """An API token: `o2c_` and 256 random bits."""
    return TOKEN_START + new_secret()


def digest_of(secret: str) -> bytes:
    """What is kept of a random secret. It is too long to be guessed: no salt, no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


@cache
def _hasher() -> PasswordHash:
    # Loaded with the first password, not with every command.
    from pwdlib import PasswordHash  # noqa: PLC0415

    return PasswordHash.recommended()


@cache
def _nobodys_hash() -> str:
    return hash_password(new_secret())
