"""``python -m testkit.launch_faulty lead_svc``: serve a service that is odd in some way.

`FaultyInstallation` starts it instead of ``chassis.serve``. The environment names the oddity; the
service is changed in memory, and nothing of it is in a package that anybody installs.

- ``LTC_TEST_CLOCK_S``: its clock is so many seconds off.
- ``LTC_TEST_SLOW_S``: it takes so long over each batch, and its poll interval is half as long.
- ``LTC_TEST_SHUFFLE``: it hears the topics of one poll one after the other, in another order.
- ``LTC_TEST_FUTURE``: it is a later version, which says more than today's hearers know.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import orjson

from chassis import batch, db, gates, intake, outbox, positions, runtime, transaction
from contracts import ids
from contracts.event import Event
from testkit import launch


def shift_clock(seconds: float) -> None:
    """Everything that asks the chassis what time it is gets another answer."""
    shift = timedelta(seconds=seconds)

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + shift

    for module in (batch, db, gates, positions, runtime):
        module.datetime = Shifted  # type: ignore[attr-defined]

    make = ids.new_id

    def new_id() -> UUID:
        made = make().int
        milliseconds = (made >> 80) + int(seconds * 1000)
        return UUID(int=(milliseconds << 80) | (made & ((1 << 80) - 1)))

    outbox.new_id = new_id  # type: ignore[attr-defined]


def slow_down(seconds: float) -> None:
    """Each batch takes longer than Kafka's patience between two polls."""
    process = batch.BatchProcessor.process
    begin = intake.Intake.__init__

    async def slowly(self: Any, records: Sequence[Any]) -> Any:
        await asyncio.sleep(seconds)
        return await process(self, records)

    def impatient(self: Any, *arguments: Any, **named: Any) -> None:
        begin(self, *arguments, **named)
        self.subscriber._connection_args["max_poll_interval_ms"] = int(seconds * 500)

    batch.BatchProcessor.process = slowly  # type: ignore[method-assign]
    intake.Intake.__init__ = impatient  # type: ignore[method-assign]


def shuffle_topics() -> None:
    """Another order across topics, the same within each."""
    process = batch.BatchProcessor.process

    async def shuffled(self: Any, records: Sequence[Any]) -> Any:
        topics = sorted({record.topic for record in records})
        random.shuffle(topics)
        found = []
        for topic in topics:
            found += await process(self, [r for r in records if r.topic == topic])
        return found

    batch.BatchProcessor.process = shuffled  # type: ignore[method-assign]


def say_more() -> None:
    """A new field in every fact, a fact of a type nobody knows beside each, and, as a breaking
    change must be, the next major version of each said beside the old one."""
    make = outbox.outbox_row
    publish = transaction.Transaction.publish

    def row(fact: Event, **about: Any) -> dict[str, Any]:
        made = make(fact, **about)
        value = orjson.loads(made["payload"])
        made["payload"] = orjson.dumps({**value, "said_since_v9": {"more": [1, None, "x"]}})
        return made

    def later(fact: Event, name: str) -> Event:
        about = {"__module__": __name__, "name": name, "topic": fact.topic, "key": fact.key}
        kinds = dict.fromkeys(("name", "topic", "key"), ClassVar[str])
        members = {**about, "__annotations__": kinds}
        kind: type[Event] = type("Later", (type(fact),), members)
        return kind.model_construct(**dict(fact))

    def loudly(self: Any, fact: Event) -> None:
        publish(self, fact)
        stage = fact.topic.split(".")[1]
        publish(self, later(fact, f"ltc.{stage}.rumoured.v1"))
        publish(self, later(fact, fact.name.removesuffix(".v1") + ".v2"))

    transaction.outbox_row = row  # type: ignore[attr-defined]
    transaction.Transaction.publish = loudly  # type: ignore[method-assign]


def main() -> None:
    asked = os.environ
    if "LTC_TEST_CLOCK_S" in asked:
        shift_clock(float(asked["LTC_TEST_CLOCK_S"]))
    if "LTC_TEST_SLOW_S" in asked:
        slow_down(float(asked["LTC_TEST_SLOW_S"]))
    if "LTC_TEST_SHUFFLE" in asked:
        shuffle_topics()
    if "LTC_TEST_FUTURE" in asked:
        say_more()
    launch.main()


if __name__ == "__main__":
    main()
