"""Seeded load through the public doors, and a history of what every caller was told.

The history is NDJSON, one line an answer: ``op``, ``key`` (the Idempotency-Key, with ``#row`` for
a row of a bulk request), ``status``, ``journey_id``, ``external_id``, ``time``. ``ok``: accepted,
its effect is there once. ``refused``: this request has no effect. ``unknown``: no answer, or one of
5xx; the same key is sent again until there is a definite one, and only a caller that gave up
leaves ``unknown`` as the last word on a key.

Beside it, ``statement.ndjson`` is the payment provider's own record of what was prepaid.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from chassis.issuer import mint
from ltc.settings import Settings
from ltc.walk import sellers, walk
from testkit import web_orders
from testkit.deadline import DEADLINE_S
from testkit.history import History

PATIENCE_S = DEADLINE_S
ANSWER_WITHIN_S = 10.0


@dataclass(frozen=True)
class Mix:
    """How many of a hundred requests are of which kind; the rest are single web orders."""

    bulk: int = 10
    invalid: int = 6
    repeated: int = 8
    """Accepted, then sent again with the same key: the same answer must come."""
    duplicate: int = 4
    """Accepted, then sent again with another key: it must be recognised."""


@dataclass
class Load:
    """``Load(settings, file, seed=1, requests=200, per_s=20).start()``, then `finish`."""

    settings: Settings
    history_file: Path
    seed: int
    requests: int
    per_s: float
    walks: int = 0
    """Journeys through human gates: partial deliveries, prepayment, instalments."""
    mix: Mix = field(default_factory=Mix)
    more: Callable[[], bool] = lambda: False
    """Asked once all is sent: whether another single web order is wanted at the same rate."""
    keep_alive: bool = True
    """Whether connections are used again."""
    accepted: dict[str, str] = field(default_factory=dict)
    """By key, the journey of everything that was accepted: what must reach cash."""
    wrong: list[str] = field(default_factory=list)
    """Answers that contradict an earlier one, or what was asked."""

    def __post_init__(self) -> None:
        self.history = History(self.history_file)
        self._statement = History(self.statement_file)
        self._random = random.Random(self.seed)
        self._run = f"{self.seed}-{int(time.time() * 1000):x}"
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    @property
    def statement_file(self) -> Path:
        return self.history_file.with_name("statement.ndjson")

    def start(self) -> Load:
        """Begin, in a thread."""

        def work() -> None:
            try:
                asyncio.run(self.run())
            except BaseException as error:
                self._failure = error

        self._thread = threading.Thread(target=work, name="load")
        self._thread.start()
        return self

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def finish(self, within_s: float = 2 * DEADLINE_S) -> set[UUID]:
        """Wait for the last answer; the journeys that must reach cash. Raises what went wrong."""
        if self._thread is not None:
            self._thread.join(within_s)
            if self._thread.is_alive():
                raise TimeoutError(f"the load did not end within {within_s:.0f} s")
        if self._failure is not None:
            raise self._failure
        return {UUID(journey) for journey in self.accepted.values()}

    async def run(self) -> None:
        """All of it, at the given rate."""
        token = mint(
            self.settings.key_file,
            self.settings.issuer,
            sub="load",
            name="Load",
            roles=["integration_web", "integration_import"],
            ttl_s=7200,
        )
        kept = None if self.keep_alive else 0
        limits = httpx.Limits(max_connections=64, max_keepalive_connections=kept)
        async with httpx.AsyncClient(
            base_url=self.settings.url("lead"),
            headers={"Authorization": f"Bearer {token}"},
            timeout=ANSWER_WITHIN_S,
            limits=limits,
        ) as client:
            began = time.monotonic()
            async with asyncio.TaskGroup() as group:
                for n in range(self.walks):
                    group.create_task(asyncio.to_thread(self._walk, n))
                for n, kind in enumerate(self._kinds()):
                    await asyncio.sleep(max(0.0, began + n / self.per_s - time.monotonic()))
                    began += await self._held_back()
                    group.create_task(self._request(client, n, kind))

    async def _held_back(self) -> float:
        """Seconds waited before the next request, beyond what the rate asks."""
        return 0.0

    # --- what is sent ------------------------------------------------------------------------

    def _kinds(self) -> Iterator[str]:
        kinds = vars(self.mix)
        weights = [*kinds.values(), 100 - sum(kinds.values())]
        yield from self._random.choices([*kinds, "single"], weights, k=self.requests)
        while self.more():
            yield "single"

    async def _request(self, client: httpx.AsyncClient, n: int, kind: str) -> None:
        key = f"{self._run}-{n}"
        chance = random.Random(f"{self.seed}-{n}")
        if kind == "bulk":
            rows = [
                web_orders.web_order(f"{key}#{row}", chance) for row in range(chance.randint(2, 8))
            ]
            await self._bulk(client, key, rows)
            return
        order = web_orders.web_order(key, chance)
        if kind == "invalid":
            order = web_orders.spoilt(order, chance)
        answer = await self._insist(client, kind, key, "/leads", order)
        self._judge(kind, key, order, answer)
        if kind == "repeated":
            again = await self._insist(client, "repeat", key, "/leads", order)
            self._judge("repeat", key, order, again)
        if kind == "duplicate":
            again = await self._insist(client, "duplicate", f"{key}-b", "/leads", order)
            self._judge("second", f"{key}-b", order, again)

    async def _bulk(
        self, client: httpx.AsyncClient, key: str, rows: Sequence[dict[str, Any]]
    ) -> None:
        answer = await self._insist(client, "bulk", key, "/leads/batch", {"leads": list(rows)})
        if answer is None:
            return
        if answer.status_code != 200:
            self.wrong.append(f"bulk {key}: {answer.status_code} {answer.text[:200]}")
            return
        for row, result in zip(rows, answer.json()["results"], strict=True):
            self._accept("bulk", row["origin"]["external_id"], row, result)

    async def _insist(
        self, client: httpx.AsyncClient, op: str, key: str, path: str, body: Any
    ) -> httpx.Response | None:
        """Send until there is a definite answer; none when patience ran out."""
        deadline = time.monotonic() + PATIENCE_S
        pause = 0.1
        while time.monotonic() < deadline:
            why = "no answer"
            try:
                answer = await client.post(path, json=body, headers={"Idempotency-Key": key})
            except httpx.TransportError as error:
                why = type(error).__name__
            else:
                in_flight = answer.status_code == 409 and "in-flight" in answer.text
                if answer.status_code < 500 and answer.status_code != 429 and not in_flight:
                    return answer
                why = str(answer.status_code)
            self.history.note(op, key, "unknown", why=why)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)
        return None

    # --- what came back ----------------------------------------------------------------------

    def _judge(
        self, op: str, key: str, order: dict[str, Any], answer: httpx.Response | None
    ) -> None:
        if answer is None:
            return
        if op == "invalid" and answer.status_code in (400, 422):
            self.history.note(op, key, "refused", external_id=key, code=answer.status_code)
        elif answer.status_code in (200, 201):
            self._accept(op, key, order, answer.json())
        else:
            self.history.note(op, key, "refused", external_id=key, code=answer.status_code)
            self.wrong.append(f"{op} {key}: {answer.status_code} {answer.text[:200]}")

    def _accept(self, op: str, key: str, order: dict[str, Any], result: dict[str, Any]) -> None:
        """One order's answer in full: accepted now, or earlier, or recognised as a duplicate."""
        journey, outcome = result["journey_id"], result["outcome"]
        wanted = {"invalid": "refused", "second": "duplicate"}.get(op, "accepted")
        status = "ok" if outcome == "accepted" else "refused"
        about = {"journey_id": journey, "external_id": order["origin"]["external_id"]}
        self.history.note(op, key, status, **about)
        if outcome != wanted or self.accepted.get(key, journey) != journey:
            self.wrong.append(f"{op} {key}: {result}, earlier {self.accepted.get(key)}")
        if outcome == "accepted":
            if key not in self.accepted:
                self._statement.append(web_orders.provider_line(order))
            self.accepted[key] = journey

    def _walk(self, n: int) -> None:
        """A lead without an order, walked through its human gates to cash."""
        key = f"{self._run}-walk-{n}"
        with sellers(self.settings) as cast:
            rep = cast["rep"]
            captured = rep.post("lead", "/leads", web_orders.enquiry(key))
            journey = captured["journey_id"]
            self.accepted[key] = journey
            self.history.note("walk", key, "ok", journey_id=journey, external_id=key)
            walk(cast, self.settings, rep.get("lead", f"/leads/{captured['lead_id']}"), n)
