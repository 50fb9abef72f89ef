"""Watches that hearing skips nothing: joins the group only while offsets and database agree."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import positions
from chassis.cluster import Cluster
from chassis.intake import Intake
from chassis.metrics import Metrics

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0
CONFIRMATIONS = 3
"""A broker that has just come up may know of no offsets for a moment: ask again before believing
it."""


class Vigil:
    """Decides whether the intake of one process hears; `chassis.positions` says what can be wrong.

    What it finds is said once, as one sentence: in the log, and by ``/health/ready``. When it is
    repaired, hearing goes on by itself.
    """

    def __init__(
        self,
        intake: Intake,
        *,
        engine: AsyncEngine,
        cluster: Cluster,
        group: str,
        topics: Sequence[str],
        metrics: Metrics,
    ) -> None:
        self.obstacle: str | None = None
        """Why nothing is heard; none while all is well."""
        self.hearing = False
        """Whether the group is joined. A process that has just started is ready before it is."""
        self._intake = intake
        self._engine = engine
        self._cluster = cluster
        self._group = group
        self._topics = topics
        self._metrics = metrics

    async def run(self) -> None:
        """Hear whenever nothing would be skipped, however long Kafka takes to be there."""
        pause = 0.5
        while True:
            try:
                if await self._may_hear():
                    pause = 0.5
                    await self._until_doubt()
                    await self.leave()
                else:
                    await asyncio.sleep(LOOK_EVERY_S)
            except Exception as error:  # whatever it is, not hearing for good would be worse
                logger.warning(
                    "cannot hear yet (%s: %s); again in %.1f s", type(error).__name__, error, pause
                )
                await self._leave_anyhow()
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    async def leave(self) -> None:
        """Let go of the group. Kafka's client cancels its fetches when it stops, and the
        cancellation of one that was about to be repeated comes out at us, with the client half
        closed. Taken for our own, it would end the vigil, and nothing would be heard again."""
        self.hearing = False
        consumer = self._intake.subscriber.consumer
        try:
            await self._intake.leave()
        except asyncio.CancelledError:
            if _told_to_stop() or consumer is None:
                raise
            await consumer._client.close()
            await self._intake.leave()

    async def _leave_anyhow(self) -> None:
        """Let go of a consumer that could not be started or stopped properly."""
        try:
            await self.leave()
        except Exception as error:
            logger.warning("the group was not left properly: %s: %s", type(error).__name__, error)

    async def _may_hear(self) -> bool:
        """Join the group, or say what stands in the way; believed when seen several times."""
        reason: str | None = None
        for _ in range(CONFIRMATIONS):
            if await positions.being_rebuilt(self._engine):
                reason = f"{self._group} is being rebuilt"
                break
            found = await positions.examine(self._cluster, self._group, self._topics)
            events = {p: at.event for p, at in found.items() if at.event is not None}
            gone = await positions.unknown(self._engine, self._group, events.values())
            reason = positions.explain(self._group, found, gone)
            if reason is None:
                self._report(None)
                await self._intake.join(events)
                self.hearing = True
                return True
            if self.obstacle is not None:
                break
            await asyncio.sleep(LOOK_EVERY_S / 2)
        self._report(reason)
        return False

    def _report(self, obstacle: str | None) -> None:
        if obstacle is not None and obstacle != self.obstacle:
            logger.critical("%s", obstacle)
        elif obstacle is None and self.obstacle is not None:
            logger.warning("%s hears again", self._group)
        self.obstacle = obstacle
        self._metrics.halted(obstacle is not None)

    async def _until_doubt(self) -> None:
        """Return when offsets are in doubt, fetching has ended, the database is rebuilt, or was
        replaced under us."""
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._intake.doubt.wait()
            except TimeoutError:
                if self._intake.deaf():
                    logger.warning("%s has stopped fetching; it joins anew", self._group)
                    return
                try:
                    last = self._intake.progress.last_events()
                    if not await positions.as_it_was(self._engine, self._group, last):
                        return
                except Exception as error:  # it is asked again; hearing goes on meanwhile
                    logger.debug("not looked: %s", error)
            else:
                return


def _told_to_stop() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
