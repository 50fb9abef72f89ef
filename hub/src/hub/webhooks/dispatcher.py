"""Sends what is due: one loop a process, any number of processes.

Each pass keeps what attempts came to, deals out the feed and takes what is due, in bulk and in one
transaction; attempts run beside it. An endpoint has its own few places, so one that hangs fills
only those.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from chassis.db import Database
from chassis.domain import DomainError
from chassis.due import Work, keep_up
from chassis.metrics import Metrics
from chassis.runtime import Runtime
from chassis.settings import Settings
from hub import __version__
from hub.events import cloud_event
from hub.wake import watch
from hub.webhooks import dealing, queue
from hub.webhooks.dealing import Dealt
from hub.webhooks.guard import Guard
from hub.webhooks.queue import Done, Due
from hub.webhooks.retrying import Outcome, State, follow
from hub.webhooks.sending import Result, Sender, shown
from hub.webhooks.signature import Secret, signed_headers
from hub.webhooks.vault import Vault
from hub.webhooks.watching import Instruments

logger = logging.getLogger(__name__)

PLACES = 16
"""Attempts that one endpoint may have running in one process."""
LEASE_S = 60.0
"""When what a killed process was sending is sent by another: an attempt and its recording take
much less."""
LOOK_S = 0.1
"""Busy with what is new, a pass looks so often for what has become due by time."""
PASS_AFTER_S = 0.005
"""A pass begins so long after the last one began, at least, and takes all that has come meanwhile.
"""
LOOK_AT_LEAST_S = 30.0
"""Where the feed has come to is remembered here; a crashed database may have gone back since."""
AFTER_TROUBLE_S = 0.5
TEST_TYPE = "ltc.hub.test.v1"


def guard_of(settings: Settings) -> Guard:
    """Where this process sends to."""
    return Guard(https_only=settings.environment == "production", networks=settings.egress_networks)


class Dispatcher:
    """The sending half of one process."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        metrics: Metrics,
        *,
        lease_s: float = LEASE_S,
        attempt_s: float | None = None,
    ) -> None:
        self._database = database
        guard = guard_of(settings)
        self._sender = Sender(guard) if attempt_s is None else Sender(guard, attempt_s=attempt_s)
        self._vault = Vault(settings.link_secret)
        self.instruments = Instruments(metrics)
        self._lease = uuid4()
        self._lease_s = lease_s
        self._sending: dict[asyncio.Task[None], UUID] = {}
        self._done: list[Done] = []
        self._woken = asyncio.Event()
        self._position = 0
        self._looked_at = 0.0
        self._dealt = asyncio.Event()
        """Clear while the feed has gone on and has not been dealt out."""

    async def run(self) -> None:
        """Until cancelled. What is being sent then is sent again, here or elsewhere."""
        due = Work("webhooks", queue.ANY_DUE, wake=self._woken)
        helpers = [
            asyncio.create_task(self._listen()),
            asyncio.create_task(keep_up(self._database.engine, [due])),
        ]
        try:
            while True:
                began = time.monotonic()
                try:
                    await self.work(look=began - self._looked_at >= LOOK_S)
                except Exception as error:
                    logger.warning("webhooks: %s: %s", type(error).__name__, error)
                    # A database that crashed may have taken back what was dealt out last.
                    self._dealt.clear()
                    await asyncio.sleep(AFTER_TROUBLE_S)
                    self._woken.set()
                await self._woken.wait()
                await asyncio.sleep(began + PASS_AFTER_S - time.monotonic())
                self._woken.clear()
        finally:
            await self._leave([*helpers, *self._sending])

    async def work(self, *, look: bool = True) -> None:
        """One pass. Unless it is to look, it takes nothing when it has added and ended nothing."""
        began = time.monotonic()
        done, fed = list(self._done), not self._dealt.is_set()
        due: list[Due] = []
        busy = Counter(self._sending.values())
        contents: dict[int, Any] = {}
        senders: dict[UUID, Any] = {}
        async with self._database.transaction() as tx:
            notices = await queue.record(tx, self._lease, done) if done else []
            dealt = await dealing.deal_out(tx) if fed else Dealt(self._position)
            if look or done or dealt.deliveries:
                due = await queue.take(tx, self._lease, self._lease_s, busy, PLACES)
                self._looked_at = began
            if due:
                contents = await queue.contents(tx, due)
                senders = await queue.senders(tx, due)
        self._recorded(done, notices)
        self._position = dealt.position
        if dealt.facts >= dealing.PORTION:
            self._woken.set()
        elif fed:
            self._dealt.set()
        for one in due:
            task = asyncio.create_task(
                self._deliver(one, contents.get(one.position), senders.get(one.endpoint_id))
            )
            self._sending[task] = one.endpoint_id
            task.add_done_callback(self._ended)

    async def _listen(self) -> None:
        """Wake when the feed goes on, and now and then to see that nothing was left."""
        while True:
            await self._dealt.wait()
            await watch(self._database).beyond(self._position, LOOK_AT_LEAST_S)
            self._dealt.clear()
            self._woken.set()

    def _recorded(self, done: Sequence[Done], notices: Sequence[str]) -> None:
        """These are kept."""
        del self._done[: len(done)]
        for notice in notices:
            logger.warning("%s", notice)
        self.instruments.recorded(done)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._sending.pop(task, None)
        self._woken.set()
        if not task.cancelled() and task.exception() is not None:
            logger.error("a delivery was not sent", exc_info=task.exception())

    async def _deliver(self, due: Due, fact: Any, sender: Any) -> None:
        """Send one and say what came of it."""
        at = datetime.now(UTC)
        body = None if sender is None else _body(due, fact, sender)
        if sender is None or body is None:
            self._done.append(Done(due, State.DROPPED, None, at, "", {}, "", None))
            return
        headers, result = await self._attempt(due, sender, body, at)
        now = datetime.now(UTC)
        after = follow(
            result.outcome,
            due.attempts + 1,
            now,
            once=due.is_test,
            chance=random.random(),  # noqa: S311 - spreads load, guards nothing
            at_least=result.wait,
        )
        self._done.append(
            Done(due, after.state, after.at, at, sender["url"], headers, shown(body), result)
        )

    async def _attempt(
        self, due: Due, sender: Any, body: bytes, at: datetime
    ) -> tuple[dict[str, str], Result]:
        try:
            secrets: Sequence[Secret] = [
                self._vault.open(*sealed) for sealed in json.loads(sender["secrets"] or "[]")
            ]
        except DomainError as error:
            return {}, Result(Outcome.UNSIGNED, 0, error=str(error))
        headers = {
            "content-type": "application/cloudevents+json",
            "user-agent": f"ltc-hub/{__version__}",
            "accept-encoding": "identity",
            **signed_headers(str(due.event_id), body, secrets, at),
        }
        return headers, await self._sender.send(sender["url"], body, headers)

    async def _leave(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        try:
            done = list(self._done)
            async with self._database.transaction() as tx:
                notices = await queue.record(tx, self._lease, done) if done else []
                await queue.release(tx, self._lease)
            self._recorded(done, notices)
        except Exception as error:
            logger.warning("leases were not given back: %s: %s", type(error).__name__, error)
        await self._sender.close()


def _body(due: Due, fact: Any, sender: Any) -> bytes | None:
    """The CloudEvent to send; none when there is none, or none that the subscriber may have."""
    if due.is_test:
        return _test_event(due)
    if fact is None or (sender["stages"] is not None and fact["stage"] not in sender["stages"]):
        return None
    return cloud_event(
        fact["type"], fact["envelope"], fact["data"], personal=sender["personal"]
    ).encode()


def _test_event(due: Due) -> bytes:
    event = {
        "specversion": "1.0",
        "id": str(due.event_id),
        "type": TEST_TYPE,
        "source": "/ltc/hub",
        "subject": str(due.subject),
        "time": due.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": {"endpoint_id": str(due.endpoint_id)},
    }
    return json.dumps(event, separators=(",", ":")).encode()


async def dispatch(runtime: Runtime) -> None:
    """Send webhooks as long as the process serves."""
    dispatcher = Dispatcher(runtime.database, runtime.settings, runtime.metrics)
    runtime.gauges.readers.append(partial(dispatcher.instruments.report, runtime.database.engine))
    await dispatcher.run()
