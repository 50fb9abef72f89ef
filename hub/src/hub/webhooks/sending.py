"""One attempt: a body posted to a URL, bounded in time and size, and what came of it."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiohttp
from multidict import CIMultiDictProxy

from hub.webhooks.guard import Guard, UrlRefused, guarded_connector
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


def _shown_headers(headers: CIMultiDictProxy[str]) -> dict[str, str]:
    kept = [(name.lower(), value) for name, value in headers.items()][:KEPT_HEADERS]
    return {name[:100]: _storable(value)[:500] for name, value in kept if name != "set-cookie"}


def _storable(text: str) -> str:
    """What came as bytes that are no UTF-8, and NUL, as text that PostgreSQL can hold."""
    readable = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return readable.replace("\0", "\ufffd")


class Sender:
    """The one HTTP client for deliveries: no proxies from the environment, no redirects, no
    cookies, and connections only where the guard allows.

    It is aiohttp's: a delivery costs it a twentieth of what it costs httpx (ADR 16)."""

    def __init__(
        self, guard: Guard, *, attempt_s: float = ATTEMPT_S, tls: ssl.SSLContext | None = None
    ) -> None:
        self._guard = guard
        self._attempt_s = attempt_s
        self._client = aiohttp.ClientSession(
            connector=guarded_connector(guard, tls or ssl.create_default_context()),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=min(CONNECT_S, attempt_s)),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )

    async def send(self, url: str, body: bytes, headers: dict[str, str]) -> Result:
        """Post once. Whatever happens is a result, never an exception."""
        began = time.monotonic()

        def done(outcome: Outcome, error: str = "") -> Result:
            return Result(outcome, _since(began), error=error[:500])

        try:
            async with asyncio.timeout(self._attempt_s):
                return await self._post(url, body, headers, began)
        except TimeoutError:
            return done(Outcome.TIMEOUT, f"no answer within {self._attempt_s:g} s")
        except (UrlRefused, aiohttp.InvalidURL) as error:
            return done(Outcome.REFUSED, str(error))
        except Exception as error:  # of whatever kind: a delivery without a result stays leased
            return done(Outcome.UNREACHABLE, _storable(f"{type(error).__name__}: {error}"))

    async def _post(self, url: str, body: bytes, headers: dict[str, str], began: float) -> Result:
        target = self._guard.read(url)
        async with self._client.post(
            target, data=body, headers=headers, allow_redirects=False
        ) as response:
            content = await _beginning(response.content)
            return Result(
                _outcome(response.status),
                _since(began),
                response.status,
                _shown_headers(response.headers),
                shown(content),
                wait=asked_to_wait(
                    response.status, response.headers.get("retry-after"), datetime.now(UTC)
                ),
            )

    async def close(self) -> None:
        await self._client.close()


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    """The first bytes of an answer, as they came over the wire: nothing is unpacked. Behind them
    the connection is closed."""
    read = bytearray()
    while len(read) < READ_BYTES and (chunk := await content.read(READ_BYTES - len(read))):
        read += chunk
    return bytes(read)


def _outcome(status: int) -> Outcome:
    if 200 <= status < 300:
        return Outcome.ACCEPTED
    return Outcome.GONE if status == GONE else Outcome.REJECTED


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
