"""Bounds on what one caller may ask: the size of a body, and how often."""

from __future__ import annotations

import math
import time

from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.problems import Problem, respond
from chassis.settings import Settings

UNLIMITED = ("/health", "/metrics")
"""Paths of the installation's own watchers."""
CALLERS = 10_000
"""How many callers are remembered; the one not seen for longest is forgotten first."""


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
        refusal = f"a body here has at most {limit} bytes"
        announced = next((v for n, v in scope["headers"] if n == b"content-length"), b"0")
        if announced.isdigit() and int(announced[:20]) > limit:
            await respond(413, "too-large", refusal)(scope, receive, send)
            return
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise Problem(413, refusal)
            return message

        await self._app(scope, bounded, send)


class Budget:
    """A token bucket per caller: two seconds' worth at once, then so many a second."""

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._burst = max(10.0, per_second * 2)
        self._buckets: dict[str, tuple[float, float]] = {}

    def spend(self, who: str) -> None:
        """Take one request from a caller's budget. Raises Problem (429) when it is used up."""
        now = time.monotonic()
        level, at = self._buckets.pop(who, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._rate)
        if len(self._buckets) >= CALLERS:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[who] = (level - 1 if level >= 1 else level, now)
        if level < 1:
            wait = max(1, math.ceil((1 - level) / self._rate))
            raise Problem(429, f"again in {wait} s", headers={"Retry-After": str(wait)})


class AnonymousLimit:
    """Spends the budget of an address for requests without a token.

    Who brings a token is charged when it has been verified, by name: a new token is no new budget.
    """

    def __init__(self, app: ASGIApp, budget: Budget) -> None:
        self._app = app
        self._budget = budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if self._charges(scope):
                self._budget.spend(address_of(scope))
        except Problem as refusal:
            answer = respond(429, refusal.type, refusal.detail, headers=dict(refusal.headers or {}))
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _charges(self, scope: Scope) -> bool:
        return (
            scope["type"] == "http"
            and not scope["path"].startswith(UNLIMITED)
            and all(name != b"authorization" for name, _ in scope["headers"])
        )


def address_of(scope: Scope) -> str:
    """Who asks when nobody says so: the peer's address."""
    client: tuple[str, int] | None = scope.get("client")
    return f"address:{client[0] if client else ''}"


def install_limits(app: FastAPI, settings: Settings, larger: dict[str, int] | None = None) -> None:
    """Bound bodies always, and rates when the settings name one."""
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes, larger=larger or {})
    if settings.requests_per_second > 0:
        app.state.budget = Budget(settings.requests_per_second)
        app.add_middleware(AnonymousLimit, budget=app.state.budget)
