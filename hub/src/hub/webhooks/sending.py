"""One attempt: a body posted to a URL, bounded in time and size, and what came of it."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpcore
import httpx

from hub.webhooks.guard import Guard, PinningBackend, UrlRefused
from hub.webhooks.retrying import Outcome, asked_to_wait

ATTEMPT_S = 15.0
"""How long a receiver may take in all: who has more to do answers first and does it then."""
CONNECT_S = 5.0
KEPT_BYTES = 4096
"""How much of a request or an answer the delivery log keeps."""
KEPT_HEADERS = 40
READ_BYTES = 65_536
"""An answer is read so far and no further."""
GONE = 410


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an attempt."""

    outcome: Outcome
    duration_ms: int
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    error: str = ""
    wait: timedelta = timedelta(0)
    """How long the receiver asked to be left alone."""


def shown(body: bytes) -> str:
    """As much of a body as the log keeps, as text that PostgreSQL can hold."""
    return body[:KEPT_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd")


def _shown_headers(headers: httpx.Headers) -> dict[str, str]:
    kept = list(headers.items())[:KEPT_HEADERS]
    return {
        name[:100]: value.replace("\0", "\ufffd")[:500]
        for name, value in kept
        if name != "set-cookie"
    }


class Sender:
    """The one HTTP client for deliveries: no proxies from the environment, no redirects, no
    cookies, and connections only where the guard allows."""

    def __init__(
        self, guard: Guard, *, attempt_s: float = ATTEMPT_S, tls: ssl.SSLContext | None = None
    ) -> None:
        self._guard = guard
        self._attempt_s = attempt_s
        transport = httpx.AsyncHTTPTransport(trust_env=False)
        # The pool is unbounded: each endpoint's share is bounded, so none can use up another's.
        transport._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls or ssl.create_default_context(),
            max_connections=None,
            max_keepalive_connections=100,
            keepalive_expiry=30.0,
            network_backend=PinningBackend(guard),
        )
        self._client = httpx.AsyncClient(
            transport=transport,
            timeout=httpx.Timeout(attempt_s, connect=min(CONNECT_S, attempt_s)),
            follow_redirects=False,
            trust_env=False,
        )

    async def send(self, url: str, body: bytes, headers: dict[str, str]) -> Result:
        """Post once. Whatever happens is a result, never an exception."""
        began = time.monotonic()

        def done(outcome: Outcome, error: str = "") -> Result:
            return Result(outcome, _since(began), error=error[:500].replace("\0", "\ufffd"))

        try:
            async with asyncio.timeout(self._attempt_s):
                return await self._post(url, body, headers, began)
        except (TimeoutError, httpx.TimeoutException):
            return done(Outcome.TIMEOUT, f"no answer within {self._attempt_s:g} s")
        except UrlRefused as error:
            return done(Outcome.REFUSED, str(error))
        except (httpx.HTTPError, httpx.StreamError, OSError, ValueError) as error:
            return done(Outcome.UNREACHABLE, f"{type(error).__name__}: {error}")

    async def _post(self, url: str, body: bytes, headers: dict[str, str], began: float) -> Result:
        target = self._guard.read(url)
        request = self._client.build_request("POST", target, content=body, headers=headers)
        response = await self._client.send(request, stream=True)
        try:
            content = await _beginning(response)
        finally:
            await response.aclose()
            self._client.cookies.clear()
        return Result(
            _outcome(response.status_code),
            _since(began),
            response.status_code,
            _shown_headers(response.headers),
            shown(content),
            wait=asked_to_wait(
                response.status_code, response.headers.get("retry-after"), datetime.now(UTC)
            ),
        )

    async def close(self) -> None:
        await self._client.aclose()


async def _beginning(response: httpx.Response) -> bytes:
    """The first bytes of an answer, as they came over the wire: nothing is unpacked."""
    content = b""
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) >= READ_BYTES:
            break
    return content


def _outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome.ACCEPTED
    return Outcome.GONE if status == GONE else Outcome.REJECTED


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
