"""The projection: every fact of the chain, filed under its journey."""

from __future__ import annotations

from uuid import UUID

from chassis.consumer import Consumer
from chassis.transaction import Transaction
from console.storage import JourneyEventRow, JourneyKeyRow, UnfoldedRow
from contracts.catalog import FACTS
from contracts.event import Event

consumer = Consumer("console", gathers_s=0.25, observes=True)


class Glimpse(Event):
    """The few fields of any fact that the projection needs; the rest stays bytes."""

    number: str | None = None
    bank_reference: str | None = None


@consumer.on_all(FACTS, Glimpse)
async def file_fact(fact: Glimpse, tx: Transaction) -> None:
    """File a fact under its journey, and remember by what people may look for it."""
    delivery = tx.delivery
    envelope = delivery.envelope
    journey_id: UUID = envelope.journey_id
    trace = envelope.traceparent
    tx.insert_if_new(
        JourneyEventRow,
        journey_id=journey_id,
        event_id=envelope.id,
        type=envelope.type,
        source=envelope.source,
        subject=envelope.subject,
        sequence=envelope.sequence,
        said_at=envelope.time,
        seen_at=tx.now,
        causation_id=envelope.causation_id,
        trace_id=trace.split("-")[1] if trace else None,
        kafka_partition=delivery.record.partition if delivery.record.partition >= 0 else None,
        kafka_offset=delivery.record.offset if delivery.record.partition >= 0 else None,
        payload=delivery.record.value.decode(),
    )
    tx.insert_if_new(UnfoldedRow, journey_id=journey_id, event_id=envelope.id)
    keys = (fact.number, envelope.subject, fact.bank_reference)
    if envelope.sequence == 1:
        for key in filter(None, keys):
            tx.insert_if_new(JourneyKeyRow, key=key, journey_id=journey_id)
