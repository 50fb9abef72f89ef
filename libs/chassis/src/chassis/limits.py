"""Bounds on what one caller may ask: the size of a body, and how often."""

from __future__ import annotations

import time

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.problems import respond
from chassis.settings import Settings


class TooLarge(Exception):
    """The body went past the limit while it was being read."""


class BodyLimit:
    """Answers 413 to bodies larger than allowed, announced or not. Some paths allow more."""

    def __init__(self, app: ASGIApp, limit: int, larger: dict[str, int]) -> None:
        self._app = app
        self._limit = limit
        self._larger = larger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._larger.get(scope["path"], self._limit)
        announced = next((v for n, v in scope["headers"] if n == b"content-length"), b"0")
        if announced.isdigit() and int(announced) > limit:
            await self._refuse(limit, scope, receive, send)
            return
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise TooLarge
            return message

        try:
            await self._app(scope, bounded, send)
        except TooLarge:
            await self._refuse(limit, scope, receive, send)

    async def _refuse(self, limit: int, scope: Scope, receive: Receive, send: Send) -> None:
        response = respond(413, "too-large", f"a body here has at most {limit} bytes")
        await response(scope, receive, send)


class RateLimit:
    """A token bucket per bearer token (or per address without one): 429 with Retry-After."""

    def __init__(self, app: ASGIApp, per_second: float) -> None:
        self._app = app
        self._rate = per_second
        self._buckets: dict[bytes, tuple[float, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._take(scope):
            await self._app(scope, receive, send)
            return
        wait = max(1, round(1 / self._rate))
        response = respond(
            429, "too-many-requests", "slow down", headers={"Retry-After": str(wait)}
        )
        await response(scope, receive, send)

    def _take(self, scope: Scope) -> bool:
        who = next((v for n, v in scope["headers"] if n == b"authorization"), None)
        key = who or str((scope.get("client") or ("", 0))[0]).encode()
        now = time.monotonic()
        burst = max(10.0, self._rate * 2)
        level, at = self._buckets.get(key, (burst, now))
        level = min(burst, level + (now - at) * self._rate)
        if len(self._buckets) > 10_000:
            self._buckets.clear()
        self._buckets[key] = (level - 1 if level >= 1 else level, now)
        return level >= 1


def install_limits(app: FastAPI, settings: Settings, larger: dict[str, int] | None = None) -> None:
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes, larger=larger or {})
    if settings.requests_per_second > 0:
        app.add_middleware(RateLimit, per_second=settings.requests_per_second)
