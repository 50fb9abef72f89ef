"""Lost Kafka connections as aiokafka sees them on the event loop that services use."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvloop
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import ListGroupsRequest

import chassis.runtime  # noqa: F401 - what every service imports
from testkit.servers import kafka_bootstrap


def test_kafka_connection_closed_during_a_write_is_a_lost_connection() -> None:
    host, _, port = kafka_bootstrap().rpartition(":")

    async def write_to_what_is_closed() -> bool:
        connection: Any = await create_conn(host, int(port))
        writer, reader = connection._writer, connection._reader
        writer.transport.abort()
        while connection.connected():  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0)
        # The loop has closed it; aiokafka has not been told yet.
        connection._writer, connection._reader = writer, reader
        with pytest.raises(KafkaConnectionError, match="the handler is closed"):
            connection.send(ListGroupsRequest())
        return bool(connection.connected())

    assert not uvloop.run(write_to_what_is_closed())
