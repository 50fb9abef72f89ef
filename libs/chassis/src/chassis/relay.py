"""The relay: publishes one service's outbox until it is stopped, and owns the Kafka producer."""

from __future__ import annotations

import asyncio
import logging

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis import bulk
from chassis.cluster import Cluster
from chassis.metrics import Metrics
from chassis.relay_round import BACKLOG, Round, UnacknowledgedSend, publish_round

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
BATCH_TTL_MS = 120_000
"""A batch must not expire in the producer while a round lasts. aiokafka fails an expired batch and
goes on with the next one of the same partition, and a broker takes that out of order when it has
seen nothing of this producer there yet."""


class Relay:
    """Publishes one service's outbox until stopped; owns the Kafka producer."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        cluster: Cluster,
        client_id: str,
        said: asyncio.Event,
        metrics: Metrics,
        batch: int = 500,
    ) -> None:
        self._engine = engine
        self._cluster = cluster
        self._client_id = client_id
        self._said = said
        self._metrics = metrics
        self._batch = batch
        self._producer: AIOKafkaProducer | None = None
        self._stopping = False
        self._singly = False
        """Events go one by one until the one that Kafka refuses is found."""
        self._round_under_way = asyncio.Lock()

    async def run(self) -> None:
        """Relay until `stop`, whatever happens to Kafka or the database meanwhile."""
        pause = 0.1
        while not self._stopping:
            try:
                await self._drain()
                pause = 0.1
            except asyncio.CancelledError:
                raise
            except Exception as error:
                self._metrics.relay_failed(type(error).__name__)
                logger.warning("relay: %s: %s; again in %.1f s", type(error).__name__, error, pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
                self._said.set()  # what was left is still there

    async def stop(self, timeout_s: float = 5.0) -> None:
        """Publish what is there, for at most ``timeout_s``, then close the producer. What was said
        before this relay had ever connected is there as well."""
        self._stopping = True
        self._said.set()
        try:
            async with asyncio.timeout(timeout_s):
                while await self._backlog() and (await self._round()).more:
                    pass
        except Exception as error:
            logger.info("relay: stopped with facts left in the outbox: %r", error)
        await self._discard_producer()

    async def _drain(self) -> None:
        """Wait to be woken, then publish until the outbox is empty."""
        await self._said.wait()
        waiting = True
        while waiting and not self._stopping:
            # Before the round: what is said from here on is in it, or in its answer.
            self._said.clear()
            done = await self._round()
            waiting = done.more
            if done.contended:
                await asyncio.sleep(0.003)
                waiting = await self._backlog()

    async def _backlog(self) -> bool:
        """Whether anything can be sent: one cheap question, before sixteen shards are asked."""
        [row] = await bulk.ask(self._engine, f"SELECT {BACKLOG}")
        return bool(row[0])

    async def _round(self) -> Round:
        async with self._round_under_way:
            producer = self._producer or await self._connect()
            async with bulk.begun(self._engine) as connection:
                limit = 1 if self._singly else self._batch
                try:
                    done = await publish_round(
                        connection, producer, limit=limit, metrics=self._metrics
                    )
                except (UnacknowledgedSend, asyncio.CancelledError):
                    # Before the shards are released, and whatever becomes of the transaction: what
                    # the producer still holds would be sent after, or between, its repetition.
                    await self._discard_producer()
                    raise
            self._singly = done.doubtful or (self._singly and done.more and done.published == 1)
            return done

    async def _connect(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._cluster.client(),
            client_id=self._client_id,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=256 * 1024,
            max_request_size=1024 * 1024,
            compression_type="lz4",
            request_timeout_ms=BATCH_TTL_MS,
            metadata_max_age_ms=60_000,
        )
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await producer.start()
        except BaseException:
            await producer.stop()
            raise
        self._producer = producer
        return producer

    async def _discard_producer(self) -> None:
        """Drop the producer and what it holds: the rows are in the outbox still. Its sender is
        cancelled first, because ``stop`` would wait for batches that an idempotent producer never
        gives up."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        task = getattr(producer._sender, "_sender_task", None)
        if task is not None:
            task.cancel()
        try:
            await asyncio.wait_for(producer.stop(), 5.0)
        except (TimeoutError, asyncio.CancelledError, KafkaError) as error:
            logger.warning("relay: the old producer did not close: %r", error)
