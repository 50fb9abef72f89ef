"""A connection to Kafka that closes while it is written to counts as lost, on import.

uvloop tells of it with a RuntimeError, which aiokafka does not expect. Whatever was writing ends
for good: fetching, heartbeats, or the refresh of metadata, without which no coordinator is found
again and no offset is committed, in a process that looks well.
"""

from __future__ import annotations

from typing import Any

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

_send = AIOKafkaConnection.send


def _send_or_lose(self: Any, request: Any, expect_response: bool = True) -> Any:
    try:
        return _send(self, request, expect_response)
    except RuntimeError as error:
        self.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(
            f"Connection at {self._host}:{self._port} broken: {error}"
        ) from error


AIOKafkaConnection.send = _send_or_lose
