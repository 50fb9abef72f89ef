"""The feed dealt out: of each next fact a delivery to every endpoint that wants it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chassis import bulk
from chassis.transaction import Transaction
from hub.cursors import SLACK
from hub.webhooks import pending
from hub.webhooks.choosing import Choice
from hub.webhooks.selection import running

PORTION = 1000
"""Facts that are dealt out in one transaction."""
BEHIND = """
SELECT position, seen_at, event_id, type, stage, subject, owner, amount_minor, currency
FROM feed WHERE position > $1 AND seen_at > $2 ORDER BY position LIMIT $3
"""
DEALT = "UPDATE fan_out SET position = $1, at = $2"
ENDPOINTS = """
SELECT id, types, stages, owners, least_minor, currency, ordered, from_position FROM endpoint
"""


@dataclass(frozen=True, slots=True)
class Dealt:
    """Up to which position of the feed, of how many facts, and how many deliveries they made."""

    position: int
    facts: int = 0
    deliveries: int = 0


async def deal_out(tx: Transaction, portion: int = PORTION) -> Dealt:
    """Make deliveries of the next facts of the feed."""
    held = await tx.scalar_row(pending.HOLD_LIGHTLY)
    facts = await tx.read(BEHIND, held["position"], held["at"] - SLACK, portion)
    if not facts:
        return Dealt(held["position"])
    endpoints = [(row, Choice.of(row)) for row in await tx.read(ENDPOINTS)]
    pairs = [
        (endpoint, fact)
        for fact in facts
        for endpoint, choice in endpoints
        if fact["position"] > endpoint["from_position"] and choice.admits(fact)
    ]
    if pairs:
        await _bring_forward(tx, pairs)
        await pending.add(tx, pairs, on_conflict="ON CONFLICT DO NOTHING")
    last = facts[-1]
    await bulk.execute(tx.connection, DEALT, last["position"], last["seen_at"])
    return Dealt(last["position"], len(facts), len(pairs))


async def _bring_forward(tx: Transaction, pairs: Sequence[tuple[Any, Any]]) -> None:
    """Of aggregates that go on while they are replayed, what the replay has not come to yet: it
    goes before what is new of them."""
    if not any(endpoint["ordered"] for endpoint, _ in pairs):
        return
    for replay in await running(tx):
        subjects = {fact["subject"] for e, fact in pairs if e["id"] == replay.endpoint_id}
        if replay.ordered and subjects:
            await pending.send_replayed(tx, replay, await replay.rest(tx, subjects))
