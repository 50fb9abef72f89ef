"""Journeys in lists: all of them, what is stuck, and what a person searches for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from chassis.pagination import cursor_after, read_cursor
from chassis.search import part_of
from chassis.transaction import Transaction
from console.access import VISIBLE, parameters, visible
from console.broker import Broker, Committed
from console.evidence import Evidence, Parked, all_parked, parked_of, told_by
from console.folding import State, Summary, fold_readable
from console.peers import MOST, Asked, Peers
from console.reasons import Code, Reason, reason_of
from console.summaries import facts_of

AT_MOST_BLOCKED = 200
"""So many journeys with parked messages stand before all others on the first page."""

RECENT = f"""
SELECT journey_id, last_fact_at FROM journey
WHERE {VISIBLE} AND ($5::text IS NULL OR state = $5) AND ($6::text IS NULL OR stage = $6)
  AND ($7::text IS NULL OR waits_for = $7)
  AND ($8::text IS NULL OR normalize(customer, NFKC) ILIKE $8)
  AND ($9::timestamptz IS NULL OR (last_fact_at, journey_id) < ($9, $10::uuid))
ORDER BY last_fact_at DESC, journey_id DESC LIMIT $11
"""  # noqa: S608
STUCK = f"""
SELECT journey_id, coalesce(due_at, last_fact_at) AS breach_at FROM journey
WHERE state = 'open' AND {VISIBLE} AND ($5::text IS NULL OR coalesce(gate_stage, stage) = $5)
  AND ($6::text IS NULL OR waits_for = $6) AND NOT journey_id = ANY($7::uuid[])
  AND (NOT $8::boolean OR due_at < $9)
  AND (waits_for IS NOT NULL OR last_fact_at < $9 - interval '5 s')
  AND ($10::boolean IS NULL OR $10 = (waits_for IS NOT NULL))
  AND ($11::text[] IS NULL OR split_part(waits_for, ':', 1) = ANY($11))
  AND ($12::timestamptz IS NULL
       OR (coalesce(due_at, last_fact_at), journey_id) > ($12, $13::uuid))
ORDER BY coalesce(due_at, last_fact_at), journey_id LIMIT $14
"""  # noqa: S608
COUNTS = f"""
SELECT count(*) FILTER (WHERE waits_for LIKE 'person:%' OR waits_for LIKE 'role:%') AS human,
       count(*) FILTER (WHERE waits_for LIKE 'party:%' OR waits_for LIKE 'system:%') AS outside,
       count(*) FILTER (WHERE due_at < $5) AS overdue,
       count(*) FILTER (WHERE waits_for IS NULL AND last_fact_at < $5 - interval '5 s')
         AS without_gate
FROM journey WHERE state = 'open' AND {VISIBLE}
"""  # noqa: S608
ON_KEYS = "SELECT DISTINCT journey_id FROM journey_key WHERE key = ANY($1::text[])"

HUMANS, OUTSIDERS = ["person", "role"], ["party", "system"]


class Worth(BaseModel):
    """An amount as its fact says it: a decimal in text, with its currency."""

    amount: str
    currency: str


class Listed(BaseModel):
    """A journey in a list."""

    journey_id: UUID
    customer: str | None
    amount: Worth | None
    stage: str
    state: State
    numbers: dict[str, str]
    gate: str | None
    owner: str | None
    """Who must act now; of a journey that waits for nobody, none."""
    seller: str | None
    due_at: datetime | None
    overdue_s: int
    """Seconds of office hours."""
    reason: Code | None
    since: datetime | None
    hop: str | None
    last_fact_at: datetime
    started_at: datetime
    sentence: str


class JourneyPage(BaseModel):
    items: list[Listed]
    next: str | None = None


class StuckPage(JourneyPage):
    """What stands still, the worst first, and how much of it there is."""

    counts: dict[str, int]
    """By reason code as far as facts tell; ``all`` and ``overdue`` beside them. Parked keys of
    every service are counted where the asker may see them. On the first page alone."""
    at_least: list[Code] = []
    """There are more of these than ``counts`` says: a service did not tell of all its keys."""
    asked: list[Asked]


def listed(journey_id: UUID, summary: Summary, reason: Reason | None) -> Listed:
    last = summary.last
    if reason is not None:
        sentence = reason.sentence
    elif summary.state == "settled":
        sentence = f"Settled {last.said_at:%F %R}: everything contracted is delivered and paid."
    elif summary.state == "ended":
        sentence = f"Ended with {last.verb} at {last.said_at:%F %R}."
    else:
        sentence = f"On its way in {summary.stage}; the last was {last.verb}."
    return Listed(
        journey_id=journey_id,
        customer=summary.customer,
        amount=Worth(**summary.amount) if summary.amount else None,
        stage=summary.stage,
        state=summary.state,
        numbers=summary.numbers,
        gate=reason.gate if reason else None,
        owner=reason.owner if reason else None,
        seller=summary.owner.name if summary.owner else None,
        due_at=reason.due_at if reason else None,
        overdue_s=reason.overdue_s if reason else 0,
        reason=reason.code if reason else None,
        since=reason.since if reason else None,
        hop=reason.hop if reason else None,
        last_fact_at=last.said_at,
        started_at=summary.facts[0].said_at,
        sentence=sentence,
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What was asked once for a whole page."""

    asked: tuple[Asked, ...]
    parked: list[Parked]
    committed: Committed
    rest: Callable[[Collection[str]], Awaitable[list[Parked]]] | None = None
    """What waits of some keys, asked for by name: when more waits than was told."""

    def of(self, summary: Summary) -> Evidence:
        keys = {fact.subject for fact in summary.facts}
        mine = tuple(parked for parked in self.parked if parked.key in keys)
        return Evidence(asked=self.asked, parked=mine, committed=self.committed)

    async def widened(self, summaries: Collection[Summary]) -> Surroundings:
        """The same with all that waits of these journeys. Those of which something is known to wait
        are not asked about again."""
        if self.rest is None:
            return self
        known = {parked.key for parked in self.parked}
        subjects = ({fact.subject for fact in summary.facts} for summary in summaries)
        unknown = {key for keys in subjects if not keys & known for key in keys}
        return replace(self, parked=[*self.parked, *await self.rest(unknown)])


async def look_around(peers: Peers, broker: Broker, token: str | None) -> Surroundings:
    """Who is away, what is parked, how far each group has come: once for all rows of a page."""
    parked, committed = await asyncio.gather(peers.parked_lately(token), broker.committed())
    cut = [name for name, answer in parked.items() if answer.ok and len(answer.body) >= MOST]
    rest = partial(parked_of, peers=peers, token=token, among=cut) if cut else None
    return Surroundings(told_by(parked), all_parked(parked), committed, rest)


async def rows_of(journeys: Sequence[UUID], around: Surroundings, tx: Transaction) -> list[Listed]:
    """Some journeys as rows, in the order given: folded from their facts as they are now."""
    told = {i: fold_readable(facts)[0] for i, facts in (await facts_of(journeys, tx)).items()}
    folded = {i: summary for i, summary in told.items() if summary is not None}
    around = await around.widened(folded.values())
    return [
        listed(i, folded[i], reason_of(folded[i], around.of(folded[i]), now=tx.now))
        for i in journeys
        if i in folded
    ]


async def recent(
    tx: Transaction,
    around: Surroundings,
    *,
    state: State | None,
    stage: str | None,
    owner: str | None,
    q: str | None,
    after: str | None,
    limit: int,
) -> JourneyPage:
    """All journeys, the one that moved last first."""
    at, last = read_cursor(after, datetime) if after else (None, None)
    like = part_of(q) if q else None
    access = parameters(tx.actor)
    rows = await tx.read(RECENT, *access, state, stage, owner, like, at, last, limit + 1)
    items = await rows_of([row["journey_id"] for row in rows[:limit]], around, tx)
    return JourneyPage(items=items, next=_next(rows, "last_fact_at", limit))


async def stuck(
    tx: Transaction,
    around: Surroundings,
    *,
    stage: str | None,
    reason: Code | None,
    owner: str | None,
    over_sla: bool,
    after: str | None,
    limit: int,
) -> StuckPage:
    """Open journeys, worst first: with parked messages, then by what is due or last moved."""
    at, last = read_cursor(after, datetime) if after else (None, None)
    access = parameters(tx.actor)
    blocked = await _blocked(tx, around)
    with_gate, kinds = _narrowed(reason)
    rows = await tx.read(
        STUCK,
        *access,
        stage,
        owner,
        blocked,
        over_sla,
        tx.now,
        with_gate,
        kinds,
        at,
        last,
        limit + 1,
    )
    first = [] if after or over_sla else blocked
    items = await rows_of([*first, *(row["journey_id"] for row in rows[:limit])], around, tx)
    kept = [
        item
        for item in items
        if item.reason is not None
        and (reason is None or item.reason == reason)
        and (owner is None or item.owner == owner)
        and (stage is None or item.hop == f"{stage}-svc" or item.stage == stage)
    ]
    return StuckPage(
        items=kept,
        next=_next(rows, "breach_at", limit),
        counts={} if after else await _counts(tx, around),
        at_least=[Code.DEAD_LETTERED, Code.PARKED] if around.rest and not after else [],
        asked=list(around.asked),
    )


def _narrowed(reason: Code | None) -> tuple[bool | None, list[str] | None]:
    """What the database can tell of a reason: whether there is a gate, and whose."""
    match reason:
        case Code.WAITING_HUMAN:
            return True, HUMANS
        case Code.WAITING_EXTERNAL:
            return True, OUTSIDERS
        case Code.TIMER | Code.UNKNOWN | Code.CONSUMER_LAG | Code.OUTBOX_BACKLOG:
            return False, None
        case _:
            return None, None


async def _blocked(tx: Transaction, around: Surroundings) -> list[UUID]:
    keys = list({parked.key for parked in around.parked})[:AT_MOST_BLOCKED]
    if not keys:
        return []
    found = [row[0] for row in await tx.read(ON_KEYS, keys)]
    return list(await visible(found, tx))


async def _counts(tx: Transaction, around: Surroundings) -> dict[str, int]:
    row = await tx.scalar_row(COUNTS, *parameters(tx.actor), tx.now)
    dead = sum(parked.status == "dead" for parked in around.parked)
    return {
        Code.DEAD_LETTERED: dead,
        Code.PARKED: len(around.parked) - dead,
        Code.WAITING_HUMAN: row["human"],
        Code.WAITING_EXTERNAL: row["outside"],
        "all": row["human"] + row["outside"] + row["without_gate"],
        "overdue": row["overdue"],
        "without_gate": row["without_gate"],
    }


def _next(rows: Sequence[Any], sort: str, limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    return cursor_after(rows[limit - 1][sort], rows[limit - 1]["journey_id"])
