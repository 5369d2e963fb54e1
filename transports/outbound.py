"""The one place that calls other systems: bounded, paced, and only where the manifest allows.

No redirect is followed, no proxy and no credential is taken from the environment, no cookie is
kept, and neither URLs nor bodies are logged.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Self, TypeVar

import httpx
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_exponential

from canonical.errors import GatewayError, Malformed, Rejected, TooLarge, Unavailable, Unsupported
from connectors.fetching import Answer, Caller, Request
from routing.accounts import Account
from routing.calling_out import Host, default_port, is_allowed, requests_per_second
from routing.retry import (
    Randomness,
    RetryLater,
    WaitJittered,
    WaitRetryAfter,
    retry_after_s,
)
from transports.limits import CircuitBreaker, CircuitOpen, Clock, Sleep, TokenBucket

T = TypeVar("T")

TRIES = 3
"""Calls made for one request before its failure is given back."""
LONGEST_WAIT_S = 20.0
"""A longer Retry-After is not waited for here but given back as a due time."""
ENCODINGS = frozenset({"", "identity", "gzip"})
"""Content codings that are decoded: one layer of one kind, so that what a chunk can become is
bounded (gzip: a thousandfold)."""
BUSY = frozenset({408, 425, 429})
"""Not now (RFC 9110, 15.5.9; RFC 8470, 5.2; RFC 6585, 4)."""


@dataclass(frozen=True, slots=True)
class _Gate:
    """What every call of one account passes."""

    bucket: TokenBucket
    breaker: CircuitBreaker


class Outbound:
    """Makes the requests that connectors describe."""

    def __init__(
        self,
        *,
        timeout_s: float,
        max_answer_bytes: int,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        randomness: Randomness = random.random,
    ) -> None:
        self._timeout_s = timeout_s
        self._max_answer_bytes = max_answer_bytes
        self._clock = clock
        self._sleep = sleep
        self._now = now
        self._randomness = randomness
        self._gates: dict[tuple[str, str], _Gate] = {}
        # It would log every URL, with what stands in its query.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        # One client serves all accounts: a cookie of one must not be sent for another.
        no_cookies = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
        self._client = httpx.AsyncClient(
            timeout=timeout_s,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=50),
            cookies=no_cookies,
            headers={"user-agent": "o2c-gateway", "accept-encoding": "gzip"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    @property
    def longest_call_s(self) -> float:
        """What a call may take, its tries and waits together, its place in the queue not."""
        return TRIES * (self._timeout_s + LONGEST_WAIT_S)

    async def call(self, account: Account, request: Request) -> Answer:
        """The 2xx answer to a request.

        Raises Rejected (`credentials_refused`) for 401 and 403, Unsupported for 404 and 410
        (`not_found`) and for a host that is not allowed (`host_not_allowed`), Malformed for other
        refusals (`request_refused`, `redirected`) and unusable requests and answers, TooLarge
        (`answer_too_large`), RetryLater when the system said when to come back (or is left alone
        for a while: `circuit_open`), Unavailable when it could not be reached or failed.
        """
        prepared = self._prepared(account, request)
        gate = self._gate(account)
        tries = AsyncRetrying(
            retry=retry_if_exception(_worth_a_try_now),
            stop=stop_after_attempt(TRIES),
            wait=WaitRetryAfter(
                WaitJittered(wait_exponential(multiplier=0.5), self._randomness),
                self._now(),
                LONGEST_WAIT_S,
            ),
            sleep=self._sleep,
            reraise=True,
        )
        return await tries(self._try, gate, prepared)

    def _gate(self, account: Account) -> _Gate:
        name = (account.connector.manifest.name, account.name)
        if name not in self._gates:
            rate = requests_per_second(account.options)
            self._gates[name] = _Gate(
                TokenBucket(rate, clock=self._clock, sleep=self._sleep),
                CircuitBreaker(clock=self._clock),
            )
        return self._gates[name]

    def _prepared(self, account: Account, request: Request) -> httpx.Request:
        try:
            url = httpx.URL(request.url)
            prepared = self._client.build_request(
                request.method,
                url.copy_merge_params(request.params) if request.params else url,
                headers=dict(request.headers),
                content=request.body,
            )
        except (httpx.InvalidURL, TypeError, ValueError):
            raise Malformed("the connector's request cannot be made", code="bad_request") from None
        if not is_allowed(_target(url), account.connector.manifest.hosts, account.options):
            shown = url.raw_host.decode("ascii", "replace")[:40]
            raise Unsupported(f"{shown!r} may not be called", code="host_not_allowed")
        if url.userinfo:
            raise Malformed("a URL with a credential in it", code="bad_request")
        return prepared

    async def _try(self, gate: _Gate, request: httpx.Request) -> Answer:
        gate.breaker.enter()
        try:
            await gate.bucket.take()
            answer = await self._answer(request)
        except Unavailable as error:
            if isinstance(error, RetryLater) and error.code == "rate_limited":
                gate.breaker.succeeded()
            else:
                gate.breaker.failed(error.code)
            raise
        except GatewayError:
            gate.breaker.succeeded()
            raise
        except BaseException:
            gate.breaker.abandoned()
            raise
        gate.breaker.succeeded()
        return answer

    async def _answer(self, request: httpx.Request) -> Answer:
        with _reported():
            # Over all of it: an answer that drips in forever has no pause to time out on.
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.send(request, stream=True)
                try:
                    self._judge(response)
                    body = await self._body(response)
                finally:
                    await response.aclose()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(status=response.status_code, headers=headers, body=body)

    def _judge(self, response: httpx.Response) -> None:
        """Raise what a status that is not 2xx means."""
        status = response.status_code
        if status in BUSY or status >= 500:
            raise self._not_now(response)
        if status in {401, 403}:
            raise Rejected(f"answered {status}", code="credentials_refused")
        if status in {404, 410}:
            raise Unsupported(f"answered {status}", code="not_found")
        if not 200 <= status < 300:
            code = "redirected" if 300 <= status < 400 else "request_refused"
            raise Malformed(f"answered {status}", code=code)

    def _not_now(self, response: httpx.Response) -> Unavailable:
        status = response.status_code
        code = "rate_limited" if status in BUSY else "server_error"
        wait = retry_after_s(response.headers.get("retry-after", ""), self._now())
        if wait is None and code == "server_error":
            return Unavailable(f"answered {status}", code=code)
        asked = "" if wait is None else f"{min(wait, 1e9):.3f}"
        return RetryLater(f"answered {status}", retry_after=asked, code=code)

    async def _body(self, response: httpx.Response) -> bytes:
        if response.headers.get("content-encoding", "").strip().lower() not in ENCODINGS:
            raise Malformed("an answer in a coding nobody asked for", code="bad_answer")
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._max_answer_bytes:
                raise TooLarge(
                    f"the answer has more than {self._max_answer_bytes} bytes",
                    code="answer_too_large",
                )
        return bytes(body)


def caller(account: Account) -> Caller:
    """On whose behalf a connector's requests are. Raises Malformed when there is no credential."""
    if account.api_credential is None:
        raise Malformed("this account has no api_secret", code="missing_secret")
    text = account.api_credential().value.decode()
    return Caller(account=account.name, options=account.options, credential=text)


def asked(part: str, work: Callable[..., T], *given: object) -> T:
    """What a connector's own function answers. Raises only GatewayErrors."""
    try:
        return work(*given)
    except GatewayError:
        raise
    except Exception as error:  # noqa: BLE001 - mapped, never lost
        # The type's name only: a foreign message may quote the answer.
        message = f"{part} failed with {type(error).__name__}"
        raise Malformed(message, code="connector_fault") from None


def _target(url: httpx.URL) -> Host:
    name = url.raw_host.decode("ascii", "replace").lower()
    return Host(url.scheme, name, url.port or default_port(url.scheme))


def _worth_a_try_now(error: BaseException) -> bool:
    if isinstance(error, CircuitOpen) or not isinstance(error, Unavailable):
        return False
    if not isinstance(error, RetryLater) or not error.retry_after:
        return True
    return float(error.retry_after) <= LONGEST_WAIT_S


@contextmanager
def _reported() -> Iterator[None]:
    """Turns what the client raises into our errors, without the URLs in its messages."""
    try:
        yield
    except (TimeoutError, httpx.TimeoutException):
        raise Unavailable("no whole answer in time", code="timed_out") from None
    except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
        name = type(error).__name__
        raise Unavailable(f"the connection failed ({name})", code="no_connection") from None
    except httpx.DecodingError:
        raise Malformed("the answer is not coded as it says", code="bad_answer") from None
    except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, ValueError) as error:
        name = type(error).__name__
        raise Malformed(f"the request cannot be made ({name})", code="bad_request") from None
