"""A web server before a subscriber's program: it breaks by plan and remembers what it was sent."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from random import Random

import httpx

from testkit.webhook_receiver import (
    Behaviour,
    Call,
    Receiver,
    accept,
    answer,
    hang,
    hang_up,
    status,
)

MISBEHAVES = 0.25
"""At so many facts, mostly at the first attempt alone."""
HANGS = 3
"""So often in one trial: each costs the hub's patience, fifteen seconds."""


class Misbehaving:
    """Passes on what it is sent, or not: answers 500, garbage, half an answer, none at all, or
    passes it on and hangs up before it says so."""

    def __init__(self, receiver: Receiver, chance: Random) -> None:
        self._receiver = receiver
        self._chance = chance
        self._plans: dict[str, list[str]] = {}
        self._hangs = 0
        self._to = ""
        self._http = httpx.AsyncClient(timeout=20)
        self.done: Counter[str] = Counter()
        """How often it did what."""
        self._how: dict[str, Behaviour] = {
            "500": status(500),
            "garbage": answer(b"\x16\x03\x01 this is no HTTP\r\n\r\n"),
            "half an answer": hang_up,
            "stored, and hung up": self._store_and_hang_up,
            "no answer": hang,
        }
        receiver.behave = self._behave

    @property
    def port(self) -> int:
        return self._receiver.port

    @property
    def calls(self) -> int:
        return len(self._receiver.calls)

    @property
    def ways(self) -> set[str]:
        """All that it does at times."""
        return {*self._how}

    def passes_on_to(self, port: int) -> None:
        self._to = f"http://127.0.0.1:{port}/"

    def may_hang(self) -> None:
        """The next few that it would answer badly get no answer at all."""
        self._hangs = HANGS

    def complaints(self) -> list[str]:
        """What came again under its id must be what it was."""
        bodies: dict[str, set[bytes]] = defaultdict(set)
        for call in self._receiver.calls:
            bodies[call.event_id].add(call.body)
        return [f"{event} came as {each}" for event, each in bodies.items() if len(each) > 1]

    async def close(self) -> None:
        await self._http.aclose()

    async def _behave(self, call: Call, writer: asyncio.StreamWriter) -> None:
        plan = self._plans.setdefault(call.event_id, self._plan())
        way = plan.pop(0) if plan else "passed on"
        self.done[way] += 1
        await self._how.get(way, self._pass_on)(call, writer)

    def _plan(self) -> list[str]:
        if self._chance.random() >= MISBEHAVES:
            return []
        if self._hangs:
            self._hangs -= 1
            return ["no answer"]
        ways = sorted(self.ways - {"no answer"})
        return self._chance.choices(ways, k=self._chance.choice((1, 1, 1, 2)))

    async def _pass_on(self, call: Call, writer: asyncio.StreamWriter) -> None:
        said = await self._said(call)
        if said is None:  # nobody is there
            writer.close()
        elif said < 300:
            await accept(call, writer)
        else:
            await status(said)(call, writer)

    async def _store_and_hang_up(self, call: Call, writer: asyncio.StreamWriter) -> None:
        await self._said(call)
        writer.close()

    async def _said(self, call: Call) -> int | None:
        passed = {k: v for k, v in call.headers.items() if k.startswith(("webhook-", "content-t"))}
        try:
            said = await self._http.post(self._to, content=call.body, headers=passed)
        except httpx.TransportError:
            return None
        return said.status_code
