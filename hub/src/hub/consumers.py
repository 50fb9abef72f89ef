"""Every fact of the chain, put at the end of the feed."""

from __future__ import annotations

from typing import Any

from chassis.consumer import Consumer
from chassis.transaction import Transaction
from contracts.catalog import FACTS
from contracts.event import Event
from contracts.money import Money
from hub.events import attributes
from hub.storage import FeedRow
from hub.wake import watch

consumer = Consumer("hub", gathers_s=0.01, observes=True)


class Glimpse(Event):
    """The few fields of any fact that subscribers choose by; the rest stays bytes."""

    owner: Any = None
    amount: Any = None
    totals: Any = None
    gross: Any = None
    outstanding: Any = None
    contracted: Any = None


@consumer.on_all(FACTS, Glimpse)
async def feed_fact(fact: Glimpse, tx: Transaction) -> None:
    """Append a fact. Its position comes with the row (see the trigger `feed_in_turn`)."""
    envelope, record = tx.delivery.envelope, tx.delivery.record
    money = _money(fact)
    ring = watch(tx.database).ring  # type: ignore[arg-type]
    if ring not in tx.after_commit:
        tx.after_commit.append(ring)
    tx.insert(
        FeedRow,
        seen_at=tx.now,
        event_id=envelope.id,
        type=envelope.type,
        stage=record.topic.split(".")[1],
        subject=envelope.subject,
        sequence=envelope.sequence,
        journey_id=envelope.journey_id,
        owner=fact.owner.get("sub") if isinstance(fact.owner, dict) else None,
        amount_minor=None if money is None else money.minor,
        currency=None if money is None else money.currency,
        said_at=envelope.time,
        partition=record.partition,
        kafka_offset=record.offset,
        envelope=attributes(envelope),
        data=record.value.decode(),
    )


def _money(fact: Glimpse) -> Money | None:
    """What the fact is about: its amount, else all of it with tax, else what is still owed, else
    what the journey was about."""
    total = fact.totals.get("gross") if isinstance(fact.totals, dict) else None
    said = fact.amount or total or fact.gross or fact.outstanding or fact.contracted
    try:
        return Money.parse(said["amount"], said["currency"]) if said else None
    except (ValueError, KeyError, TypeError):
        return None
