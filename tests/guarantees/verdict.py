"""What an installation that came to rest violates."""

from __future__ import annotations

from collections import Counter
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from chassis.delivery import Record
from contracts.catalog import PARTITIONS, PUBLIC_TOPICS
from contracts.envelope import Envelope
from local_infra.processes import run_sync
from ltc.settings import STAGES
from tests.guarantees.load import History
from tests.guarantees.rig import NAMES, Rig

ONE_PER_JOURNEY = {
    "lead": "lead",
    "deal": "deal",
    "quote": "quote",
    "contract": "contract",
    "order": "sales_order",
    "billing": "billing_account",
}
MONEY = {
    "M1 unbalanced": "SELECT transaction_id FROM ledger_entry GROUP BY transaction_id, currency"
    " HAVING sum(minor) <> 0",
    "M3 over-invoiced": "SELECT number FROM billing_account"
    " WHERE invoiced_minor - credited_minor > contracted_minor",
    "M6 paid is not invoiced": "SELECT number FROM billing_account"
    " WHERE status = 'settled' AND paid_minor <> invoiced_minor - credited_minor",
    "M9 gaps": "SELECT count(*) FROM invoice WHERE status <> 'draft'"
    " HAVING count(*) <> max(substring(number FROM '[0-9]+$')::int)",
}


def violations(rig: Rig, history: History) -> list[str]:
    """One line per violated invariant; none when all hold."""
    found = _one_of_each(rig, history)
    for name, query in MONEY.items():
        rows = rig.rows("billing", query)
        if rows:
            found.append(f"{name}: {[str(r[0]) for r in rows[:3]]}")
    return found + _delivery(rig)


def _one_of_each(rig: Rig, history: History) -> list[str]:
    accepted = {
        str(line["journey_id"])
        for line in history.lines()
        if line["status"] == "ok" and line["journey_id"]
    }
    found = []
    for name, table in ONE_PER_JOURNEY.items():
        statement = f"SELECT journey_id FROM {table}"  # noqa: S608 - our own tables
        counts = Counter(str(r[0]) for r in rig.rows(name, statement))
        if set(counts) != accepted or any(n > 1 for n in counts.values()):
            more, less = set(counts) - accepted, accepted - set(counts)
            twice = [j for j, n in counts.items() if n > 1]
            found.append(f"D1 {table}: {len(less)} missing, {len(more)} ghosts, twice {twice[:3]}")
    return found


def _delivery(rig: Rig) -> list[str]:
    records = run_sync(_read(rig.bootstrap))
    found = []
    envelopes = [Envelope.from_headers(r.headers) for r in records]
    topics: dict[str, set[str]] = {topic: set() for topic in PUBLIC_TOPICS}
    newest: dict[tuple[str, str], int] = {}
    seen: set[str] = set()
    for record, envelope in zip(records, envelopes, strict=True):
        topics[record.topic].add(str(envelope.id))
        if str(envelope.id) in seen:
            continue
        seen.add(str(envelope.id))
        lane = (record.topic, envelope.subject)
        if envelope.sequence != newest.get(lane, 0) + 1:
            found.append(f"D6 {lane}: {envelope.sequence} after {newest.get(lane)}")
        newest[lane] = envelope.sequence
    for stage in STAGES:
        logged = {str(r[0]) for r in rig.rows(stage, "SELECT id FROM event_log")}
        said = {i for topic, ids in topics.items() if topic.split(".")[1] == stage for i in ids}
        if logged != said:
            found.append(f"D2/D3 {stage}: {len(logged - said)} lost, {len(said - logged)} forged")
    for name in NAMES:
        hears = rig.service(name).consumer.subscriptions
        due = {str(e.id) for e in envelopes if e.type in hears}
        had = {str(r[0]) for r in rig.rows(name, "SELECT event_id FROM inbox")}
        if due != had:
            found.append(f"D4 {name}: {len(due - had)} not applied, {len(had - due)} unknown")
    return found[:20]


async def _read(bootstrap: str) -> list[Record]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    try:
        partitions = [TopicPartition(t, n) for t in PUBLIC_TOPICS for n in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        records: list[Any] = []
        for partition in partitions:
            while await consumer.position(partition) < ends[partition]:
                for batch in (await consumer.getmany(timeout_ms=1000)).values():
                    records += batch
        return sorted(records, key=lambda r: (r.topic, r.partition, r.offset))
    finally:
        await consumer.stop()
