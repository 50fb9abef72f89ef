"""Events between services in one process, as Kafka would carry them, and what consumers refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chassis.delivery import RawRecord
from testkit.harness import Harness

PUBLISHED = """
SELECT seq, topic, key, headers::text, payload FROM outbox WHERE seq > $1 ORDER BY seq LIMIT 200
"""
REFUSED = """
SELECT topic, key, status, error_class, error FROM parked_key
WHERE error_class <> 'DependencyMissing'
"""


async def relay(services: Mapping[str, Harness]) -> int:
    """Deliver events until no service publishes another; how many there were."""
    done = dict.fromkeys(services, 0)
    delivered, moved = 0, True
    while moved:
        moved = False
        for name, service in services.items():
            rows = await service.rows(PUBLISHED, done[name])
            if not rows:
                continue
            moved, done[name] = True, rows[-1][0]
            delivered += len(rows)
            records = [_record(*row) for row in rows]
            for other in services.values():
                consumed = [r for r in records if r.topic in other.service.consumer.topics]
                if consumed:
                    await other.receives_raw(*consumed)
    return delivered


def _record(seq: int, topic: str, key: str, headers: str, payload: Any) -> RawRecord:
    named = [(name, value.encode()) for name, value in json.loads(headers).items()]
    return RawRecord(topic, 0, seq, key.encode(), bytes(payload), named)


async def refusals(services: Mapping[str, Harness]) -> list[tuple[Any, ...]]:
    """Keys that a service has parked for another reason than an event that has not come yet."""
    return [
        (name, *row) for name, service in services.items() for row in await service.rows(REFUSED)
    ]
