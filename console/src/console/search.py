"""One box: any number, reference, id, or part of a customer's name."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel

from chassis.search import escaped, part_of
from chassis.transaction import Transaction
from console.access import VISIBLE, parameters, visible
from console.lists import Listed, Surroundings, rows_of

AT_MOST = 20

BY_KEY = """
SELECT key, journey_id FROM journey_key
WHERE upper(key) = $1 OR ($2::text IS NOT NULL AND upper(key) LIKE $2)
ORDER BY upper(key) <> $1, key LIMIT 40
"""
BY_ID = """
SELECT DISTINCT journey_id, journey_id = $1 AS is_journey FROM journey_event
WHERE journey_id = $1 OR event_id = $1
"""
BY_TRACE = "SELECT DISTINCT journey_id FROM journey_event WHERE trace_id = $1 LIMIT 20"
BY_CUSTOMER = f"""
SELECT journey_id, customer FROM journey
WHERE {VISIBLE} AND normalize(customer, NFKC) ILIKE $5
ORDER BY last_fact_at DESC LIMIT 20
"""  # noqa: S608
SHORTEST_PREFIX = 3


class Matched(BaseModel):
    """What of a journey was looked for."""

    kind: str
    """``number``, ``journey``, ``event``, ``trace`` or ``customer``."""
    value: str


class Hit(Listed):
    """A journey, and by what it was found."""

    matched: Matched


class Hits(BaseModel):
    """What was found, exact matches first; at most 20."""

    hits: list[Hit]


async def find(key: str, tx: Transaction) -> dict[UUID, Matched]:
    """Journeys that something belongs to, the best match first. Not yet whether they may be
    seen."""
    asked = key.strip()
    found: dict[UUID, Matched] = {}
    if (as_id := _uuid(asked)) is not None and "-" in asked:
        for row in await tx.read(BY_ID, as_id):
            kind = "journey" if row["is_journey"] else "event"
            found.setdefault(row["journey_id"], Matched(kind=kind, value=asked))
    if not found and len(asked) == 32 and as_id is not None:
        for row in await tx.read(BY_TRACE, asked.lower()):
            found.setdefault(row[0], Matched(kind="trace", value=asked))
    if not found and asked:
        for row in await tx.read(BY_KEY, asked.upper(), _prefix(asked)):
            found.setdefault(row["journey_id"], Matched(kind="number", value=row["key"]))
    return found


async def search(q: str, around: Surroundings, tx: Transaction) -> Hits:
    """Keys first; by the customer's name only what no key is."""
    found = await find(q, tx)
    name = q.strip()
    if len(found) < AT_MOST and name:
        for row in await tx.read(BY_CUSTOMER, *parameters(tx.actor), part_of(name)):
            found.setdefault(
                row["journey_id"], Matched(kind="customer", value=str(row["customer"]))
            )
    shown = await visible(found, tx)
    wanted = [journey_id for journey_id in found if journey_id in shown][:AT_MOST]
    rows = await rows_of(wanted, around, tx)
    return Hits(hits=[Hit(matched=found[row.journey_id], **dict(row)) for row in rows])


def _prefix(asked: str) -> str | None:
    if len(asked) < SHORTEST_PREFIX:
        return None
    return f"{escaped(asked.upper())}%"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
